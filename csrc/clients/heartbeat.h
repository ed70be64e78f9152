/* heartbeat.h - heartbeats and time-outs. */
#ifndef WSM_CLIENTS_HEARTBEAT_H
#define WSM_CLIENTS_HEARTBEAT_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__core;

void wsm__wheel_add(struct wsm__conn *conn);
void wsm__wheel_remove(struct wsm__conn *conn);
/*
 * Moves a closing connection to the list of those, from which it is cut off after close_timeout; called again, that time
 * begins anew: the client reads, or the close frame is out.
 */
void wsm__wheel_closing(struct wsm__conn *conn);
/* How often wsm__wheel_turn() is to be called. */
uint64_t wsm__wheel_period_ms(const struct wsm__core *core);
void wsm__wheel_turn(struct wsm__core *core);

#endif
