/* revoke.h - tokens that are taken back: what host threads say. */
#ifndef WSM_HOST_REVOKE_H
#define WSM_HOST_REVOKE_H

#include "ws_manager.h"

/* An empty table. */
void wsm__revoke_init(wsm_runtime *runtime, const struct wsm_config *config);

#endif
