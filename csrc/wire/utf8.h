/* utf8.h - checks UTF-8 (RFC 3629) that comes in pieces, and refuses it at the first bad byte. */
#ifndef WSM_WIRE_UTF8_H
#define WSM_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised: at the beginning of a text. */
struct wsm__utf8 {
	uint8_t need;        /* bytes that the current code point still lacks; 0: between two */
	uint8_t least, most; /* range of the next byte */
};

/* Returns false as soon as the text cannot be valid. Feed nothing after that. */
bool wsm__utf8_feed(struct wsm__utf8 *utf8, const uint8_t *data, size_t len);
/* Returns whether the text may end here. */
static inline bool wsm__utf8_whole(const struct wsm__utf8 *utf8)
{
	return utf8->need == 0;
}

#endif
