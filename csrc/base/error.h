/* error.h - filling a wsm_error. */
#ifndef WSM_BASE_ERROR_H
#define WSM_BASE_ERROR_H

#include "ws_manager.h"

/*
 * Fills `error` (may be NULL) with the formatted sentence, cut to fit at a UTF-8 boundary; returns `status`. Control
 * characters and bytes that are not UTF-8 (of quoted values) become '?'. Arguments may point into `error`.
 */
int wsm__fail(wsm_error *error, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
