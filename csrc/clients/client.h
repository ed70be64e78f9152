/* client.h - messages from clients: put together, limited, and carried out. */
#ifndef WSM_CLIENTS_CLIENT_H
#define WSM_CLIENTS_CLIENT_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__early;
struct wsm__joined;
struct wsm__room;

/* A part of a message. */
void wsm__client_receive(struct wsm__conn *conn, const void *data, size_t len, bool first, bool last, bool binary);
/* Carries out what came early, and frees it. */
void wsm__client_early(struct wsm__conn *conn, struct wsm__early *early);
/*
 * Queues "subscribed" (with where the client stands now) or, without `joined`, "unsubscribed": the answer to its command, or, with
 * an empty id, the news that the host has done so.
 */
void wsm__client_subscription(struct wsm__conn *conn, const char *type, wsm_slice name, wsm_slice id,
                              const struct wsm__room *room, const struct wsm__joined *joined);
/* Runs a client's command again once the host has allowed it. */
void wsm__client_resume(struct wsm__conn *conn, wsm_slice message);

#endif
