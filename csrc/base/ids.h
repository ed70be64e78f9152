/* ids.h - unique names. */
#ifndef WSM_BASE_IDS_H
#define WSM_BASE_IDS_H

#include <stddef.h>
#include <stdint.h>

/* Fills from the kernel's generator (getrandom); aborts if there is none, since every id depends on it. */
void wsm__random(void *out, size_t len);

/*
 * Message ids in the form of a ULID: 48 bits of Unix milliseconds, 80 bits of randomness, Crockford's base 32. Within
 * one generator they rise strictly, also inside one millisecond and when the clock steps back (the random part is then
 * incremented instead of drawn).
 */
struct wsm__ulid {
	uint64_t last_ms;
	uint8_t random[10];
};
#define WSM__ULID_LEN 26
void wsm__ulid_init(struct wsm__ulid *generator);
/* Writes 26 characters and a NUL. */
void wsm__ulid_next(struct wsm__ulid *generator, uint64_t unix_ms, char out[WSM__ULID_LEN + 1]);

/* `len` characters of [0-9A-Za-z] from the kernel's generator, and a NUL. 22 of them are 131 bits. */
void wsm__random_name(char *out, size_t len);

#endif
