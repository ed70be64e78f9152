#include "net/server.h"

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "net/commands.h"
#include "net/connection.h"
#include "net/http.h"
#include "net/token.h"
#include "wire/frame.h"
#include "wire/json.h"

#define SUBPROTOCOL "ws_manager.v1"
#define HANDSHAKE_SECS 10
#define HEADERS_MAX 32768u

/* ---- the request ------------------------------------------------------------------------------------------------ */

static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '%' && c != '&' && c != '+' && c != '#' && c != '"';
}

/* libwebsockets has decoded and split the query: put together again, percent-encoded. */
static void take_query(struct lws *wsi, struct wsm__buffer *storage)
{
	char fragment[HEADERS_MAX];

	for (int i = 0;; i++) {
		int len = lws_hdr_copy_fragment(wsi, fragment, sizeof(fragment), WSI_TOKEN_HTTP_URI_ARGS, i);

		if (len < 0)
			return;
		wsm__buffer_add_str(storage, i ? "&" : "");
		for (int k = 0; k < len; k++) {
			unsigned char c = (unsigned char)fragment[k];

			if (is_plain(c))
				wsm__buffer_add(storage, &fragment[k], 1);
			else
				wsm__buffer_addf(storage, "%%%02X", c);
		}
	}
}

static void take_ip(struct lws *wsi, char out[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	out[0] = '\0';
	if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &len))
		return;
	if (peer.ss_family == AF_INET) {
		inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)&peer)->sin_addr, out, INET6_ADDRSTRLEN);
	} else if (peer.ss_family == AF_INET6) {
		const struct in6_addr *six = &((struct sockaddr_in6 *)(void *)&peer)->sin6_addr;

		if (IN6_IS_ADDR_V4MAPPED(six))
			inet_ntop(AF_INET, &six->s6_addr[12], out, INET6_ADDRSTRLEN);
		else
			inet_ntop(AF_INET6, six, out, INET6_ADDRSTRLEN);
	}
}

/* What the slices of a request take, header values of http.c included; percent-encoding may triple the query. */
static size_t request_bytes(struct lws *wsi, size_t path_len)
{
	static const enum lws_token_indexes kept[] = { WSI_TOKEN_ORIGIN, WSI_TOKEN_HOST, WSI_TOKEN_HTTP_USER_AGENT,
	                                               WSI_TOKEN_HTTP_AUTHORIZATION };
	size_t bytes = path_len + 8;
	int len = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);

	bytes += len > 0 ? 4 * (size_t)len : 0;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		len = lws_hdr_total_length(wsi, kept[i]);
		bytes += len > 0 ? (size_t)len + 2 : 0;
	}
	len = lws_hdr_custom_length(wsi, "x-api-key:", 10);
	return bytes + (len > 0 ? (size_t)len + 2 : 0);
}

void wsm__session_answered(struct wsm__session *session)
{
	if (!session->exchange)
		return;
	wsm__buffer_fini(&session->exchange->storage);
	wsm__buffer_fini(&session->exchange->body);
	free(session->exchange);
	session->exchange = NULL;
}

bool wsm__session_request(struct lws *wsi, struct wsm__session *session, wsm_slice path)
{
	struct wsm__exchange *exchange = calloc(1, sizeof(*exchange));
	struct wsm__buffer *storage;
	struct wsm__request *request;
	size_t start;

	wsm__session_answered(session);
	if (!exchange)
		return false;
	session->exchange = exchange;
	storage = &exchange->storage;
	request = &exchange->request;
	wsm__buffer_init(storage);
	wsm__buffer_init(&exchange->body);
	/* Enough at once, so that slices stay where they are. */
	if (!wsm__buffer_reserve(storage, request_bytes(wsi, path.len)))
		return false;
	start = storage->len;
	wsm__buffer_add_slice(storage, path);
	request->path = wsm__slice(storage->data + start, storage->len - start);
	start = storage->len;
	take_query(wsi, storage);
	request->query = wsm__slice(storage->data + start, storage->len - start);
	request->origin = wsm__header_take(wsi, WSI_TOKEN_ORIGIN, storage);
	/* Without one, a request is not a browser's; one that can't be read must not pass for that. */
	if (!request->origin.len && lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) > 0)
		request->origin = wsm__str("null");
	request->host = wsm__header_take(wsi, WSI_TOKEN_HOST, storage);
	request->user_agent = wsm__header_take(wsi, WSI_TOKEN_HTTP_USER_AGENT, storage);
	take_ip(wsi, exchange->ip);
	request->ip = wsm__str(exchange->ip);
	return !storage->failed;
}

