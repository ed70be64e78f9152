/* access.h - who may use the panel. */
#ifndef WSM_ADMIN_ACCESS_H
#define WSM_ADMIN_ACCESS_H

#include "ws_manager.h"

struct wsm__call;

/* Whether the page may be had, which has no data in it; false: refused. */
bool wsm__admin_may_open(struct wsm__call *call);
/* Whether the caller may see the data; to act (`acts`), the body must also be said to be JSON. False: refused. */
bool wsm__admin_may_use(struct wsm__call *call, bool acts);

#endif
