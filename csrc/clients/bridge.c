#include "clients/bridge.h"

#include <stdlib.h>

#include "clients/carrier.h"
#include "clients/client.h"
#include "clients/conn.h"
#include "clients/entry.h"
#include "clients/frames.h"
#include "host/adopt.h"
#include "host/events.h"
#include "host/request.h"
#include "rooms/catchup.h"
#include "rooms/page.h"

#define WINDOW 262144u /* bytes that the host may hold of a bridged connection */

static void hand_over(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	struct wsm__outbox *outbox = &conn->sub.outbox;

	/* A closing connection hands over all, at most max_queue: the host would not confirm it. */
	while (outbox->count && (conn->in_flight < WINDOW || conn->state == WSM__CONN_CLOSING)) {
		struct wsm__pub *pub = wsm__outbox_at(outbox, 0);
		struct wsm__encoded encoded;
		struct wsm__event *event = NULL;

		if (wsm__pub_encode(pub, conn->sub.raw ? WSM__AS_RAW : WSM__AS_FRAME, &encoded))
			event = wsm__event_new(WSM_EVENT_BRIDGE_SEND, wsm__str(NULL), encoded.payload, wsm__str(NULL));
		if (!event)
			return;
		event->event.conn = conn->number;
		event->event.binary = pub->opcode == WSM__BINARY;
		conn->in_flight += encoded.payload.len;
		wsm__event_post(core->runtime, event, true); /* bounded by the window */
		wsm__frames_sent(conn, 1, pub->frame_len);
		wsm__sub_written(&core->registry, &conn->sub, 1);
	}
	conn->choked = outbox->count > 0;
}

/* Ends a bridged connection: hands over all that waits, at a stop also from history, then the close. */
static void end(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;

	if (!conn->sub.overflow)
		hand_over(conn);
	while (core->stopping && wsm__sub_lags(&conn->sub) && !conn->sub.overflow && !conn->sub.outbox.count) {
		wsm__refill(&core->registry, &conn->sub, core->now_ms);
		if (wsm__sub_reads(&conn->sub)) /* it reads from a log: goes on after that, or is cut off */
			return;
		hand_over(conn);
	}
	wsm__conn_gone(conn); /* the host gets WSM_EVENT_CLOSED and closes its socket */
}

static bool write_bridge(struct wsm__conn *conn)
{
	if (conn->state == WSM__CONN_CLOSING) {
		end(conn);
		return false;
	}
	if (!conn->choked)
		hand_over(conn);
	return true;
}

static const struct wsm__carrier bridge = { .hosted = true, .write = write_bridge, .close = wsm__conn_gone };

void wsm__bridge_open_run(struct wsm__core *core, struct wsm__adopt *adopt)
{
	const wsm_admission *admission = adopt->has_admission ? &adopt->admission : NULL;
	const wsm_request from = { adopt->path,      adopt->query, adopt->ip, adopt->headers,
	                           adopt->n_headers, adopt->tls,   adopt->via };
	struct wsm__endpoint *endpoint;
	struct wsm__path_params params;
	struct wsm__request request;
	struct wsm__buffer token;
	struct wsm__conn *conn = NULL;
	const char *why;

	wsm__request_of(&request, &from, adopt->path);
	wsm__buffer_init(&token);
	if (!wsm__request_admit(core->runtime, &request, admission, &endpoint, &params, &token, &why))
		conn = wsm__conn_new(core, adopt->number, &request, endpoint, &params, admission);
	if (conn) {
		conn->carrier = &bridge;
		conn->tell_closed = true;
		wsm__conn_established(conn);
	} else {
		wsm__adopt_failed(core->runtime, adopt->number, 1013, "the connection could not be made");
	}
	wsm__endpoint_unref(endpoint);
	wsm__buffer_fini(&token);
	wsm__adopt_free(adopt);
}

static struct wsm__conn *bridged(struct wsm__core *core, uint64_t number)
{
	struct wsm__conn *conn = wsm__conn_by_number(core, number);

	return conn && conn->carrier == &bridge ? conn : NULL;
}

void wsm__bridge_received(struct wsm__core *core, uint64_t number, wsm_slice data, bool binary)
{
	struct wsm__conn *conn = bridged(core, number);

	if (conn)
		wsm__client_receive(conn, data.data, data.len, true, true, binary);
}

void wsm__bridge_written(struct wsm__core *core, uint64_t number, size_t bytes)
{
	struct wsm__conn *conn = bridged(core, number);

	if (!conn)
		return;
	conn->in_flight -= bytes < conn->in_flight ? bytes : conn->in_flight;
	conn->choked = false;
	wsm__flush_soon(conn);
}

void wsm__bridge_closed(struct wsm__core *core, uint64_t number, unsigned code, wsm_slice reason)
{
	struct wsm__conn *conn = bridged(core, number);

	if (!conn)
		return;
	if (!conn->close_code) {
		conn->close_code = (uint16_t)code;
		free(conn->close_reason);
		conn->close_reason = wsm__slice_dup(reason);
	}
	wsm__conn_gone(conn);
}
