/* client.h - messages from clients: put together, limited, and carried out. */
#ifndef WSM_CLIENTS_CLIENT_H
#define WSM_CLIENTS_CLIENT_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__early;

/* A part of a message. */
void wsm__client_receive(struct wsm__conn *conn, const void *data, size_t len, bool first, bool last, bool binary);
/* Carries out what came early, and frees it. */
void wsm__client_early(struct wsm__conn *conn, struct wsm__early *early);

#endif
