/* Token buckets: burst, refill, odd rates, and clocks that wrap or step back. */
#include "exact.h"

#include "policy/bucket.h"

static unsigned drain(struct wsm__bucket *bucket, double rate, double burst, uint64_t now_ms)
{
	unsigned taken = 0;

	while (taken < 1000 && wsm__bucket_take(bucket, 1, rate, burst, now_ms))
		taken++;
	return taken;
}

static void a_burst_passes_and_then_the_rate_holds(void **state)
{
	struct wsm__bucket bucket;

	(void)state;
	wsm__bucket_init(&bucket, 100, 5000);
	assert_int_equal(drain(&bucket, 50, 100, 5000), 100);
	assert_false(wsm__bucket_take(&bucket, 1, 50, 100, 5019));
	assert_true(wsm__bucket_take(&bucket, 1, 50, 100, 5020));
	assert_false(wsm__bucket_take(&bucket, 1, 50, 100, 5020));
	assert_int_equal(drain(&bucket, 50, 100, 6020), 50);
	assert_int_equal(drain(&bucket, 50, 100, 1000000), 100); /* no more than the burst is saved up */
}

static void ten_seconds_of_polling_let_ten_seconds_of_tokens_through(void **state)
{
	struct wsm__bucket bucket;
	unsigned taken = 0;

	(void)state;
	wsm__bucket_init(&bucket, 1, 0);
	for (uint64_t now = 0; now <= 10000; now++)
		taken += wsm__bucket_take(&bucket, 1, 3, 1, now);
	assert_in_range(taken, 30, 31);
}

static void a_slow_rate_is_not_lost_in_rounding(void **state)
{
	struct wsm__bucket bucket;
	uint64_t now = 0;

	(void)state;
	wsm__bucket_init(&bucket, 1, 0);
	assert_true(wsm__bucket_take(&bucket, 1, 0.01, 1, 0));
	while (now < 200000 && !wsm__bucket_take(&bucket, 1, 0.01, 1, ++now))
		;
	assert_in_range(now, 99000, 101000);
}

static void rate_zero_never_limits(void **state)
{
	struct wsm__bucket bucket;

	(void)state;
	wsm__bucket_init(&bucket, 0, 0);
	assert_int_equal(drain(&bucket, 0, 0, 0), 1000);
	assert_int_equal(drain(&bucket, -1, 0, 0), 1000);
}

static void a_burst_below_one_still_lets_messages_through(void **state)
{
	struct wsm__bucket bucket;

	(void)state;
	wsm__bucket_init(&bucket, 0.2, 0);
	assert_int_equal(drain(&bucket, 0.1, 0.2, 0), 1);
	assert_true(wsm__bucket_take(&bucket, 1, 0.1, 0.2, 10001));
}

static void the_clock_may_wrap(void **state)
{
	struct wsm__bucket bucket;
	uint64_t now = UINT32_MAX - 99;

	(void)state;
	wsm__bucket_init(&bucket, 10, now);
	assert_int_equal(drain(&bucket, 10, 10, now), 10);
	assert_int_equal(drain(&bucket, 10, 10, now + 500), 5);
}

static void a_clock_that_steps_back_earns_nothing(void **state)
{
	struct wsm__bucket bucket;

	(void)state;
	wsm__bucket_init(&bucket, 10, 100000);
	assert_int_equal(drain(&bucket, 10, 10, 100000), 10);
	assert_false(wsm__bucket_take(&bucket, 1, 10, 10, 50000));
	assert_true(wsm__bucket_take(&bucket, 1, 10, 10, 50101)); /* and goes on from there */
}

static void what_costs_more_takes_more(void **state)
{
	struct wsm__bucket bucket;

	(void)state;
	wsm__bucket_init(&bucket, 1000, 0);
	assert_true(wsm__bucket_take(&bucket, 600, 500, 1000, 0));
	assert_false(wsm__bucket_take(&bucket, 600, 500, 1000, 0));
	assert_int_equal(wsm__bucket_wait_ms(&bucket, 600, 500, 1000), 400);
	assert_false(wsm__bucket_take(&bucket, 600, 500, 1000, 399));
	assert_true(wsm__bucket_take(&bucket, 600, 500, 1000, 400));
}

static void what_costs_more_than_the_burst_passes_once_and_leaves_a_debt(void **state)
{
	struct wsm__bucket bucket;

	(void)state;
	wsm__bucket_init(&bucket, 100, 0);
	assert_true(wsm__bucket_take(&bucket, 1, 50, 100, 0));
	assert_false(wsm__bucket_take(&bucket, 300, 50, 100, 0)); /* not full */
	assert_true(wsm__bucket_take(&bucket, 300, 50, 100, 20));
	assert_false(wsm__bucket_take(&bucket, 1, 50, 100, 4039));
	assert_true(wsm__bucket_take(&bucket, 1, 50, 100, 4040));
}

static void a_charge_is_taken_in_any_case(void **state)
{
	struct wsm__bucket bucket;

	(void)state;
	wsm__bucket_init(&bucket, 100, 0);
	wsm__bucket_charge(&bucket, 150, 50, 100, 0);
	assert_int_equal(wsm__bucket_wait_ms(&bucket, 1, 50, 100), 1020);
	assert_false(wsm__bucket_take(&bucket, 1, 50, 100, 1019));
	assert_true(wsm__bucket_take(&bucket, 1, 50, 100, 1020));
	wsm__bucket_charge(&bucket, 1e9, 0, 0, 1020); /* no limit */
	assert_true(wsm__bucket_take(&bucket, 1, 50, 100, 1040));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_passes_and_then_the_rate_holds),
		cmocka_unit_test(ten_seconds_of_polling_let_ten_seconds_of_tokens_through),
		cmocka_unit_test(a_slow_rate_is_not_lost_in_rounding),
		cmocka_unit_test(rate_zero_never_limits),
		cmocka_unit_test(a_burst_below_one_still_lets_messages_through),
		cmocka_unit_test(the_clock_may_wrap),
		cmocka_unit_test(a_clock_that_steps_back_earns_nothing),
		cmocka_unit_test(what_costs_more_takes_more),
		cmocka_unit_test(what_costs_more_than_the_burst_passes_once_and_leaves_a_debt),
		cmocka_unit_test(a_charge_is_taken_in_any_case),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
