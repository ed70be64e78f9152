/* state.h - the page of the panel, and the document that it polls. */
#ifndef WSM_ADMIN_STATE_H
#define WSM_ADMIN_STATE_H

#include "ws_manager.h"

struct wsm__call;
struct wsm__core;

/* GET /ws/admin */
void wsm__admin_page(struct wsm__call *call, wsm_slice rest);
/* GET /api/ws/admin/state */
void wsm__admin_state(struct wsm__call *call, wsm_slice rest);
/* Makes an HTML page of a refusal, for who looks by a browser. */
void wsm__admin_explain(struct wsm__call *call);
/* Header lines of the page and of its refusals: what it may load, and that nobody may frame it. Static. */
const char *wsm__admin_headers(void);
/* Once admin_due_ms has come: a sample for the charts, and the end of what nobody polls any more. */
void wsm__admin_tick(struct wsm__core *core);
void wsm__admin_fini(struct wsm__core *core);

#endif
