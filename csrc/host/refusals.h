/*
 * refusals.h - logs refusals, so that a developer learns which rule it was and what to change. A few of each kind a minute, so that a
 * crowd does not flood the log. No line holds a token.
 */
#ifndef WSM_HOST_REFUSALS_H
#define WSM_HOST_REFUSALS_H

#include "host/handle.h"

/* Any thread. Logs at most WSM__REFUSALS_A_MINUTE lines of a kind a minute; the next line says how many it left out. */
void wsm__refusal_tell(wsm_runtime *runtime, enum wsm__refused kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Makes a client's text visible for such a line (base/visible.h), and cuts it to `size` bytes with the NUL. Returns `out`.
 */
const char *wsm__log_text(char *out, size_t size, wsm_slice text);

/*
 * Returns the Retry-After of the number-th refused client, whole seconds from 1. Short: another process, or the next one, may take
 * the client at once.
 */
unsigned wsm__retry_after(double drain_spread, uint64_t number);

#endif
