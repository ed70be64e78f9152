/*
 * admin.h - the admin panel: one page (web/, embedded as page.c), one JSON document that it polls, and
 * what its buttons do. docs/admin.md. Runtime thread only.
 *
 * Nobody pays for it who does not look: sums are noted once a second while the panel is switched on, and publications are noted
 * (tail.h) while somebody polls them. What a poll may take of the thread is bounded by WSM__ADMIN_BUDGET_US.
 */
#ifndef WSM_ADMIN_ADMIN_H
#define WSM_ADMIN_ADMIN_H

#include "ws_manager.h"

struct wsm__admin;
struct wsm__call;
struct wsm__core;

#define WSM__ADMIN_BUDGET_US 4000u /* for one table; what was not looked at by then is said to be missing */

struct wsm__admin; /* NULL while nobody has ever looked */

/* ---- who may (access.c) ----------------------------------------------------------------------------------------- */

/* Whether the page may be had, which has no data in it; false: refused. */
bool wsm__admin_may_open(struct wsm__call *call);
/* Whether the caller may see the data; to act (`acts`), the body must also be said to be JSON. False: refused. */
bool wsm__admin_may_use(struct wsm__call *call, bool acts);

/* ---- the calls -------------------------------------------------------------------------------------------------- */

/* GET /ws/admin */
void wsm__admin_page(struct wsm__call *call, wsm_slice rest);
/* GET /api/ws/admin/state */
void wsm__admin_state(struct wsm__call *call, wsm_slice rest);
/* POST /api/ws/admin/disconnect, ban, unban */
void wsm__admin_disconnect(struct wsm__call *call, wsm_slice rest);
void wsm__admin_ban(struct wsm__call *call, wsm_slice rest);
void wsm__admin_unban(struct wsm__call *call, wsm_slice rest);
/* Makes an HTML page of a refusal, for who looks by a browser. */
void wsm__admin_explain(struct wsm__call *call);

/* Header lines of the page and of its refusals: what it may load, and that nobody may frame it. Static. */
const char *wsm__admin_headers(void);

/* ---- life ------------------------------------------------------------------------------------------------------- */

/* Once admin_due_ms has come: a sample for the charts, and the end of what nobody polls any more. */
void wsm__admin_tick(struct wsm__core *core);
void wsm__admin_fini(struct wsm__core *core);

#endif
