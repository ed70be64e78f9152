/* getrandom() is outside ISO C. */
#define _DEFAULT_SOURCE 1
#include "base/ids.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MS_MAX ((UINT64_C(1) << 48) - 1)

void wsm__random(void *out, size_t len)
{
	unsigned char *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			abort();
		}
		p += n;
		len -= (size_t)n;
	}
}

void wsm__ulid_init(struct wsm__ulid *generator)
{
	generator->last_ms = 0;
	wsm__random(generator->random, sizeof(generator->random));
}

/* Adds one to the random part. Returns false if it wraps to zero. */
static bool increment(uint8_t random[10])
{
	for (int i = 9; i >= 0; i--)
		if (++random[i] != 0)
			return true;
	return false;
}

/* Writes `digits` characters of five bits each, the most significant first. */
static void base32(uint64_t number, size_t digits, char *out)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

	while (digits > 0) {
		out[--digits] = alphabet[number & 31];
		number >>= 5;
	}
}

static uint64_t load40(const uint8_t *p)
{
	return (uint64_t)p[0] << 32 | (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 8 | p[4];
}

void wsm__ulid_next(struct wsm__ulid *generator, uint64_t unix_ms, char out[WSM__ULID_LEN + 1])
{
	if (unix_ms > MS_MAX)
		unix_ms = MS_MAX;
	if (unix_ms > generator->last_ms) {
		generator->last_ms = unix_ms;
		wsm__random(generator->random, sizeof(generator->random));
	} else if (!increment(generator->random) && generator->last_ms < MS_MAX) {
		/* 2^80 ids in one millisecond, or a random part close to the end: borrow from the next millisecond. */
		generator->last_ms++;
	}
	base32(generator->last_ms, 10, out);
	base32(load40(generator->random), 8, out + 10);
	base32(load40(generator->random + 5), 8, out + 18);
	out[WSM__ULID_LEN] = '\0';
}

void wsm__random_name(char *out, size_t len)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned char pool[32];
	size_t used = sizeof(pool), written = 0;

	while (written < len) {
		unsigned char byte;

		if (used == sizeof(pool)) {
			wsm__random(pool, sizeof(pool));
			used = 0;
		}
		byte = pool[used++];
		/* 248 = 4 * 62: larger bytes would make the first characters more likely. */
		if (byte < 248)
			out[written++] = alphabet[byte % 62];
	}
	out[len] = '\0';
}
