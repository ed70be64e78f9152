/* connections.h - the table of connections. */
#ifndef WSM_ADMIN_CONNECTIONS_H
#define WSM_ADMIN_CONNECTIONS_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__core;
struct wsm__table_request;

/* The tables: each appends an object. False, with nothing appended: there is no column to sort by as asked for. */
bool wsm__admin_connections(struct wsm__core *core, const struct wsm__table_request *request, wsm_slice room,
                            struct wsm__buffer *out);

#endif
