/* bucket.h - token bucket. The time is passed in. */
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
 * Takes `cost` tokens; false, and nothing is taken, when there are too few. `rate` tokens a second up to `burst`; rate 0 never
 * limits. What costs more than a full bucket holds passes when it is full, and leaves a debt.
 */
bool wsm__bucket_take(struct wsm__bucket *bucket, double cost, double rate, double burst, uint64_t now_ms);
/* Takes them in any case: what has happened already. */
void wsm__bucket_charge(struct wsm__bucket *bucket, double cost, double rate, double burst, uint64_t now_ms);
/* Milliseconds after which wsm__bucket_take() would succeed, at least 1, right after it has failed. */
uint64_t wsm__bucket_wait_ms(const struct wsm__bucket *bucket, double cost, double rate, double burst);
/* Whether it holds as much as it can. */
bool wsm__bucket_full(const struct wsm__bucket *bucket, double rate, double burst, uint64_t now_ms);

#endif
