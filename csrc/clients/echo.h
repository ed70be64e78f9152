/* echo.h - the endpoint of test_echo_path. */
#ifndef WSM_CLIENTS_ECHO_H
#define WSM_CLIENTS_ECHO_H

#include "clients/conn.h"
#include "policy/config.h"

#define WSM__ECHO_MAX (16u << 20) /* bytes of a message */

static inline size_t wsm__conn_max_message(const struct wsm__conn *conn)
{
	return conn->echo ? WSM__ECHO_MAX : conn->core->config->max_message_size;
}

static inline uint32_t wsm__conn_max_fragments(const struct wsm__conn *conn)
{
	return conn->echo ? UINT32_MAX : (uint32_t)conn->core->config->max_fragments;
}

/* Adds the endpoint if test_echo_path is set. WSM_ECONFIG. */
int wsm__echo_init(wsm_runtime *runtime, wsm_error *error);
/* Sends a complete message back. */
void wsm__echo(struct wsm__conn *conn, wsm_slice message);

#endif
