/* actions.h - what the panel's buttons do. */
#ifndef WSM_ADMIN_ACTIONS_H
#define WSM_ADMIN_ACTIONS_H

#include "ws_manager.h"

struct wsm__call;

/* POST /api/ws/admin/disconnect, ban, unban */
void wsm__admin_disconnect(struct wsm__call *call, wsm_slice rest);
void wsm__admin_ban(struct wsm__call *call, wsm_slice rest);
void wsm__admin_unban(struct wsm__call *call, wsm_slice rest);

#endif
