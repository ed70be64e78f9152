/* client.h - assembles messages from clients, limits them, and carries them out. */
#ifndef WSM_CLIENTS_CLIENT_H
#define WSM_CLIENTS_CLIENT_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__early;

/* Takes a part of a message. */
void wsm__client_receive(struct wsm__conn *conn, const void *data, size_t len, bool first, bool last, bool binary);
/* Carries out messages that came before the connection was open, and frees them. */
void wsm__client_early(struct wsm__conn *conn, struct wsm__early *early);

#endif
