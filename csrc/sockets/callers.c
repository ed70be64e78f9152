/*
 * Bounds the connections of the own port that make REST calls: their number for one address and in all, and the bytes of their unread
 * answers. HTTP clients can connect again at any time, so the least useful connection makes room.
 */
#include "sockets/callers.h"

#include "clients/peers.h"
#include "core/core.h"
#include "host/refusals.h"
#include "policy/config.h"
#include "sockets/answer.h"

static void tell(struct wsm__session *session, const char *why)
{
	char ip[WSM__ADDRESS_TEXT];

	wsm__session_ip(session, ip);
	wsm__refusal_tell(session->core->runtime, WSM__REFUSED_HTTP, "an HTTP connection from %s was ended: %s", ip,
	                  why);
}

void wsm__callers_bound(struct wsm__session *session)
{
	struct wsm__core *core = session->core;
	struct wsm__session *oldest;

	if (core->http_queued <= core->config->max_http_queue)
		return;
	wsm__limit_broken(core, WSM__LIMIT_max_http_queue);
	while (core->http_queued > core->config->max_http_queue && (oldest = core->answering) != session) {
		core->counters.http_dropped++;
		tell(oldest, "too many answers wait to be read (max_http_queue), this one for longest");
		wsm__session_doom(oldest);
	}
}

/* Returns the session that is idle for longest, else with the oldest unread answer, else that waits longest for the host; not `but`. */
static struct wsm__session *least(struct wsm__core *core, const struct wsm__session *but)
{
	struct wsm__session *session = core->entering;

	while (session && (session == but || !session->peer))
		session = session->next;
	if (session)
		return session;
	return core->answering ? core->answering : core->asking;
}

static void make_room(struct wsm__session *session)
{
	struct wsm__core *core = session->core;
	struct wsm__session *other;

	if (core->n_http <= core->config->max_http_connections)
		return;
	wsm__limit_broken(core, WSM__LIMIT_max_http_connections);
	other = least(core, session);
	if (!other)
		return;
	core->counters.http_dropped++;
	tell(other, "there are too many connections that make REST calls (max_http_connections)");
	wsm__session_doom(other);
}

bool wsm__callers_enter(struct wsm__session *session, const struct wsm__address *client, struct wsm__refusal *refusal)
{
	struct wsm__core *core = session->core;
	struct wsm__peer *peer = wsm__peer_get(core, client);
	char ip[WSM__ADDRESS_TEXT];

	if (peer && session->peer == peer)
		return true;
	wsm__session_leave_peer(session); /* a proxy uses one connection for many clients */
	if (!peer) {
		*refusal = (struct wsm__refusal){ .status = 503, .why = "the server is out of memory", .extra = "" };
		return false;
	}
	if (peer->http >= core->config->max_connections_per_ip) {
		wsm__limit_broken(core, WSM__LIMIT_max_connections_per_ip);
		wsm__refusal_tell(core->runtime, WSM__REFUSED_HTTP,
		                  "a REST call of %s (429): there are too many HTTP connections from there "
		                  "(max_connections_per_ip)",
		                  wsm__address_format(client, ip));
		*refusal = (struct wsm__refusal){
			.status = 429,
			.why = "there are too many HTTP connections from this address (max_connections_per_ip)",
			.extra = "Retry-After: 1\r\n",
		};
		return false;
	}
	peer->http++;
	session->peer = peer;
	core->n_http++;
	make_room(session);
	return true;
}