/* ---- the upgrade ------------------------------------------------------------------------------------------------ */

static int refuse_upgrade(struct lws *wsi, struct wsm__session *session, unsigned status, const char *extra,
                          const char *why)
{
	session->core->counters.handshakes_refused++;
	wsm__http_refuse(wsi, status, extra, why);
	return -1; /* nothing more is to be said on this connection */
}

static bool header_is(struct lws *wsi, enum lws_token_indexes token, const char *value)
{
	char text[64];
	int len = lws_hdr_copy(wsi, text, sizeof(text), token);

	return len > 0 && !strcasecmp(text, value);
}

/* Whether ours is among those that the client offers, or it offers none. libwebsockets reads at most 127 bytes of them. */
static bool offers_subprotocol(struct lws *wsi)
{
	char offered[128];
	int len = lws_hdr_copy(wsi, offered, sizeof(offered) - 1, WSI_TOKEN_PROTOCOL);
	char *rest = offered, *name;

	while (len > 0 && (name = strsep(&rest, ",")) != NULL) {
		name += strspn(name, " \t");
		name[strcspn(name, " \t")] = '\0';
		if (!strcmp(name, SUBPROTOCOL))
			return true;
	}
	return len == 0;
}

static void make_conn(struct lws *wsi, struct wsm__session *session, const struct wsm__endpoint *endpoint,
                      const struct wsm__path_params *params)
{
	struct wsm__core *core = session->core;
	struct wsm__adopt *adopt = session->adopt;
	const wsm_admission *admission = adopt && adopt->has_admission ? &adopt->admission : NULL;
	uint64_t number = adopt ? adopt->number : atomic_fetch_add(&core->runtime->next_conn, 1);
	struct wsm__buffer headers, described;

	wsm__buffer_init(&headers);
	wsm__buffer_init(&described);
	if (wsm__wants(core, WSM_WANT_AUTHENTICATE)) {
		wsm__headers_json(wsi, session, &headers);
		wsm__request_describe(&described, &session->exchange->request, params,
		                      wsm__slice(headers.data, headers.len));
		session->exchange->request.described = wsm__slice(described.data, described.len);
	}
	session->conn = wsm__conn_new(core, number, &session->exchange->request, endpoint, params, admission);
	if (session->conn && adopt) {
		session->conn->tell_closed = true;
		wsm__adopt_free(adopt);
		session->adopt = NULL;
	}
	wsm__buffer_fini(&headers);
	wsm__buffer_fini(&described);
}

