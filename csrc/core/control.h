/* control.h - the core's own messages. */
#ifndef WSM_CORE_CONTROL_H
#define WSM_CORE_CONTROL_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__pub;

/* Makes a message of the core for one connection (greeting, answer, heartbeat), or NULL. `data` and `id`: JSON, or empty. */
struct wsm__pub *wsm__control_pub(struct wsm__core *core, wsm_slice type, wsm_slice data, wsm_slice id, bool ping);

#endif
