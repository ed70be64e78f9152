/* clock.h - reads the clocks. Elsewhere only timed waits do. */
#ifndef WSM_BASE_CLOCK_H
#define WSM_BASE_CLOCK_H

#include <stdint.h>

/* Unix time in milliseconds (CLOCK_REALTIME). */
uint64_t wsm__unix_ms(void);
/* Microseconds of CLOCK_MONOTONIC, for intervals. */
uint64_t wsm__mono_us(void);
/* "2026-01-15T10:30:00.123Z" (RFC 3339, UTC): 24 characters and a NUL. */
#define WSM__TIMESTAMP_LEN 24
void wsm__timestamp(uint64_t unix_ms, char out[WSM__TIMESTAMP_LEN + 1]);

#endif
