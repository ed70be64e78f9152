/*
 * checks.h - finds out whether anything checks clients: public rooms then need a grant (option access=auto). Looks before the start;
 * a later check closes rooms, and nothing opens them again while the runtime runs.
 */
#ifndef WSM_HOST_CHECKS_H
#define WSM_HOST_CHECKS_H

#include "host/handle.h"
#include "policy/config.h"

#define WSM__CHECK_KEY 1u          /* a key for tokens */
#define WSM__CHECK_AUTHENTICATE 2u /* a handler of the host */
#define WSM__CHECK_AUTHORIZE 4u
#define WSM__CHECK_SAID 8u /* wsm_access_checked() */

/* Returns the checks in a mask of WSM_WANT_…. */
unsigned wsm__checks_of_handlers(unsigned want);
/* Any thread. Notes new checks; if the runtime runs with open rooms, it closes them. */
void wsm__checks_add(wsm_runtime *runtime, unsigned checks);
/* Looks for checks anew, before the thread starts. */
void wsm__checks_begin(wsm_runtime *runtime);
/* Writes the line of wsm_access_describe() for the running runtime. `line` has WSM__ACCESS_LINE bytes. */
#define WSM__ACCESS_LINE 400
void wsm__checks_line(const wsm_runtime *runtime, char *line);
/* Logs that line at the start. */
void wsm__checks_tell(wsm_runtime *runtime);
/* Returns the most important check, as a part of a sentence. Static, or valid as long as the runtime. */
const char *wsm__checks_by(const wsm_runtime *runtime, unsigned checks);
/* Returns whether public rooms without a rule need a grant. Any thread. */
static inline bool wsm__checks_guard(const wsm_runtime *runtime)
{
	char mode = runtime->config->access[0]; /* auto, open, granted */

	return mode == 'g' || (mode == 'a' && atomic_load_explicit(&runtime->checks, memory_order_relaxed));
}

/* Returns whether to believe the session_id in a client's query: only if nothing checks who the client is. */
bool wsm__checks_believe_session(wsm_runtime *runtime, const wsm_admission *admission);

#endif
