/* sticky.h - rooms that the host has subscribed a user to: joined by each of the user's connections, those to come included. */
#ifndef WSM_CLIENTS_STICKY_H
#define WSM_CLIENTS_STICKY_H

#include "ws_manager.h"

struct wsm__core;

bool wsm__sticky_has(struct wsm__core *core, wsm_slice user_id, wsm_slice room);
void wsm__sticky_fini(struct wsm__core *core);

/* These do not change open connections: subscription.h does. */
void wsm__sticky_remember(struct wsm__core *core, wsm_slice user_id, wsm_slice room);
void wsm__sticky_forget(struct wsm__core *core, wsm_slice user_id, wsm_slice room);
/* Returns the rooms of a user one after the other in `*room`; set `*at` to NULL before the first. False after the last. */
bool wsm__sticky_next(struct wsm__core *core, wsm_slice user_id, const void **at, wsm_slice *room);

#endif
