/*
 * cors.h - REST calls from pages of other origins (Fetch standard, "CORS protocol"): answered for those of allowed_origins, which
 * may open WebSockets, too.
 */
#ifndef WSM_REST_CORS_H
#define WSM_REST_CORS_H

#include "ws_manager.h"

#define WSM__CORS_MAX 512 /* bytes of the fields, with the NUL */

/*
 * Writes the header fields that let a page of this origin read the answer; "" for a page that may not, and for no page. A page that
 * only "*" lets in sends no cookies. `preflight`: those that answer OPTIONS, too. False if there are none.
 */
bool wsm__cors_fields(const struct wsm_config *config, wsm_slice origin, bool preflight, char out[WSM__CORS_MAX]);

#endif
