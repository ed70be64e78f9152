/* ids.h - makes unique names. */
#ifndef WSM_BASE_IDS_H
#define WSM_BASE_IDS_H

#include <stddef.h>
#include <stdint.h>

/* Fills `out` from the kernel's generator (getrandom). Aborts if that fails, since every id depends on it. */
void wsm__random(void *out, size_t len);

/*
 * Message ids in the form of a ULID: 48 bits of Unix milliseconds, 80 random bits, Crockford's base 32. Ids of one generator
 * always rise, also within a millisecond and when the clock steps back: it then increments the random part.
 */
struct wsm__ulid {
	uint64_t last_ms;
	uint8_t random[10];
};
#define WSM__ULID_LEN 26
void wsm__ulid_init(struct wsm__ulid *generator);
/* Writes 26 characters and a NUL. */
void wsm__ulid_next(struct wsm__ulid *generator, uint64_t unix_ms, char out[WSM__ULID_LEN + 1]);

/* Writes `len` random characters of [0-9A-Za-z], and a NUL. 22 of them are 131 bits. */
void wsm__random_name(char *out, size_t len);

#endif
