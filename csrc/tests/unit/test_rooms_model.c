/* The state machine of rooms_model.h with seeded bytes: the same on every run. */
#include "exact.h"

#include <stdio.h>

#include "rooms_model.h"

#define RUNS 1500u
#define LENGTH 3000u

static void fill(uint64_t seed, uint8_t *data, size_t size)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		data[i] = (uint8_t)(x >> 32);
	}
}

static void each_client_sees_a_contiguous_run_or_a_gap(void **state)
{
	static uint8_t data[LENGTH];
	struct wsm__registry_stats sum = { 0 };
	uint64_t fates[WSM__FATES] = { 0 }, replayed = 0;
	uint64_t recovered = 0, not_recovered = 0, overflows = 0, rewinds = 0, received = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct model *model = calloc(1, sizeof(*model));
		const char *fault;

		fill(seed, data, sizeof(data));
		fault = model_run(model, data, sizeof(data));
		if (fault)
			fail_msg("seed %llu, after %zu bytes: %s", (unsigned long long)seed, model->at, fault);
		for (unsigned i = 0; i < WSM__FATES; i++)
			fates[i] += model->registry.deliveries.fates[i];
		replayed += model->registry.deliveries.replayed;
		sum.lags += model->registry.stats.lags;
		sum.gaps += model->registry.stats.gaps;
		recovered += model->recovered;
		not_recovered += model->not_recovered;
		overflows += model->overflows;
		rewinds += model->rewinds;
		received += model->received;
		model_fini(model);
		free(model);
	}
	print_message("deliveries %llu: written %llu, conflated %llu, dropped by overflow %llu, gap %llu, leaving "
	              "%llu, closing "
	              "%llu; replayed %llu\n",
	              (unsigned long long)wsm__deliveries_total(fates), (unsigned long long)fates[WSM__WRITTEN],
	              (unsigned long long)fates[WSM__CONFLATED], (unsigned long long)fates[WSM__DROPPED_OVERFLOW],
	              (unsigned long long)fates[WSM__DROPPED_GAP], (unsigned long long)fates[WSM__DROPPED_LEFT],
	              (unsigned long long)fates[WSM__DROPPED_CLOSED], (unsigned long long)replayed);
	print_message("received %llu, lags %llu, gaps %llu, recovered %llu, not %llu, overflows %llu, rewinds %llu\n",
	              (unsigned long long)received, (unsigned long long)sum.lags, (unsigned long long)sum.gaps,
	              (unsigned long long)recovered, (unsigned long long)not_recovered, (unsigned long long)overflows,
	              (unsigned long long)rewinds);
	/* A model in which nothing happens would prove nothing. */
	assert_true(received > 10 * RUNS && sum.lags > RUNS && replayed > RUNS);
	for (unsigned i = WSM__WRITTEN; i < WSM__FATES; i++)
		assert_true(fates[i] > RUNS / 2);
	assert_true(sum.gaps > RUNS / 2 && recovered > RUNS && not_recovered > RUNS && overflows > RUNS &&
	            rewinds > RUNS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_client_sees_a_contiguous_run_or_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
