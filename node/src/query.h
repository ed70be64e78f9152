/* query.h - questions to the runtime thread, which are promises. */
#ifndef WSM_NODE_QUERY_H
#define WSM_NODE_QUERY_H

#include "seat.h"

METHOD(query);
METHOD(conn_join);
METHOD(conn_leave);
METHOD(rest);

#endif
