/* Handles an open connection's frames (RFC 6455, sections 5 to 7): messages, pings, and the closing handshake from both sides. */
#include "sockets/websocket.h"

#include <stdlib.h>
#include <string.h>

#include "clients/carrier.h"
#include "clients/client.h"
#include "clients/echo.h"
#include "clients/frames.h"
#include "clients/limits.h"
#include "sockets/answer.h"

/* ---- the closing handshake -------------------------------------------------------------------------------------- */

/* Ends the connection after the closing handshake, or without waiting for it; the socket lingers. */
static void part(struct wsm__session *session)
{
	struct wsm__conn *conn = session->conn;

	wsm__session_linger(session);
	wsm__conn_gone(conn);
}

/* Sends a Close frame (section 5.5.1). `code` 1005: a frame without a code. */
static void send_close(struct wsm__conn *conn, unsigned code, const char *reason)
{
	uint8_t frame[2 + WSM__CONTROL_MAX];
	size_t len = reason && code != 1005 ? strlen(reason) : 0;

	if (len > WSM__CONTROL_MAX - 2)
		len = WSM__CONTROL_MAX - 2;
	frame[0] = 0x80u | WSM__CLOSE;
	frame[1] = (uint8_t)(code == 1005 ? 0 : len + 2);
	frame[2] = (uint8_t)(code >> 8);
	frame[3] = (uint8_t)code;
	if (len)
		memcpy(frame + 4, reason, len);
	conn->close_sent = true;
	wsm__session_write(conn->session, frame, 2u + frame[1]);
}

static void close_socket(struct wsm__conn *conn)
{
	struct wsm__session *session = conn->session;

	if (conn->close_code == 1006) {
		wsm__session_doom(session);
		return;
	}
	if (wsm__answer_held(session)) {
		wsm__answer_refuse(session, conn->close_code, conn->close_reason ? conn->close_reason : "");
		part(session);
		return;
	}
	send_close(conn, conn->close_code, conn->close_reason);
	wsm__unmark_dirty(&conn->core->registry, &conn->sub);
	if (conn->hang_up)
		part(session);
	else
		wsm__conn_wait_closing(conn); /* for the client's answer */
}

/* Handles a Close frame of the client: the answer to ours, or one to answer after the messages that are queued. */
static void peer_closes(struct wsm__conn *conn, const struct wsm__inbound_event *event)
{
	if (conn->close_sent) {
		part(conn->session);
		return;
	}
	conn->hang_up = true;
	if (conn->state == WSM__CONN_CLOSING)
		return;
	wsm__conn_closing(conn);
	conn->close_code = (uint16_t)event->code;
	free(conn->close_reason);
	conn->close_reason = event->data.len ? wsm__slice_dup(event->data) : NULL;
	wsm__flush_soon(conn);
}

/* Closes after bytes that are no WebSocket, or break a limit; does not wait for the client's answer. */
static void client_fails(struct wsm__conn *conn, const struct wsm__inbound_event *event)
{
	if (conn->close_sent) {
		part(conn->session);
		return;
	}
	conn->hang_up = true;
	if (event->code == 1009)
		wsm__limits_too_large(conn);
	else
		wsm__conn_close(conn, event->code, event->reason);
}

/* ---- frames ----------------------------------------------------------------------------------------------------- */

/*
 * Section 5.5.3: answers every ping, after the messages that are queued. Pongs need no bound: session.c reads nothing while the
 * socket takes nothing.
 */
static void pong(struct wsm__conn *conn, wsm_slice payload)
{
	struct wsm__pub *pub = conn->state == WSM__CONN_CLOSING ? NULL : wsm__pub_new(WSM__PONG, payload, false);

	if (!pub)
		return;
	pub->control = true;
	wsm__sub_put(&conn->core->registry, &conn->sub, pub);
	wsm__pub_unref(pub);
}

/* Handles an event. Returns false to stop reading. */
static bool handle(struct wsm__conn *conn, const struct wsm__inbound_event *event)
{
	switch (event->kind) {
	case WSM__IN_DATA:
		wsm__client_receive(conn, event->data.data, event->data.len, event->first, event->last, event->binary);
		return true;
	case WSM__IN_PING:
		if (wsm__limits_control(conn, event->data.len))
			pong(conn, event->data);
		return true;
	case WSM__IN_PONG: /* allowed without a ping, but it counts towards the rate */
		wsm__limits_control(conn, event->data.len);
		return true;
	case WSM__IN_CLOSE:
		peer_closes(conn, event);
		return false;
	case WSM__IN_ERROR:
		client_fails(conn, event);
		return false;
	default:
		return false;
	}
}

static void receive(struct wsm__session *session, uint8_t *data, size_t len)
{
	struct wsm__inbound_limits limits;
	struct wsm__inbound_event event;
	size_t at = 0;

	if (!session->conn)
		return;
	limits.max_message = wsm__conn_max_message(session->conn);
	limits.max_frames = wsm__conn_max_fragments(session->conn);
	if (wsm__answer_held(session)) {
		wsm__conn_close(session->conn, 1002, "nothing may be sent before the request is answered");
		return;
	}
	wsm__conn_heard(session->conn);
	do
		at += wsm__inbound_next(&session->inbound, &limits, data + at, len - at, &event);
	while (handle(session->conn, &event) && session->conn && session->phase == WSM__OPEN);
}

/* ---- the carrier ------------------------------------------------------------------------------------------------ */

static bool send_frames(struct wsm__conn *conn, const void *data, size_t len)
{
	return wsm__session_write(conn->session, data, len);
}

static bool write_frames(struct wsm__conn *conn)
{
	if (conn->choked || conn->close_sent)
		return false;
	wsm__frames_write(conn, send_frames);
	return true;
}

static void admit(struct wsm__conn *conn)
{
	wsm__answer_release(conn->session);
}

static void cut_off(struct wsm__conn *conn)
{
	wsm__session_doom(conn->session);
}

static void forget(struct wsm__conn *conn)
{
	conn->session->conn = NULL;
}

static const struct wsm__carrier carrier = {
	.write = write_frames, .close = close_socket, .admit = admit, .cut_off = cut_off, .forget = forget
};

/* ---- the session ------------------------------------------------------------------------------------------------ */

static void writable(struct wsm__session *session)
{
	if (!session->conn)
		return;
	wsm__conn_heard(session->conn); /* it has read what waited: it lives */
	wsm__flush_soon(session->conn);
}

static void choke(struct wsm__session *session, bool choked)
{
	if (session->conn)
		session->conn->choked = choked;
}

static void end(struct wsm__session *session)
{
	if (session->conn)
		wsm__conn_gone(session->conn);
}

static const struct wsm__session_ops ops = { .receive = receive, .writable = writable, .choke = choke, .end = end };

void wsm__websocket_open(struct wsm__session *session, struct wsm__conn *conn)
{
	session->conn = conn;
	session->ops = &ops;
	conn->session = session;
	conn->carrier = &carrier;
	wsm__session_open(session);
}