/* RFC 6455 section 4.2.1, before libwebsockets answers. Returns what the callback returns. */
static int confirm_upgrade(struct lws *wsi, struct wsm__session *session)
{
	const wsm_admission *admission =
		session->adopt && session->adopt->has_admission ? &session->adopt->admission : NULL;
	struct wsm__endpoint *endpoint = NULL;
	struct wsm__path_params params;
	struct wsm__buffer headers, token;
	char *uri = NULL;
	int uri_len = 0;
	unsigned status;

	/* This build of libwebsockets would answer h2c with 101. */
	if (!header_is(wsi, WSI_TOKEN_UPGRADE, "websocket"))
		return refuse_upgrade(wsi, session, 400, "", "only Upgrade: websocket is served here");
	if (lws_http_get_uri_and_method(wsi, &uri, &uri_len) != LWSHUMETH_GET)
		return refuse_upgrade(wsi, session, 405, "Allow: GET\r\n", "a WebSocket is opened by GET");
	if (!header_is(wsi, WSI_TOKEN_VERSION, "13"))
		return refuse_upgrade(wsi, session, 426, "Sec-WebSocket-Version: 13\r\n",
		                      "only WebSocket version 13 is served");
	if (lws_hdr_total_length(wsi, WSI_TOKEN_KEY) != 24)
		return refuse_upgrade(wsi, session, 400, "", "Sec-WebSocket-Key must be 16 bytes in base64");
	if (!offers_subprotocol(wsi))
		return refuse_upgrade(wsi, session, 400, "", "none of the subprotocols is served; " SUBPROTOCOL " is");
	if (!wsm__session_request(wsi, session, wsm__slice(uri, (size_t)uri_len)))
		return -1;
	status = wsm__request_check(session->core->runtime, &session->exchange->request, admission, &endpoint, &params);
	if (status)
		return refuse_upgrade(wsi, session, status, "",
		                      status == 403 ? "this Origin may not connect"
		                                    : "there is no endpoint of this path");
	wsm__buffer_init(&headers);
	wsm__buffer_init(&token);
	if ((admission && admission->admitted) || wsm__headers_token(wsi, session, &params, &headers, &token))
		make_conn(wsi, session, endpoint, &params);
	else
		status = 403;
	wsm__endpoint_unref(endpoint);
	wsm__buffer_fini(&headers);
	wsm__buffer_fini(&token);
	if (status)
		return refuse_upgrade(wsi, session, status, "", "a token in a cookie needs an Origin");
	wsm__session_answered(session);
	free(session->bearer);
	session->bearer = NULL;
	return session->conn ? 0 : -1;
}

/* ---- an open connection ----------------------------------------------------------------------------------------- */

static int receive(struct lws *wsi, struct wsm__conn *conn, const void *data, size_t len)
{
	bool last = lws_is_final_fragment(wsi) != 0;

	if (!last && lws_remaining_packet_payload(wsi) == 0 && ++conn->fragments > wsm__conn_max_fragments(conn)) {
		wsm__conn_close(conn, 1008, "the message has more fragments than max_fragments");
		return 0;
	}
	wsm__client_receive(conn, data, len, !conn->in_message, last, lws_frame_is_binary(wsi) != 0);
	conn->in_message = !last;
	return 0;
}

static bool has_unsent(const struct wsm__conn *conn)
{
	if (conn->sub.overflow) /* it does not read: see cut_off() */
		return false;
	return conn->sub.outbox.count || (conn->core->stopping && wsm__sub_lags(&conn->sub));
}

static int writable(struct lws *wsi, struct wsm__conn *conn)
{
	if (lws_partial_buffered(wsi)) {
		lws_callback_on_writable(wsi);
		return 0;
	}
	conn->choked = false;
	wsm__flush_soon(conn);
	if (conn->state != WSM__CONN_CLOSING || conn->close_asked)
		return 0;
	if (conn->close_code == 1006)
		return -1;
	if (has_unsent(conn)) { /* goes first: the flush comes before the loop polls again */
		lws_callback_on_writable(wsi);
		return 0;
	}
	conn->close_asked = true;
	wsm__wheel_closing(conn);
	wsm__unmark_dirty(&conn->core->registry, &conn->sub);
	lws_close_reason(wsi, (enum lws_close_status)conn->close_code,
	                 (unsigned char *)(conn->close_reason ? conn->close_reason : ""),
	                 conn->close_reason ? strlen(conn->close_reason) : 0);
	/*
	 * Not by returning -1: a libwebsockets that was built with _DEBUG (Debian's is) closes such a connection twice under
	 * libuv ("uv repeat test"), and the second time cuts it off before the close frame went out. This closes it once: the
	 * connection stays valid, and lws sends the frame as soon as the socket takes it.
	 */
	lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
	return 0;
}

/*
 * RFC 6455 section 7.4: what the client says is checked before it is echoed. libwebsockets has put 1002 in place of some codes
 * already. Returns what the callback returns.
 */
