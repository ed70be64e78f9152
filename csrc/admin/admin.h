/*
 * admin.h - the admin panel: one page (web/, embedded as page.c), one JSON document that it polls, and
 * what its buttons do. docs/admin.md. Runtime thread only.
 *
 * Nobody pays for it who does not look: sums are noted once a second while the panel is switched on, and publications are noted
 * (tail.h) while somebody polls them. What a poll may take of the thread is bounded by WSM__ADMIN_BUDGET_US.
 */
#ifndef WSM_ADMIN_ADMIN_H
#define WSM_ADMIN_ADMIN_H

#include "rest/rest.h"

/* The REST calls of the panel. */
extern const struct wsm__rest_rows wsm__admin_rows;

#endif
