/* bridge.h - connections whose WebSocket the host speaks: it brings and takes whole messages. */
#ifndef WSM_CLIENTS_BRIDGE_H
#define WSM_CLIENTS_BRIDGE_H

struct wsm__adopt;
struct wsm__core;
struct wsm__simple;

void wsm__bridge_open_run(struct wsm__core *core, struct wsm__adopt *adopt);
void wsm__bridge_run(struct wsm__core *core, struct wsm__simple *command);

#endif
