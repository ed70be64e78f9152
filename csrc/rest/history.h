/* history.h - the REST call for polling clients. */
#ifndef WSM_REST_HISTORY_H
#define WSM_REST_HISTORY_H

#include "ws_manager.h"

struct wsm__call;

/* Answers GET /api/ws/history. */
void wsm__rest_history(struct wsm__call *call, wsm_slice rest);

#endif
