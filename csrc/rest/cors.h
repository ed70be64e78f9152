/*
 * cors.h - lets pages of other origins make REST calls (Fetch standard, "CORS protocol"): those of allowed_origins, which may open
 * WebSockets, too.
 */
#ifndef WSM_REST_CORS_H
#define WSM_REST_CORS_H

#include "ws_manager.h"

#define WSM__CORS_MAX 512 /* bytes of the fields, with the NUL */

/*
 * Writes the header fields that let a page of this origin read the answer, with `preflight` also those for OPTIONS. Returns false, and
 * writes "", without an origin or for one that may not. A page that only "*" allows sends no cookies.
 */
bool wsm__cors_fields(const struct wsm_config *config, wsm_slice origin, bool preflight, char out[WSM__CORS_MAX]);

#endif
