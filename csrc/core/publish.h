/* publish.h - publications on the runtime thread, already routed (host/route.h): given their place, and sent. */
#ifndef WSM_CORE_PUBLISH_H
#define WSM_CORE_PUBLISH_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__publish;

/* On the runtime thread. Takes the command over. */
void wsm__publish_run(struct wsm__core *core, struct wsm__publish *publish);
/* Sends what max_rate has held back and whose turn has come; sets the timer for the next. */
void wsm__publish_due(struct wsm__core *core);
/* Publishes at once and tells the outcome, for REST and client publications. */
void wsm__publish_now(struct wsm__core *core, struct wsm__publish *publish, wsm_delivery *delivery);

#endif
