/* bucket.h - token bucket. The time is passed in. */
#ifndef WSM_POLICY_BUCKET_H
#define WSM_POLICY_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct wsm__bucket {
	float tokens;
	uint32_t last_ms; /* wraps; differences are taken modulo 2^32 */
};

void wsm__bucket_init(struct wsm__bucket *bucket, double burst, uint64_t now_ms);
/* Takes one token; false when there is none. `rate` tokens a second up to `burst`; rate 0 never limits. */
bool wsm__bucket_take(struct wsm__bucket *bucket, double rate, double burst, uint64_t now_ms);

#endif
