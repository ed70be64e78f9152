/*
 * late_log.h - a log that answers late and out of turn, for the scenarios that do not care where rooms are kept.
 *
 * With WSM_LOG=late in the environment, every room with history is stored in it: each answer comes some turns of the loop later, in an
 * order of its own; what is kept stays as long as its runtime runs. WSM_LOG_ERRORS=n: every n-th publication cannot be kept.
 */
#ifndef WSM_TESTS_LATE_LOG_H
#define WSM_TESTS_LATE_LOG_H

#include <stdbool.h>

/* Whether answers come late. Of one client's actions, some may then be answered before others. */
bool late_log_used(void);
/* Has runtimes that start from now on use it, if the environment says so. */
void late_log_use(void);

#endif
