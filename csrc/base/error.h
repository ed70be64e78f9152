/* error.h - fills a wsm_error. */
#ifndef WSM_BASE_ERROR_H
#define WSM_BASE_ERROR_H

#include "ws_manager.h"

/*
 * Fills `error` (may be NULL) with the formatted sentence, cut at a UTF-8 boundary. Returns `status`. Writes '?' for hidden
 * characters (base/visible.h) and bytes that are not UTF-8. Arguments may point into `error`.
 */
int wsm__fail(wsm_error *error, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
