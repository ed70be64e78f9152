/* utf8.h - UTF-8 (RFC 3629) that comes in pieces: checked as it comes, and refused at the first byte that cannot be. */
#ifndef WSM_WIRE_UTF8_H
#define WSM_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised: at the beginning of a text. */
struct wsm__utf8 {
	uint8_t need;        /* bytes that the code point begun still lacks; 0: between two */
	uint8_t least, most; /* what the next of them may be */
};

/* False as soon as no valid text can begin like this; nothing may be fed after that. */
bool wsm__utf8_feed(struct wsm__utf8 *utf8, const uint8_t *data, size_t len);
/* Whether the text may end here. */
static inline bool wsm__utf8_whole(const struct wsm__utf8 *utf8)
{
	return utf8->need == 0;
}

#endif
