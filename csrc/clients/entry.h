/* entry.h - lets a connection in: finds out its user and its rooms, and opens it. */
#ifndef WSM_CLIENTS_ENTRY_H
#define WSM_CLIENTS_ENTRY_H

#include "ws_manager.h"

struct wsm__conn;

/* Opens a connection, refuses it, or lets it wait. Call it when the socket (or the host) is ready for messages. */
void wsm__conn_established(struct wsm__conn *conn);

/* Takes a message of a connection that must still show a token. Returns false if the message is for later. */
bool wsm__conn_first(struct wsm__conn *conn, wsm_slice message);

#endif
