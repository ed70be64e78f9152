/* meter.h - counts, and tells the recent rate. A count costs one addition; the reader computes the rate. */
#ifndef WSM_BASE_METER_H
#define WSM_BASE_METER_H

#include <stdint.h>

#define WSM__METER_MS 900u /* a second look within this time gets the same rate */

struct wsm__meter {
	uint64_t count;
	uint64_t seen; /* count at the last look */
	uint32_t seen_ms;
	float rate; /* per second, between the last two looks */
};

static inline void wsm__meter_init(struct wsm__meter *meter, uint64_t now_ms)
{
	*meter = (struct wsm__meter){ .seen_ms = (uint32_t)now_ms };
}

/* Returns the rate per second since the look before; the first look gets the average since wsm__meter_init(). */
static inline double wsm__meter_rate(struct wsm__meter *meter, uint64_t now_ms)
{
	uint32_t elapsed = (uint32_t)now_ms - meter->seen_ms;

	if (elapsed >= WSM__METER_MS) {
		meter->rate = (float)((double)(meter->count - meter->seen) * 1000 / elapsed);
		meter->seen = meter->count;
		meter->seen_ms = (uint32_t)now_ms;
	}
	return (double)meter->rate;
}

#endif
