/* log.h - lines for the host's logger. */
#ifndef WSM_HOST_LOG_H
#define WSM_HOST_LOG_H

#include "ws_manager.h"

/* A line for the host's logger. What clients have written may be in it: it is made visible (base/visible.h). */
void wsm__log(wsm_runtime *runtime, wsm_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
