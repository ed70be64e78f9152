/* bucket.h - a token bucket. The caller passes the time. */
#ifndef WSM_POLICY_BUCKET_H
#define WSM_POLICY_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct wsm__bucket {
	float tokens;     /* below 0: a debt */
	uint32_t last_ms; /* wraps; differences are taken modulo 2^32 */
};

void wsm__bucket_init(struct wsm__bucket *bucket, double burst, uint64_t now_ms);
/*
 * Takes `cost` tokens. Returns false, and takes nothing, if there are too few. The bucket fills with `rate` tokens a second up to
 * `burst`; rate 0 never limits. A cost above a full bucket passes when it is full, and leaves a debt.
 */
bool wsm__bucket_take(struct wsm__bucket *bucket, double cost, double rate, double burst, uint64_t now_ms);
/* Takes the tokens in any case: for costs that are known only afterwards. */
void wsm__bucket_charge(struct wsm__bucket *bucket, double cost, double rate, double burst, uint64_t now_ms);
/* Call it right after wsm__bucket_take() has failed: returns the milliseconds until it would succeed, from 1 to an hour. */
uint64_t wsm__bucket_wait_ms(const struct wsm__bucket *bucket, double cost, double rate, double burst);
/* Returns whether the bucket is full. */
bool wsm__bucket_full(const struct wsm__bucket *bucket, double rate, double burst, uint64_t now_ms);

#endif
