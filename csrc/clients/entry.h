/* entry.h - how a connection gets in: who it is, what it may join, and the moment from which on it may speak. */
#ifndef WSM_CLIENTS_ENTRY_H
#define WSM_CLIENTS_ENTRY_H

#include "ws_manager.h"

struct wsm__conn;

/* The socket (or the host) is ready for messages: decide, or refuse, or open. */
void wsm__conn_established(struct wsm__conn *conn);

/* A message of a connection that has to show a token yet; false if it is for later. */
bool wsm__conn_first(struct wsm__conn *conn, wsm_slice message);

#endif
