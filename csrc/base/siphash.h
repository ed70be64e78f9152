/* siphash.h - SipHash-2-4, the keyed hash for every table whose keys clients or hosts choose. */
#ifndef WSM_BASE_SIPHASH_H
#define WSM_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t wsm__siphash(const void *data, size_t len, const uint8_t key[16]);

#endif
