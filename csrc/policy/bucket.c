#include "policy/bucket.h"

/* Less than this is missing to a whole token: rounding of the float. What is lent is kept as a debt. */
#define ROUNDING 1e-4

void wsm__bucket_init(struct wsm__bucket *bucket, double burst, uint64_t now_ms)
{
	bucket->tokens = (float)(burst >= 1 ? burst : 1);
	bucket->last_ms = (uint32_t)now_ms;
}

bool wsm__bucket_take(struct wsm__bucket *bucket, double rate, double burst, uint64_t now_ms)
{
	uint32_t elapsed = (uint32_t)now_ms - bucket->last_ms;
	double tokens = (double)bucket->tokens;

	if (!(rate > 0))
		return true;
	if (!(burst >= 1))
		burst = 1; /* less could never let anything pass */
	/* More than half the range is a clock that went back (or 25 idle days): nothing has been earned. */
	if (elapsed <= UINT32_MAX / 2)
		tokens += rate * (double)elapsed / 1000.0;
	if (tokens > burst)
		tokens = burst;
	bucket->last_ms = (uint32_t)now_ms;
	if (tokens < 1 - ROUNDING) {
		bucket->tokens = (float)tokens;
		return false;
	}
	bucket->tokens = (float)(tokens - 1);
	return true;
}