static int peer_closes(struct lws *wsi, struct wsm__conn *conn, unsigned char *payload, size_t len)
{
	unsigned code = len >= 2 ? (unsigned)payload[0] << 8 | payload[1] : 1005;
	wsm_slice reason = wsm__slice((const char *)payload + 2, len > 2 ? len - 2 : 0);
	unsigned wrong = 0;

	if (len == 1 || (len >= 2 && !wsm__close_code_valid(code)))
		wrong = 1002;
	else if (!wsm__utf8_valid(reason))
		wrong = 1007;
	if (conn->state != WSM__CONN_CLOSING) {
		wsm__conn_closing(conn);
		conn->close_code = (uint16_t)(wrong ? wrong : code);
		free(conn->close_reason);
		conn->close_reason = wrong ? NULL : wsm__slice_dup(reason);
	}
	conn->close_asked = true; /* libwebsockets answers by itself */
	if (!wrong)
		return 0;
	lws_close_reason(wsi, (enum lws_close_status)wrong, NULL, 0);
	return -1;
}

/* What libwebsockets found wrong by itself it closes without a callback; it leaves the code behind. */
static void note_close_by_lws(struct lws *wsi, struct wsm__conn *conn)
{
	const unsigned char *payload = lws_get_close_payload(wsi);

	if (conn->state == WSM__CONN_CLOSING || lws_get_close_length(wsi) < 2)
		return;
	wsm__conn_closing(conn);
	conn->close_code = (uint16_t)(payload[0] << 8 | payload[1]);
	conn->close_asked = true;
}

bool wsm__server_may_write(struct wsm__conn *conn)
{
	note_close_by_lws(conn->wsi, conn);
	return !conn->close_asked;
}

void wsm__server_read(struct wsm__conn *conn, bool on)
{
	lws_rx_flow_control(conn->wsi, on);
}

/* ---- callbacks -------------------------------------------------------------------------------------------------- */

static int session_new(struct lws *wsi, struct wsm__core *core)
{
	struct wsm__session *session = calloc(1, sizeof(*session));

	if (!session)
		return -1;
	session->core = core;
	session->adopt = core->adopting;
	core->adopting = NULL; /* taken */
	session->bearer = core->bearer;
	core->bearer = NULL;
	lws_set_opaque_user_data(wsi, session);
	session->fd = lws_get_socket_fd(wsi);
	wsm__runtime_own_fd(core->runtime, session->fd, true);
	core->n_sessions++;
	return 0;
}

/* Before libwebsockets closes it: afterwards the number may be another file's, which a forked child must not close. */
static void disown(struct wsm__session *session)
{
	wsm__runtime_own_fd(session->core->runtime, session->fd, false);
	session->fd = -1;
}

static void session_free(struct lws *wsi, struct wsm__session *session)
{
	struct wsm__core *core = session->core;

	lws_set_opaque_user_data(wsi, NULL);
	if (session->conn)
		wsm__conn_gone(session->conn);
	if (session->adopt) {
		wsm__adopt_failed(core->runtime, session->adopt->number, 1006, "the handshake failed");
		wsm__adopt_free(session->adopt);
	}
	disown(session);
	wsm__session_answered(session);
	free(session->bearer);
	free(session);
	core->n_sessions--;
}

static int on_websocket(struct lws *wsi, enum lws_callback_reasons reason, struct wsm__session *session, void *in,
                        size_t len)
{
	struct wsm__conn *conn = session->conn;

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		conn->wsi = wsi;
		wsm__conn_established(conn);
		return 0;
	case LWS_CALLBACK_RECEIVE: /* comes even after libwebsockets has found an error: what follows is garbage then */
		note_close_by_lws(wsi, conn);
		return receive(wsi, conn, in, len);
	case LWS_CALLBACK_RECEIVE_PONG:
		wsm__conn_heard(conn);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return writable(wsi, conn);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return peer_closes(wsi, conn, in, len);
	case LWS_CALLBACK_CLOSED:
		disown(session);
		note_close_by_lws(wsi, conn);
		session->conn = NULL;
		wsm__conn_gone(conn);
		return 0;
	default:
		return 0;
	}
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct lws_context *context = lws_get_context(wsi);
	struct wsm__core *core = context ? lws_context_user(context) : NULL;
	struct wsm__session *session = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	(void)user;
	if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED && core)
		return session_new(wsi, core);
	if (!session || !core)
		return 0;
	wsm__core_now(core);
	switch (reason) {
	case LWS_CALLBACK_WSI_DESTROY:
		session_free(wsi, session);
		return 0;
	case LWS_CALLBACK_CLOSED_HTTP:
		disown(session);
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return confirm_upgrade(wsi, session);
	case LWS_CALLBACK_HTTP:
		return wsm__http_request(wsi, session, in, len);
	case LWS_CALLBACK_HTTP_BODY:
		return wsm__http_body(session, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		return session->exchange ? wsm__http_answer(wsi, session) : 0;
	default:
		return session->conn ? on_websocket(wsi, reason, session, in, len) : 0;
	}
}

