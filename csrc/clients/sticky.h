/* sticky.h - rooms that the host has subscribed a user to: joined by each of the user's connections, those to come included. */
#ifndef WSM_CLIENTS_STICKY_H
#define WSM_CLIENTS_STICKY_H

#include "ws_manager.h"

struct wsm__core;

bool wsm__sticky_has(struct wsm__core *core, wsm_slice user_id, wsm_slice room);
void wsm__sticky_fini(struct wsm__core *core);

/* Nothing of it is told to connections: subscription.h. */
void wsm__sticky_remember(struct wsm__core *core, wsm_slice user_id, wsm_slice room);
void wsm__sticky_forget(struct wsm__core *core, wsm_slice user_id, wsm_slice room);
/* The rooms of a user one after the other; `*at` is NULL before the first. False behind the last. */
bool wsm__sticky_next(struct wsm__core *core, wsm_slice user_id, const void **at, wsm_slice *room);

#endif
