/* log.h - writes lines for the host's logger. */
#ifndef WSM_HOST_LOG_H
#define WSM_HOST_LOG_H

#include "ws_manager.h"

/* Posts a line for the host's logger, on any thread. It may hold text of clients: makes that visible (base/visible.h). */
void wsm__log(wsm_runtime *runtime, wsm_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
