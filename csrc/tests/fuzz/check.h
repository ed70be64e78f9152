/* check.h - what the fuzzers share: a check that ends the run, and text of exactly its length for the sanitizer. */
#ifndef WSM_FUZZ_CHECK_H
#define WSM_FUZZ_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                        \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Release by free((void *)slice.data). */
static inline wsm_slice exact(const void *data, size_t len)
{
	char *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	return wsm__slice(copy, len);
}

static inline void drop(wsm_slice slice)
{
	free((void *)(uintptr_t)slice.data);
}

#endif
