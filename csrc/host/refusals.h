/*
 * refusals.h - one line in the log for what was refused, so that a developer learns which rule it was and what to change. A few
 * of each kind a minute: a crowd that is refused writes no crowd of lines. No line has a token in it.
 */
#ifndef WSM_HOST_REFUSALS_H
#define WSM_HOST_REFUSALS_H

#include "host/handle.h"

/* Any thread. At most WSM__REFUSALS_A_MINUTE lines of a kind a minute; the next one then says how many were left out. */
void wsm__refusal_tell(wsm_runtime *runtime, enum wsm__refused kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Text of a client's for such a line, made visible (base/visible.h) and cut to `size` bytes with the NUL. Returns `out`.
 */
const char *wsm__log_text(char *out, size_t size, wsm_slice text);

/*
 * How long the number-th refused client is to wait, whole seconds from 1: the value of Retry-After. Not long: another process, or
 * the next one, may take it at once.
 */
unsigned wsm__retry_after(double drain_spread, uint64_t number);

#endif
