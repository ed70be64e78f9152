/* publish.h - publications on the runtime thread, already routed (host/route.h): given their place, and sent. */
#ifndef WSM_CORE_PUBLISH_H
#define WSM_CORE_PUBLISH_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__publish;
struct wsm__sending;

/* On the runtime thread. Takes the command over. */
void wsm__publish_run(struct wsm__core *core, struct wsm__publish *publish);
/* Sends what max_rate has held back and whose turn has come; sets the timer for the next. */
void wsm__publish_due(struct wsm__core *core);
/*
 * Publishes what the core itself or a client says. NULL: it is done, and `delivery` is the outcome. Else it waits for the log of a room;
 * wsm__publish_then(), before anything else happens, says who is to be told, and `delivery` means nothing.
 */
struct wsm__sending *wsm__publish_start(struct wsm__core *core, struct wsm__publish *publish, wsm_delivery *delivery);
void wsm__publish_then(struct wsm__sending *sending,
                       void (*done)(struct wsm__core *core, uint64_t ticket, const wsm_delivery *delivery),
                       uint64_t ticket);
/* What the log calls. */
void wsm__publish_init(struct wsm__core *core);

#endif
