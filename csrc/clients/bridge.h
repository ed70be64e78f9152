/* bridge.h - connections whose WebSocket the host's server speaks: it exchanges whole messages with the core. */
#ifndef WSM_CLIENTS_BRIDGE_H
#define WSM_CLIENTS_BRIDGE_H

#include "ws_manager.h"

struct wsm__adopt;
struct wsm__core;

void wsm__bridge_open_run(struct wsm__core *core, struct wsm__adopt *adopt);
/* Run wsm_bridge_receive() and the like. They do nothing if the connection has gone. */
void wsm__bridge_received(struct wsm__core *core, uint64_t number, wsm_slice data, bool binary);
void wsm__bridge_written(struct wsm__core *core, uint64_t number, size_t bytes);
void wsm__bridge_closed(struct wsm__core *core, uint64_t number, unsigned code, wsm_slice reason);

#endif
