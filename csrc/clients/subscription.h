/* subscription.h - rooms that a live connection joins or leaves. */
#ifndef WSM_CLIENTS_SUBSCRIPTION_H
#define WSM_CLIENTS_SUBSCRIPTION_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__core;
struct wsm__joined;
struct wsm__room;

/*
 * Queues "subscribed", with the client's position, or without `joined`, "unsubscribed": the answer to its command; with an empty id,
 * the news that the host has done so.
 */
void wsm__subscription_tell(struct wsm__conn *conn, const char *type, wsm_slice name, wsm_slice id,
                            const struct wsm__room *room, const struct wsm__joined *joined);
/* Adds or removes a room that a user's connections join, now and later (sticky.h). */
void wsm__subscription_set(struct wsm__core *core, wsm_slice user_id, wsm_slice room, bool subscribed);

/* Run wsm_conn_join() and wsm_conn_leave(). */
int wsm__subscription_join(struct wsm__core *core, uint64_t conn, wsm_slice room);
int wsm__subscription_leave(struct wsm__core *core, uint64_t conn, wsm_slice room);

#endif
