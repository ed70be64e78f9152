#include "policy/bucket.h"

/* Rounding of the float: if only this much of a token is missing, it passes, and leaves a debt. */
#define ROUNDING 1e-4

void wsm__bucket_init(struct wsm__bucket *bucket, double burst, uint64_t now_ms)
{
	bucket->tokens = (float)(burst >= 1 ? burst : 1);
	bucket->last_ms = (uint32_t)now_ms;
}

/* A bucket of less than one token would never let anything pass. */
static double burst_of(double burst)
{
	return burst >= 1 ? burst : 1;
}

static double needed(double cost, double burst)
{
	return cost < burst_of(burst) ? cost : burst_of(burst);
}

/* Returns the tokens at this time. */
static double tokens_at(const struct wsm__bucket *bucket, double rate, double burst, uint64_t now_ms)
{
	uint32_t elapsed = (uint32_t)now_ms - bucket->last_ms;
	double tokens = (double)bucket->tokens;

	/* More than half the range is a clock that went back (or 25 idle days): adds nothing. */
	if (elapsed <= UINT32_MAX / 2)
		tokens += rate * (double)elapsed / 1000.0;
	return tokens < burst_of(burst) ? tokens : burst_of(burst);
}

static double fill(struct wsm__bucket *bucket, double rate, double burst, uint64_t now_ms)
{
	double tokens = tokens_at(bucket, rate, burst, now_ms);

	bucket->last_ms = (uint32_t)now_ms;
	bucket->tokens = (float)tokens;
	return tokens;
}

bool wsm__bucket_take(struct wsm__bucket *bucket, double cost, double rate, double burst, uint64_t now_ms)
{
	double tokens;

	if (!(rate > 0))
		return true;
	tokens = fill(bucket, rate, burst, now_ms);
	if (tokens < needed(cost, burst) - ROUNDING)
		return false;
	bucket->tokens = (float)(tokens - cost);
	return true;
}

void wsm__bucket_charge(struct wsm__bucket *bucket, double cost, double rate, double burst, uint64_t now_ms)
{
	if (rate > 0)
		bucket->tokens = (float)(fill(bucket, rate, burst, now_ms) - cost);
}

uint64_t wsm__bucket_wait_ms(const struct wsm__bucket *bucket, double cost, double rate, double burst)
{
	double missing = needed(cost, burst) - (double)bucket->tokens;
	double ms = rate > 0 && missing > 0 ? missing / rate * 1000 : 0;

	return ms < 1 ? 1 : ms > 3600000 ? 3600000 : (uint64_t)(ms + 0.999);
}

bool wsm__bucket_full(const struct wsm__bucket *bucket, double rate, double burst, uint64_t now_ms)
{
	return !(rate > 0) || tokens_at(bucket, rate, burst, now_ms) >= burst_of(burst) - ROUNDING;
}
