/*
 * admin.h - the admin panel: one page (web/, embedded as page.c), one JSON document that it polls, and
 * what its buttons do. docs/admin.md. Runtime thread only.
 *
 * Nobody pays for it who does not look: sums are noted once a second while the panel is switched on, and publications are noted
 * (tail.h) while somebody polls them. What a poll may take of the thread is bounded by WSM__ADMIN_BUDGET_US.
 */
#ifndef WSM_ADMIN_ADMIN_H
#define WSM_ADMIN_ADMIN_H

struct wsm__admin;

#define WSM__ADMIN_BUDGET_US 4000u /* for one table; what was not looked at by then is said to be missing */

struct wsm__admin; /* NULL while nobody has ever looked */

#endif
