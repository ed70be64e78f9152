/* What the panel's buttons do. Each is a line in the log. */
#include "admin/actions.h"

#include <jansson.h>

#include "clients/ban.h"
#include "clients/conn.h"
#include "clients/peers.h"
#include "host/log.h"
#include "rest/call.h"

#define CODE 4409 /* as wsm_disconnect() has it */
#define REASON "disconnected by an administrator"
#define BAN_REASON "by an administrator"
#define SECONDS_MAX 31536000.0

static wsm_slice text_of(json_t *body, const char *name)
{
	json_t *value = json_object_get(body, name);

	return wsm__slice(json_string_value(value), json_string_length(value));
}

static const char *caller(const struct wsm__call *call, char out[WSM__ADDRESS_TEXT])
{
	wsm__address_format(&call->from.client.address, out);
	return *out ? out : "an unknown address";
}

static unsigned close_user(struct wsm__core *core, wsm_slice user_id)
{
	struct wsm__conn *conn, *next;
	unsigned n = 0;

	for (conn = core->by_number; conn; conn = next) {
		next = conn->by_number.next;
		if (conn->state == WSM__CONN_CLOSING || !wsm__slice_equal(conn->sub.user_id, user_id))
			continue;
		wsm__conn_close(conn, CODE, REASON);
		n++;
	}
	return n;
}

static void disconnect(struct wsm__call *call, json_t *body)
{
	wsm_slice client = text_of(body, "client_id"), user = text_of(body, "user_id"), id = client.len ? client : user;
	struct wsm__conn *conn;
	char ip[WSM__ADDRESS_TEXT];
	unsigned n = 0;

	if (!client.len == !user.len) {
		wsm__call_refuse(call, 400, "bad_request", "give either client_id or user_id, as a string");
		return;
	}
	if (user.len) {
		n = close_user(call->core, user);
	} else {
		conn = wsm__conn_by_client(call->core, client);
		if (conn && conn->state != WSM__CONN_CLOSING) {
			wsm__conn_close(conn, CODE, REASON);
			n = 1;
		}
	}
	if (n)
		wsm__log(call->core->runtime, WSM_WARNING, "admin panel: %s disconnected %s \"%.*s\" (%u)",
		         caller(call, ip), client.len ? "the client" : "the user", (int)id.len, id.data, n);
	wsm__buffer_addf(call->out, "{\"closed\":%u}", n);
}

static bool address_of(struct wsm__call *call, json_t *body, struct wsm__address *address)
{
	if (wsm__address_parse(address, text_of(body, "ip")))
		return true;
	wsm__call_refuse(call, 400, "bad_request", "ip must be an IP address: 192.0.2.7, 2001:db8::1");
	return false;
}

static void ban(struct wsm__call *call, json_t *body)
{
	json_t *seconds = json_object_get(body, "seconds");
	double length = json_number_value(seconds);
	char ip[WSM__ADDRESS_TEXT], by[WSM__ADDRESS_TEXT];
	struct wsm__address address;
	struct wsm__peer *peer;
	uint64_t before;

	if (!address_of(call, body, &address))
		return;
	if (!json_is_number(seconds) || !(length >= 1 && length <= SECONDS_MAX)) {
		wsm__call_refuse(call, 400, "bad_request", "seconds must be a number from 1 to 31536000");
		return;
	}
	peer = wsm__peer_get(call->core, &address);
	before = peer ? peer->connections : 0;
	wsm__ban(call->core, &address, length, wsm__str(BAN_REASON));
	if (!wsm__peer_banned(call->core, &address)) {
		wsm__call_refuse(call, 503, "internal", "the server is out of memory");
		return;
	}
	wsm__address_format(&address, ip);
	wsm__log(call->core->runtime, WSM_WARNING, "admin panel: %s banned %s for %u s", caller(call, by), ip,
	         (unsigned)length);
	wsm__buffer_addf(call->out, "{\"banned\":\"%s\",\"closed\":%llu}", ip, (unsigned long long)before);
}

static void unban(struct wsm__call *call, json_t *body)
{
	char ip[WSM__ADDRESS_TEXT], by[WSM__ADDRESS_TEXT];
	struct wsm__address address;
	bool was;

	if (!address_of(call, body, &address))
		return;
	was = wsm__peer_banned(call->core, &address);
	wsm__ban(call->core, &address, 0, wsm__str(NULL));
	wsm__address_format(&address, ip);
	if (was)
		wsm__log(call->core->runtime, WSM_WARNING, "admin panel: %s lifted the ban of %s", caller(call, by),
		         ip);
	wsm__buffer_addf(call->out, "{\"lifted\":%s}", was ? "true" : "false");
}

static void act(struct wsm__call *call, void (*action)(struct wsm__call *call, json_t *body))
{
	json_t *body = wsm__call_body(call);

	if (body)
		action(call, body);
	json_decref(body);
}

void wsm__admin_disconnect(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	act(call, disconnect);
}

void wsm__admin_ban(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	act(call, ban);
}

void wsm__admin_unban(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	act(call, unban);
}
