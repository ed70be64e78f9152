/*
 * The echo endpoint (test_echo_path) for conformance tests: sends every message back with its opcode, and nothing else. Its only limit
 * is WSM__ECHO_MAX. sockets/session.c reads nothing from a client that does not read.
 */
#include "clients/echo.h"

#include <string.h>

#include "base/error.h"

void wsm__echo(struct wsm__conn *conn, wsm_slice message)
{
	struct wsm__pub *pub = wsm__pub_new(conn->binary ? WSM__BINARY : WSM__TEXT, message, false);

	if (!pub) {
		wsm__conn_close(conn, 1013, "the server is out of memory");
		return;
	}
	pub->control = true; /* of no room: no delivery that is counted */
	wsm__sub_put(&conn->core->registry, &conn->sub, pub);
	wsm__pub_unref(pub);
}

int wsm__echo_init(wsm_runtime *runtime, wsm_error *error)
{
	wsm_endpoint endpoint = {
		.path = wsm__str(runtime->config->test_echo_path),
		.flags = WSM__ENDPOINT_ECHO,
	};

	if (!endpoint.path.len)
		return WSM_OK;
	if (memchr(endpoint.path.data, '{', endpoint.path.len))
		return wsm__fail(error, WSM_ECONFIG, "test_echo_path \"%s\": must be a path without parameters",
		                 runtime->config->test_echo_path);
	return wsm__endpoints_set(&runtime->endpoints, &endpoint, error);
}
