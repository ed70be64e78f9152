#include "admin/samples.h"

#include <string.h>

#include "clients/peers.h"
#include "core/core.h"

/* Counters, but for those that are said to be of the moment. */
#define FIELDS(X)                                                                                                      \
	X(published, core->counters.broadcasts)                                                                        \
	X(written, fates[WSM__WRITTEN])                                                                                \
	X(bytes_sent, core->counters.bytes_sent)                                                                       \
	X(received, core->counters.messages_received)                                                                  \
	X(bytes_received, core->counters.bytes_received)                                                               \
	X(connects, core->counters.total_connections)                                                                  \
	X(connections, core->n_active)                               /* of the moment */                               \
	X(waiting, fates[WSM__WAITING])                              /* of the moment */                               \
	X(lagging, fates[WSM__LAGGING])                              /* of the moment */                               \
	X(pending_bytes, wsm__queue_bytes(&core->runtime->commands)) /* of the moment */                               \
	X(conflated, fates[WSM__CONFLATED])                                                                            \
	X(dropped_overflow, fates[WSM__DROPPED_OVERFLOW])                                                              \
	X(dropped_gap, fates[WSM__DROPPED_GAP])                                                                        \
	X(dropped_left, fates[WSM__DROPPED_LEFT])                                                                      \
	X(dropped_closed, fates[WSM__DROPPED_CLOSED])                                                                  \
	X(refused, core->counters.refused + core->counters.handshakes_refused + core->peers->banned_refused)           \
	X(limited, limited(core))

static uint64_t limited(const struct wsm__core *core)
{
	uint64_t sum = 0;

	for (int i = 0; i < WSM__LIMIT_COUNT; i++)
		sum += core->limits_broken[i];
	return sum;
}

static const char *const names[] = {
#define WSM_X(name, value) #name,
	FIELDS(WSM_X)
#undef WSM_X
};
#define N_FIELDS (sizeof(names) / sizeof(names[0]))
_Static_assert(N_FIELDS <= WSM__SAMPLE_FIELDS_MAX, "WSM__SAMPLE_FIELDS_MAX");

void wsm__samples_note(struct wsm__samples *samples, struct wsm__core *core)
{
	const uint64_t *fates = core->registry.deliveries.fates;
	const uint64_t values[] = {
#define WSM_X(name, value) value,
		FIELDS(WSM_X)
#undef WSM_X
	};
	size_t at = samples->next % WSM__SAMPLES;

	samples->ring[at].unix_ms = wsm__unix_ms();
	memcpy(samples->ring[at].values, values, sizeof(values));
	samples->next++;
}

void wsm__samples_answer(const struct wsm__samples *samples, uint64_t since, struct wsm__buffer *out)
{
	uint64_t oldest = samples->next > WSM__SAMPLES ? samples->next - WSM__SAMPLES : 0;

	if (since < oldest || since > samples->next) /* the latter of another process */
		since = oldest;
	wsm__buffer_add_str(out, "{\"fields\":[\"at\"");
	for (size_t i = 0; i < N_FIELDS; i++)
		wsm__buffer_addf(out, ",\"%s\"", names[i]);
	wsm__buffer_add_str(out, "],\"next\":");
	wsm__buffer_add_uint(out, samples->next);
	wsm__buffer_add_str(out, ",\"rows\":[");
	for (uint64_t n = since; n < samples->next; n++) {
		size_t at = n % WSM__SAMPLES;

		wsm__buffer_add_str(out, n > since ? ",[" : "[");
		wsm__buffer_add_uint(out, samples->ring[at].unix_ms);
		for (size_t i = 0; i < N_FIELDS; i++) {
			wsm__buffer_add_str(out, ",");
			wsm__buffer_add_uint(out, samples->ring[at].values[i]);
		}
		wsm__buffer_add_str(out, "]");
	}
	wsm__buffer_add_str(out, "]}");
}
