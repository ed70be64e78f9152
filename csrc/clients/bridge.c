#include "clients/bridge.h"

#include <stdlib.h>

#include "clients/client.h"
#include "clients/conn.h"
#include "clients/flush.h"
#include "host/adopt.h"
#include "host/request.h"
#include "host/simple.h"

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
		conn->bridge = conn->tell_closed = true;
		wsm__conn_established(conn);
	} else {
		wsm__adopt_failed(core->runtime, adopt->number, 1013, "the connection could not be made");
	}
	wsm__endpoint_unref(endpoint);
	wsm__buffer_fini(&token);
	wsm__adopt_free(adopt);
}

void wsm__bridge_run(struct wsm__core *core, struct wsm__simple *command)
{
	struct wsm__conn *conn = wsm__conn_by_number(core, command->number);

	if (!conn || !conn->bridge)
		return;
	switch (command->head.kind) {
	case WSM__CMD_BRIDGE_RECEIVE:
		wsm__client_receive(conn, command->a.data, command->a.len, true, true, command->flag);
		break;
	case WSM__CMD_BRIDGE_WRITTEN:
		conn->in_flight -= command->bytes < conn->in_flight ? command->bytes : conn->in_flight;
		conn->choked = false;
		wsm__flush_soon(conn);
		break;
	default:
		if (!conn->close_code) {
			conn->close_code = (uint16_t)command->code;
			free(conn->close_reason);
			conn->close_reason = wsm__slice_dup(command->a);
		}
		wsm__conn_gone(conn);
		break;
	}
}
