/* publish.h - gives routed publications (host/route.h) their place, and sends them. Runtime thread only. */
#ifndef WSM_CORE_PUBLISH_H
#define WSM_CORE_PUBLISH_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__publish;
struct wsm__sending;

/* Sends a publication of the host; takes over the command. */
void wsm__publish_run(struct wsm__core *core, struct wsm__publish *publish);
/* Sends publications that max_rate held back until now; sets the timer for the next one. */
void wsm__publish_due(struct wsm__core *core);
/*
 * Publishes a message of the core or of a client. Returns NULL if it is done: `delivery` is the outcome. Else it waits for the log of
 * a room: call wsm__publish_then() at once to get the outcome later; `delivery` means nothing.
 */
struct wsm__sending *wsm__publish_start(struct wsm__core *core, struct wsm__publish *publish, wsm_delivery *delivery);
void wsm__publish_then(struct wsm__sending *sending,
                       void (*done)(struct wsm__core *core, uint64_t ticket, const wsm_delivery *delivery),
                       uint64_t ticket);
/* Sets the functions that the log calls. */
void wsm__publish_init(struct wsm__core *core);

#endif
