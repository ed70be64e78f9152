/*
 * conn_info.h - what is fixed about a connection: shared with the host, whose threads may hold it for longer than the connection
 * lives.
 */
#ifndef WSM_HOST_CONN_INFO_H
#define WSM_HOST_CONN_INFO_H

#include "ws_manager.h"

/*
 * The facts that the host sees, with one reference: client id, user, session, path, query, address, user agent. NULL when out of
 * memory.
 */
const wsm_conn_info *wsm__info_new(uint64_t number, int64_t connected_at, const wsm_slice texts[7]);

#endif
