/*
 * Writing: the dirty lists to the sockets. Each connection gets one write for all that waits for it; a batch that is the same
 * for many connections is copied together once. In slices, so that a room of 100,000 does not hold up reads and timers.
 *
 * The bytes are finished RFC 6455 frames. Whole frames only, and never while libwebsockets still holds a part of an earlier write:
 * then the outbox is the one place where messages wait, conflate and overflow.
 */
#include <string.h>

#include "base/clock.h"
#include "net/connection.h"
#include "net/session.h"

#define SLICE_US 3000u                          /* for one turn of the loop */
#define CONN_BYTES_MAX (4u * WSM__SCRATCH_SIZE) /* for one connection in one turn */
#define BRIDGE_WINDOW 262144u                   /* bytes that the host may hold of a bridged connection */
#define CLOCK_EVERY 16u                         /* writes between two looks at the clock */

void wsm__flush_soon(struct wsm__conn *conn)
{
	wsm__mark_dirty(&conn->core->registry, &conn->sub, true);
}

/* The first `n` of its outbox, as so many bytes. */
static void count_sent(struct wsm__conn *conn, uint32_t n, size_t bytes)
{
	struct wsm__core *core = conn->core;

	for (uint32_t i = 0; i < n; i++) {
		bool control = wsm__outbox_at(&conn->sub.outbox, i)->control;

		core->counters.messages_sent += !control;
		conn->sent.count += !control;
	}
	core->counters.bytes_sent += bytes;
	conn->bytes_sent += bytes;
}

/* How many from the front go into one write of at most WSM__SCRATCH_SIZE; a larger one goes alone. */
static uint32_t batch(const struct wsm__outbox *outbox, size_t *bytes)
{
	uint32_t n = 0, max = sizeof(((struct wsm__scratch *)0)->pubs) / sizeof(struct wsm__pub *);

	*bytes = 0;
	while (n < outbox->count && n < max) {
		size_t len = wsm__outbox_at(outbox, n)->frame_len;

		if (n && *bytes + len > WSM__SCRATCH_SIZE)
			break;
		*bytes += len;
		n++;
		if (*bytes >= WSM__SCRATCH_SIZE)
			break;
	}
	return n;
}

