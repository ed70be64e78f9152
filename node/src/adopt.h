/* adopt.h - sockets of Node's servers that are handed over. */
#ifndef WSM_NODE_ADOPT_H
#define WSM_NODE_ADOPT_H

#include "seat.h"

METHOD(adopt);

/* Functions of the addon, not of a Runtime. */
METHOD(dup_fd);
METHOD(close_fd);
METHOD(socket_pair);

#endif
