/* The opening handshake: checks a request for a WebSocket, and answers by 101 or a refusal (RFC 6455, section 4.2). */
#include "sockets/upgrade.h"

#include <stdio.h>
#include <string.h>

#include "clients/conn.h"
#include "clients/drain.h"
#include "clients/entry.h"
#include "clients/peers.h"
#include "host/adopt.h"
#include "host/request.h"
#include "policy/config.h"
#include "sockets/answer.h"
#include "sockets/websocket.h"
#include "wire/handshake.h"
#include "wire/target.h"

static void fill_request(struct wsm__request *request, const struct wsm__head *head, wsm_slice path, const char *ip,
                         bool tls)
{
	memset(request, 0, sizeof(*request));
	request->path = path;
	request->query = head->query;
	request->ip = wsm__str(ip);
	request->headers = head->fields;
	request->n_headers = head->n_fields;
	request->host = head->host;
	request->tls = tls;
}

/* Makes the connection for a request that has passed. Returns NULL when out of memory. */
static struct wsm__conn *make_conn(struct wsm__session *session, const struct wsm__request *request,
                                   const struct wsm__endpoint *endpoint, const struct wsm__path_params *params)
{
	struct wsm__core *core = session->core;
	struct wsm__adopt *adopt = session->adopt;
	const wsm_admission *admission = adopt && adopt->has_admission ? &adopt->admission : NULL;
	uint64_t number = adopt ? adopt->number : atomic_fetch_add(&core->runtime->next_conn, 1);
	struct wsm__conn *conn = wsm__conn_new(core, number, request, endpoint, params, admission);

	if (conn)
		conn->arrived = true;
	if (conn && adopt) {
		conn->tell_closed = true;
		wsm__adopt_free(adopt);
		session->adopt = NULL;
	}
	return conn;
}

/*
 * Checks the client's address, for clients of proxies and hand-overs of the host; the listener has checked all others. Returns false,
 * and fills `refusal`, for one that may not come in.
 */
static bool is_welcome(struct wsm__session *session, const struct wsm__request *request, struct wsm__refusal *refusal)
{
	struct wsm__core *core = session->core;
	struct wsm__address address;
	struct wsm__peer *peer;
	bool banned;

	if (!session->adopt && !request->client.via_proxy)
		return true;
	wsm__address_parse(&address, request->ip);
	peer = wsm__peer_get(core, &address);
	switch (wsm__peer_arrives(core, peer)) {
	case WSM__ARRIVAL_WELCOME:
		return true;
	case WSM__ARRIVAL_BANNED:
		banned = true;
		break;
	default:
		banned = false;
		break;
	}
	snprintf(refusal->line, sizeof(refusal->line), "Retry-After: %llu\r\n",
	         banned ? (unsigned long long)(peer->record.until_ms - core->now_ms + 999) / 1000 : 1ull);
	refusal->status = 429;
	refusal->extra = refusal->line;
	refusal->why = banned ? "this address is banned for a while"
	                      : "there are too many new connections from this address (connection_rate_per_ip)";
	return false;
}

static void accept_upgrade(struct wsm__session *session, struct wsm__conn *conn, const struct wsm__head *head,
                           bool chosen)
{
	struct wsm__buffer answer;

	wsm__websocket_open(session, conn);
	wsm__buffer_init(&answer);
	wsm__handshake_accept(&answer, head, chosen);
	if (wsm__buffer_steal(&answer, &session->held)) {
		wsm__session_doom(session);
	} else {
		conn->by_http = session->core->config->http_refusal && !wsm__head_get(head, "origin").data;
		if (!conn->by_http)
			wsm__answer_release(session);
		if (session->phase == WSM__OPEN)
			wsm__conn_established(conn);
	}
	wsm__buffer_fini(&answer);
}

static void refuse(struct wsm__session *session, unsigned status, const char *why, struct wsm__refusal *refusal)
{
	refusal->status = status ? status : 503;
	refusal->why = status ? why : "the server is out of memory";
	refusal->extra = "";
	if (status != 503)
		return;
	session->core->drain->refused++;
	snprintf(refusal->line, sizeof(refusal->line), "Retry-After: %u\r\n", wsm_retry_after(session->core->runtime));
	refusal->extra = refusal->line;
}

bool wsm__upgrade(struct wsm__session *session, const struct wsm__head *head, struct wsm__refusal *refusal)
{
	const wsm_admission *admission =
		session->adopt && session->adopt->has_admission ? &session->adopt->admission : NULL;
	char path[WSM__PATH_MAX + 1], ip[WSM__ADDRESS_TEXT];
	const char *why, *extra = "";
	struct wsm__endpoint *endpoint = NULL;
	struct wsm__path_params params;
	struct wsm__request request;
	struct wsm__buffer token;
	struct wsm__conn *conn = NULL;
	bool chosen = false, welcome;
	unsigned status = wsm__handshake_check(head, &chosen, &why, &extra);
	int len = wsm__percent_decode(head->path, false, path, sizeof(path));

	if (!status && len < 0) {
		status = 404;
		why = "the path is too long, or not valid";
	}
	if (status) {
		*refusal = (struct wsm__refusal){ .status = status, .why = why, .extra = extra };
		return false;
	}
	wsm__session_ip(session, ip);
	fill_request(&request, head, wsm__slice(path, (size_t)len), ip,
	             session->tls != NULL || (admission && admission->tls));
	wsm__buffer_init(&token);
	status = wsm__request_admit(session->core->runtime, &request, admission, &endpoint, &params, &token, &why);
	welcome = status || is_welcome(session, &request, refusal);
	if (!status && welcome)
		conn = make_conn(session, &request, endpoint, &params);
	if (conn)
		accept_upgrade(session, conn, head, chosen);
	else if (welcome)
		refuse(session, status, why, refusal);
	wsm__endpoint_unref(endpoint);
	wsm__buffer_fini(&token);
	return conn != NULL;
}
