/* sticky.h - rooms that the host has subscribed a user to: joined by each of the user's connections, those to come included. */
#ifndef WSM_CLIENTS_STICKY_H
#define WSM_CLIENTS_STICKY_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__conn;
struct wsm__core;

/* Rooms that a user's connections join, now and later (sticky.c). */
void wsm__sticky_set(struct wsm__core *core, wsm_slice user_id, wsm_slice room, bool subscribed);
void wsm__sticky_join(struct wsm__conn *conn, struct wsm__buffer *greeting);
bool wsm__sticky_has(struct wsm__core *core, wsm_slice user_id, wsm_slice room);
void wsm__sticky_fini(struct wsm__core *core);

#endif
