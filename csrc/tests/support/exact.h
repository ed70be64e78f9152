/*
 * exact.h - text for parsers under test: on the heap, of exactly its length and without a NUL, so that the address
 * sanitizer sees every read past its end.
 */
#ifndef WSM_TESTS_EXACT_H
#define WSM_TESTS_EXACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"

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

static inline wsm_slice exact_str(const char *text)
{
	return exact(text, strlen(text));
}

static inline void drop(wsm_slice slice)
{
	free((void *)(uintptr_t)slice.data);
}

#define assert_slice(slice, text)                                                                                      \
	do {                                                                                                           \
		wsm_slice found_ = (slice);                                                                            \
		assert_int_equal(found_.len, strlen(text));                                                            \
		assert_memory_equal(found_.len ? found_.data : "", text, found_.len);                                  \
	} while (0)

#endif
