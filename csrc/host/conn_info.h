/*
 * conn_info.h - the facts of a connection, shared with the host: its threads may hold them after the connection has gone.
 */
#ifndef WSM_HOST_CONN_INFO_H
#define WSM_HOST_CONN_INFO_H

#include "ws_manager.h"

/*
 * Makes the facts for the host, with one reference: client id, user, session, path, query, address, user agent. NULL when out of
 * memory.
 */
const wsm_conn_info *wsm__info_new(uint64_t number, int64_t connected_at, const wsm_slice texts[7]);

#endif
