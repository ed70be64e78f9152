/* heartbeat.h - heartbeats and time-outs. */
#ifndef WSM_CLIENTS_HEARTBEAT_H
#define WSM_CLIENTS_HEARTBEAT_H

#include "ws_manager.h"

struct wsm__core;

/* Returns the time between two calls of wsm__wheel_turn(). */
uint64_t wsm__wheel_period_ms(const struct wsm__core *core);
void wsm__wheel_turn(struct wsm__core *core);

#endif