/* ---- the context ------------------------------------------------------------------------------------------------ */

static const struct lws_protocols protocols[] = {
	{ .name = SUBPROTOCOL, .callback = callback, .rx_buffer_size = 512, .tx_packet_size = 1u << 20 },
	{ .name = NULL },
};

/* Liveness is heartbeat.c's business. */
static const lws_retry_bo_t no_validity_check = { .secs_since_valid_ping = 0 };

/* libwebsockets' log has no context and goes to stderr by default; what it calls errors is mostly chatter. */
static void swallow_log(int level, const char *line)
{
	(void)level;
	(void)line;
}

int wsm__server_open(struct wsm__core *core, wsm_error *error)
{
	struct lws_context_creation_info info;
	void *loops[1] = { &core->loop };

	lws_set_log_level(0, swallow_log);
	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.protocols = protocols;
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8 |
	               LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	info.foreign_loops = loops;
	info.user = core;
	info.max_http_header_data2 = HEADERS_MAX;
	info.max_http_header_pool = 4096;
	info.timeout_secs = HANDSHAKE_SECS;
	info.keepalive_timeout = HANDSHAKE_SECS;
	info.retry_and_idle_policy = &no_validity_check;
	core->lws = lws_create_context(&info);
	if (core->lws)
		core->vhost = lws_create_vhost(core->lws, &info);
	if (core->vhost)
		return WSM_OK;
	return wsm__fail(error, WSM_ESYSTEM,
	                 "libwebsockets could not be started; is its libuv plugin (libwebsockets-evlib-uv) installed?");
}

void wsm__server_close(struct wsm__core *core)
{
	if (core->lws)
		lws_context_destroy(core->lws);
}

void wsm__server_fini(struct wsm__core *core)
{
	if (core->lws)
		lws_context_destroy(core->lws);
	core->lws = NULL;
}

/* The callbacks fire inside. */
static void adopt_socket(struct wsm__core *core, int fd, wsm_slice read, char *bearer)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails on other sockets: no matter */
	core->lws_timers = true;                                     /* the time that the handshake may take */
	core->bearer = bearer;
	if (read.len)
		lws_adopt_socket_vhost_readbuf(core->vhost, fd, read.data, read.len);
	else
		lws_adopt_socket_vhost(core->vhost, fd);
	free(core->bearer); /* it did not get as far as a session */
	core->bearer = NULL;
}

void wsm__server_take_read(struct wsm__core *core, int fd, wsm_slice read, char *bearer)
{
	core->adopting = NULL;
	adopt_socket(core, fd, read, bearer);
}

void wsm__server_take(struct wsm__core *core, int fd, struct wsm__adopt *adopt)
{
	char *bearer = NULL;

	core->adopting = adopt;
	if (adopt && core->runtime->jwt)
		adopt->request.len =
			wsm__token_strip((char *)(uintptr_t)adopt->request.data, adopt->request.len, &bearer);
	adopt_socket(core, fd, adopt ? adopt->request : wsm__slice(NULL, 0), bearer);
	if (core->adopting) { /* it did not get as far as a session */
		wsm__adopt_failed(core->runtime, adopt->number, 1006, "the socket could not be taken over");
		wsm__adopt_free(adopt);
	}
	core->adopting = NULL;
}
