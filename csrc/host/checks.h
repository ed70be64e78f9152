/*
 * checks.h - whether anything checks clients: then public rooms need a grant (option access=auto). It is found out before the
 * start; what comes later closes, and nothing opens again while the runtime runs.
 */
#ifndef WSM_HOST_CHECKS_H
#define WSM_HOST_CHECKS_H

#include "host/handle.h"
#include "policy/config.h"

#define WSM__CHECK_KEY 1u          /* a key for tokens */
#define WSM__CHECK_AUTHENTICATE 2u /* a handler of the host */
#define WSM__CHECK_AUTHORIZE 4u
#define WSM__CHECK_SAID 8u /* wsm_access_checked() */

/* Of a mask of WSM_WANT_…. */
unsigned wsm__checks_of_handlers(unsigned want);
/* Any thread. Notes what has been found; a runtime that is running closes what was open by mistake. */
void wsm__checks_add(wsm_runtime *runtime, unsigned checks);
/* Before the thread starts: takes stock anew. */
void wsm__checks_begin(wsm_runtime *runtime);
/* Whether rooms are open, and why: one line, the same as wsm_access_describe(). `line` has WSM__ACCESS_LINE bytes. */
#define WSM__ACCESS_LINE 400
void wsm__checks_line(const wsm_runtime *runtime, char *line);
/* The line of the start. */
void wsm__checks_tell(wsm_runtime *runtime);
/* What decides, as a part of a sentence. Static, or as long as the runtime. */
const char *wsm__checks_by(const wsm_runtime *runtime, unsigned checks);
/* Whether public rooms need a grant where no rule says otherwise. Any thread. */
static inline bool wsm__checks_guard(const wsm_runtime *runtime)
{
	char mode = runtime->config->access[0]; /* auto, open, granted */

	return mode == 'g' || (mode == 'a' && atomic_load_explicit(&runtime->checks, memory_order_relaxed));
}

/* Whether the session that a client names in its query is taken for its own: nobody has looked who it is. */
bool wsm__checks_believe_session(wsm_runtime *runtime, const wsm_admission *admission);

#endif