/* Whether the scratch buffer already holds just these. Its publications are kept alive by references. */
static bool same_batch(const struct wsm__scratch *scratch, const struct wsm__outbox *outbox, uint32_t n)
{
	if (scratch->count != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (scratch->pubs[i] != wsm__outbox_at(outbox, i))
			return false;
	return true;
}

static void forget_batch(struct wsm__scratch *scratch)
{
	for (uint32_t i = 0; i < scratch->count; i++)
		wsm__pub_unref(scratch->pubs[i]);
	scratch->count = 0;
	scratch->len = 0;
	wsm__buffer_fini(&scratch->large);
}

/* At most `bytes`, which is more than there is space for if it is a large raw one. False: no memory. */
static bool copy_batch(struct wsm__scratch *scratch, const struct wsm__outbox *outbox, uint32_t n, size_t bytes,
                       bool raw)
{
	uint8_t *data = scratch->bytes;

	forget_batch(scratch);
	if (bytes > sizeof(scratch->bytes)) {
		if (!wsm__buffer_reserve(&scratch->large, bytes))
			return false;
		data = (uint8_t *)scratch->large.data;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct wsm__pub *pub = wsm__outbox_at(outbox, i);

		if (raw && wsm__pub_has_raw(pub)) {
			scratch->len += wsm__pub_frame_raw(pub, data + scratch->len);
		} else {
			memcpy(data + scratch->len, pub->frame, pub->frame_len);
			scratch->len += pub->frame_len;
		}
		scratch->pubs[i] = wsm__pub_ref(pub);
	}
	scratch->count = n;
	scratch->data = data;
	return true;
}

/* The first `n` as they go on the wire; *bytes: at most, and then really. NULL: no memory. */
static const uint8_t *batch_data(struct wsm__conn *conn, uint32_t n, size_t *bytes)
{
	const struct wsm__outbox *outbox = &conn->sub.outbox;
	struct wsm__scratch *scratch = &conn->core->scratch[conn->sub.raw];
	const struct wsm__pub *first = wsm__outbox_at(outbox, 0);

	if (n == 1 && !(conn->sub.raw && wsm__pub_has_raw(first)))
		return first->frame;
	if (!same_batch(scratch, outbox, n) && !copy_batch(scratch, outbox, n, *bytes, conn->sub.raw))
		return NULL;
	*bytes = scratch->len;
	return scratch->data;
}

/* One write of a batch; false when the connection takes no more now. */
static bool write_batch(struct wsm__conn *conn, size_t *written)
{
	struct wsm__core *core = conn->core;
	struct wsm__outbox *outbox = &conn->sub.outbox;
	size_t bytes;
	uint32_t n = batch(outbox, &bytes);
	const uint8_t *data = batch_data(conn, n, &bytes);

	if (!data) {
		wsm__sub_overflowed(&core->registry, &conn->sub);
		return false;
	}
	if (!wsm__session_write(conn->session, data, bytes)) {
		conn->close_code = conn->close_code ? conn->close_code : 1006;
		wsm__conn_closing(conn);
		conn->choked = true;
		return false;
	}
	count_sent(conn, n, bytes);
	wsm__sub_written(&core->registry, &conn->sub, n);
	*written += bytes;
	if (conn->state == WSM__CONN_CLOSING)
		wsm__wheel_closing(conn);
	return !conn->choked;
}

/* In core->text where it is made. No data: no memory. */
static wsm_slice bridge_text(struct wsm__conn *conn, const struct wsm__pub *pub)
{
	struct wsm__buffer *text = &conn->core->text;

	if (!conn->sub.raw || !wsm__pub_has_raw(pub))
		return wsm__pub_payload(pub);
	wsm__buffer_clear(text);
	if (!wsm__buffer_reserve(text, wsm__pub_raw_len(pub)))
		return wsm__slice(NULL, 0);
	wsm__pub_write_raw(pub, (uint8_t *)text->data);
	return wsm__slice(text->data, wsm__pub_raw_len(pub));
}

static void write_bridge(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	struct wsm__outbox *outbox = &conn->sub.outbox;

	/* At the end all goes out, at most max_queue: the host would never ask for it. */
	while (outbox->count && (conn->in_flight < BRIDGE_WINDOW || conn->state == WSM__CONN_CLOSING)) {
		struct wsm__pub *pub = wsm__outbox_at(outbox, 0);
		wsm_slice text = bridge_text(conn, pub);
		struct wsm__event *event =
			text.data ? wsm__event_new(WSM_EVENT_BRIDGE_SEND, wsm__str(NULL), text, wsm__str(NULL)) : NULL;

		if (!event)
			return;
		event->event.conn = conn->number;
		event->event.binary = pub->opcode == WSM__BINARY;
		conn->in_flight += text.len;
		wsm__event_post(core->runtime, event, true); /* bounded by the window */
		count_sent(conn, 1, pub->frame_len);
		wsm__sub_written(&core->registry, &conn->sub, 1);
	}
	conn->choked = outbox->count > 0;
}

static void write_socket(struct wsm__conn *conn)
{
	size_t written = 0;

	while (conn->sub.outbox.count && written < CONN_BYTES_MAX)
		if (!write_batch(conn, &written))
			return;
}

/* The end of a bridged connection: all that it is owed (at a stop also from history) goes to the host, then the close. */
static void end_bridge(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;

	if (!conn->sub.overflow)
		write_bridge(conn);
	while (core->stopping && wsm__sub_lags(&conn->sub) && !conn->sub.overflow && !conn->sub.outbox.count) {
		wsm__refill(&core->registry, &conn->sub, core->now_ms);
		write_bridge(conn);
	}
	wsm__conn_gone(conn); /* the host gets WSM_EVENT_CLOSED and closes its socket */
}

/* What goes before the Close frame. */
static bool has_unsent(const struct wsm__conn *conn)
{
	if (conn->sub.overflow) /* it does not read: see cut_off() in heartbeat.c */
		return false;
	return conn->sub.outbox.count || (conn->core->stopping && wsm__sub_lags(&conn->sub));
}

static void flush_conn(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;

	if (conn->sub.overflow && conn->state != WSM__CONN_CLOSING) {
		core->counters.slow_consumers++;
		wsm__conn_close(conn, 4413, "the client fell behind by more than max_queue");
	}
	if (conn->bridge) {
		if (conn->state == WSM__CONN_CLOSING) {
			end_bridge(conn);
			return;
		}
		if (!conn->choked)
			write_bridge(conn);
	} else if (!conn->session || conn->choked || conn->close_sent) {
		return;
	} else {
		write_socket(conn);
	}
	if (wsm__sub_lags(&conn->sub)) /* as far as there is space: a slow client's outbox may never be empty */
		wsm__refill(&core->registry, &conn->sub, core->now_ms);
	if (conn->sub.outbox.count && !conn->choked)
		wsm__mark_dirty(&core->registry, &conn->sub, false); /* its share of this turn is used up */
	else
		wsm__outbox_shrink(&conn->sub.outbox);
	if (conn->session && conn->state == WSM__CONN_CLOSING && !conn->choked && !has_unsent(conn))
		wsm__websocket_close(conn);
}

bool wsm__flush(struct wsm__core *core)
{
	struct wsm__registry *registry = &core->registry;
	uint64_t until = wsm__mono_us() + SLICE_US;
	unsigned writes = 0;

	while (registry->urgent || registry->dirty) {
		struct wsm__sub *sub = registry->urgent ? registry->urgent : registry->dirty;

		wsm__unmark_dirty(registry, sub);
		flush_conn(wsm__conn_of(sub));
		if (++writes % CLOCK_EVERY == 0 && wsm__mono_us() > until)
			break;
	}
	/* Nothing is to be compared with it in another turn. */
	forget_batch(&core->scratch[0]);
	forget_batch(&core->scratch[1]);
	return registry->urgent || registry->dirty;
}
