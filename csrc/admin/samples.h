/* samples.h - counters of the core, once a second for the last minutes: a page that was just opened has charts at once. */
#ifndef WSM_ADMIN_SAMPLES_H
#define WSM_ADMIN_SAMPLES_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__core;

#define WSM__SAMPLES 300u         /* kept */
#define WSM__SAMPLE_FIELDS_MAX 24 /* numbers of one */

struct wsm__samples {
	uint64_t next; /* number of the next one; the newest WSM__SAMPLES before it are kept */
	struct {
		uint64_t unix_ms;
		uint64_t values[WSM__SAMPLE_FIELDS_MAX];
	} ring[WSM__SAMPLES];
};

void wsm__samples_note(struct wsm__samples *samples, struct wsm__core *core);
/* Appends {"fields":["at",…],"next":…,"rows":[[…],…]}: those from number `since` on. */
void wsm__samples_answer(const struct wsm__samples *samples, uint64_t since, struct wsm__buffer *out);

#endif
