/* slice.h - small functions for wsm_slice. */
#ifndef WSM_BASE_SLICE_H
#define WSM_BASE_SLICE_H

#include <string.h>
#include "ws_manager.h"

static inline wsm_slice wsm__slice(const char *data, size_t len)
{
	wsm_slice slice = { data, len };
	return slice;
}

/* Returns the slice of a NUL-terminated string; NULL gives the empty slice. */
static inline wsm_slice wsm__str(const char *text)
{
	return wsm__slice(text, text ? strlen(text) : 0);
}

static inline bool wsm__slice_equal(wsm_slice a, wsm_slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool wsm__slice_is(wsm_slice slice, const char *text)
{
	return wsm__slice_equal(slice, wsm__str(text));
}

static inline bool wsm__slice_starts(wsm_slice slice, const char *prefix)
{
	size_t n = strlen(prefix);
	return slice.len >= n && (n == 0 || memcmp(slice.data, prefix, n) == 0);
}

/* Compares without regard to the case of ASCII letters. */
bool wsm__slice_equal_nocase(wsm_slice a, wsm_slice b);
/* Returns a NUL-terminated copy on the heap, or NULL. */
char *wsm__slice_dup(wsm_slice slice);
/* Returns whether it is well-formed UTF-8 (RFC 3629: no overlong forms, surrogates, or code points over U+10FFFF). */
bool wsm__utf8_valid(wsm_slice slice);
/* Decodes the code point at byte `at` (< text.len). Returns its length in bytes, or 0 if it is malformed or cut off. */
size_t wsm__utf8_decode(wsm_slice text, size_t at, uint32_t *code_point);

#endif
