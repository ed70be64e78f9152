/* At most so many of a key per second, and the last one never lost. Times are in microseconds. */
#include "exact.h"

#include <stdio.h>

#include "policy/throttle.h"

#define MS 1000u
#define SECOND 1000000u

static const uint8_t sip_key[16] = { 9 };

/* Items are numbers in a pointer's clothes. */
static void *item(uintptr_t n)
{
	return (void *)n;
}

static enum wsm__throttle_verdict offer(struct wsm__throttle *throttle, const char *key, double rate, uint64_t now,
                                        uintptr_t n, uintptr_t *superseded)
{
	wsm_slice slice = exact(key, strlen(key));
	void *old;
	enum wsm__throttle_verdict verdict = wsm__throttle_offer(throttle, slice, rate, now, item(n), &old);

	drop(slice);
	*superseded = (uintptr_t)old;
	return verdict;
}

static void no_item(void *context, void *dropped)
{
	(void)context;
	(void)dropped;
	fail_msg("an item was left over");
}

static void the_first_goes_at_once_and_the_newest_in_its_turn(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	assert_int_equal(wsm__throttle_next(&throttle), 0);
	assert_int_equal(offer(&throttle, "k", 10, 0, 1, &old), WSM__THROTTLE_SEND);
	assert_int_equal(offer(&throttle, "k", 10, 1 * MS, 2, &old), WSM__THROTTLE_HELD);
	assert_int_equal(old, 0);
	assert_int_equal(offer(&throttle, "k", 10, 2 * MS, 3, &old), WSM__THROTTLE_HELD);
	assert_int_equal(old, 2);
	assert_int_equal(wsm__throttle_next(&throttle), 100 * MS);
	assert_null(wsm__throttle_due(&throttle, 100 * MS - 1));
	assert_ptr_equal(wsm__throttle_due(&throttle, 100 * MS), item(3));
	assert_null(wsm__throttle_due(&throttle, 100 * MS));
	assert_int_equal(wsm__throttle_next(&throttle), 0);
	/* That was a turn: the next comes 100 ms later. */
	assert_int_equal(offer(&throttle, "k", 10, 199 * MS, 4, &old), WSM__THROTTLE_HELD);
	assert_int_equal(wsm__throttle_next(&throttle), 200 * MS);
	assert_ptr_equal(wsm__throttle_due(&throttle, 200 * MS), item(4));
	assert_int_equal(offer(&throttle, "k", 10, 300 * MS, 5, &old), WSM__THROTTLE_SEND);
	wsm__throttle_fini(&throttle, no_item, NULL);
}

static void a_turn_that_is_late_does_not_let_the_new_one_pass(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	offer(&throttle, "k", 10, 0, 1, &old);
	offer(&throttle, "k", 10, 1 * MS, 2, &old);
	assert_int_equal(offer(&throttle, "k", 10, 500 * MS, 3, &old), WSM__THROTTLE_HELD);
	assert_int_equal(old, 2);
	assert_ptr_equal(wsm__throttle_due(&throttle, 500 * MS), item(3));
	wsm__throttle_fini(&throttle, no_item, NULL);
}

static void keys_do_not_disturb_each_other(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	assert_int_equal(offer(&throttle, "k", 10, 0, 1, &old), WSM__THROTTLE_SEND);
	assert_int_equal(offer(&throttle, "kk", 10, 0, 2, &old), WSM__THROTTLE_SEND);
	assert_int_equal(offer(&throttle, "", 10, 0, 3, &old), WSM__THROTTLE_SEND);
	assert_int_equal(offer(&throttle, "k", 10, 0, 4, &old), WSM__THROTTLE_HELD);
	assert_int_equal(offer(&throttle, "kk", 10, 0, 5, &old), WSM__THROTTLE_HELD);
	assert_int_equal(old, 0);
	assert_ptr_equal(wsm__throttle_due(&throttle, SECOND), item(4));
	assert_ptr_equal(wsm__throttle_due(&throttle, SECOND), item(5));
	assert_null(wsm__throttle_due(&throttle, SECOND));
	wsm__throttle_fini(&throttle, no_item, NULL);
}

/* A slow key that waits first must not hide the turn of a fast one. */
static void the_next_turn_is_the_earliest_of_all(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	offer(&throttle, "slow", 0.1, 0, 1, &old);
	offer(&throttle, "fast", 100, 0, 2, &old);
	offer(&throttle, "slow", 0.1, 0, 3, &old);
	assert_int_equal(wsm__throttle_next(&throttle), 10 * SECOND);
	offer(&throttle, "fast", 100, 0, 4, &old);
	assert_int_equal(wsm__throttle_next(&throttle), 10 * MS);
	assert_ptr_equal(wsm__throttle_due(&throttle, 10 * MS), item(4));
	assert_null(wsm__throttle_due(&throttle, 10 * MS));
	assert_int_equal(wsm__throttle_next(&throttle), 10 * SECOND);
	assert_ptr_equal(wsm__throttle_due(&throttle, 10 * SECOND), item(3));
	wsm__throttle_fini(&throttle, no_item, NULL);
}

static void what_is_held_can_be_taken_out_before_its_turn(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	assert_null(wsm__throttle_flush(&throttle, wsm__str("k")));
	offer(&throttle, "k", 10, 0, 1, &old);
	assert_null(wsm__throttle_flush(&throttle, wsm__str("k")));
	offer(&throttle, "k", 10, 0, 2, &old);
	assert_ptr_equal(wsm__throttle_flush(&throttle, wsm__str("k")), item(2));
	assert_null(wsm__throttle_flush(&throttle, wsm__str("k")));
	assert_null(wsm__throttle_due(&throttle, SECOND));
	assert_int_equal(wsm__throttle_next(&throttle), 0);
	/* The turn itself is not given back. */
	assert_int_equal(offer(&throttle, "k", 10, 99 * MS, 3, &old), WSM__THROTTLE_HELD);
	assert_ptr_equal(wsm__throttle_due(&throttle, 100 * MS), item(3));
	wsm__throttle_fini(&throttle, no_item, NULL);
}

static void a_changed_rate_counts_from_the_next_turn(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	offer(&throttle, "k", 1, 0, 1, &old);
	offer(&throttle, "k", 10, 0, 2, &old);
	assert_null(wsm__throttle_due(&throttle, SECOND - 1));
	assert_ptr_equal(wsm__throttle_due(&throttle, SECOND), item(2));
	assert_int_equal(offer(&throttle, "k", 10, SECOND + 100 * MS, 3, &old), WSM__THROTTLE_SEND);
	wsm__throttle_fini(&throttle, no_item, NULL);
}

static void extreme_rates_are_long_or_no_waits(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	assert_int_equal(offer(&throttle, "rare", 1e-300, 5, 1, &old), WSM__THROTTLE_SEND);
	assert_int_equal(offer(&throttle, "rare", 1e-300, 6, 2, &old), WSM__THROTTLE_HELD);
	assert_true(wsm__throttle_next(&throttle) > 365 * 86400 * (uint64_t)SECOND);
	assert_int_equal(offer(&throttle, "often", 1e6, 7, 3, &old), WSM__THROTTLE_SEND);
	assert_int_equal(offer(&throttle, "often", 1e6, 8, 4, &old), WSM__THROTTLE_SEND);
	assert_ptr_equal(wsm__throttle_due(&throttle, UINT64_MAX), item(2)); /* at the stop, everything is due */
	wsm__throttle_fini(&throttle, no_item, NULL);
}

static void keys_that_are_quiet_are_forgotten(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	offer(&throttle, "quiet", 10, 0, 1, &old);
	offer(&throttle, "waiting", 10, 0, 2, &old);
	offer(&throttle, "waiting", 10, 0, 3, &old);
	offer(&throttle, "rare", 0.01, 0, 4, &old);
	wsm__throttle_sweep(&throttle, 10 * SECOND);
	assert_non_null(throttle.entries);
	assert_int_equal(offer(&throttle, "quiet", 10, 10 * SECOND, 5, &old), WSM__THROTTLE_SEND);
	wsm__throttle_sweep(&throttle, 21 * SECOND);
	assert_ptr_equal(wsm__throttle_due(&throttle, 21 * SECOND), item(3));
	/* "rare" still has its turn to wait for. */
	assert_int_equal(offer(&throttle, "rare", 0.01, 22 * SECOND, 6, &old), WSM__THROTTLE_HELD);
	assert_ptr_equal(wsm__throttle_due(&throttle, 100 * SECOND), item(6));
	wsm__throttle_sweep(&throttle, 1000 * SECOND);
	assert_null(throttle.entries);
	wsm__throttle_fini(&throttle, no_item, NULL);
}

/* Thousands that come due at once, in any order, with some taken out: each turn in its order, and at no great cost. */
static void thousands_of_turns_come_in_their_order(void **state)
{
	enum { KEYS = 20000 };
	struct wsm__throttle throttle;
	uintptr_t old, last_interval = 0, seen = 0;
	char key[24];
	void *next;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	for (uintptr_t i = 0; i < KEYS; i++) {
		uintptr_t interval_ms = 1 + i * 7919 % 977;

		snprintf(key, sizeof(key), "%d", (int)i);
		offer(&throttle, key, 1000.0 / (double)interval_ms, 0, i + 1, &old);
		offer(&throttle, key, 1000.0 / (double)interval_ms, 0, i + 1, &old);
	}
	for (uintptr_t i = 0; i < KEYS; i += 3) {
		snprintf(key, sizeof(key), "%d", (int)i);
		assert_ptr_equal(wsm__throttle_flush(&throttle, wsm__str(key)), item(i + 1));
	}
	while ((next = wsm__throttle_due(&throttle, SECOND)) != NULL) {
		uintptr_t i = (uintptr_t)next - 1, interval_ms = 1 + i * 7919 % 977;

		assert_true(interval_ms >= last_interval && i % 3 != 0);
		last_interval = interval_ms;
		seen++;
	}
	assert_int_equal(seen, KEYS - (KEYS + 2) / 3);
	assert_int_equal(wsm__throttle_next(&throttle), 0);
	wsm__throttle_fini(&throttle, no_item, NULL);
}

static void count(void *context, void *dropped)
{
	*(uintptr_t *)context += (uintptr_t)dropped;
}

static void the_end_hands_back_what_waits(void **state)
{
	struct wsm__throttle throttle;
	uintptr_t old, sum = 0;

	(void)state;
	wsm__throttle_init(&throttle, sip_key);
	offer(&throttle, "a", 10, 0, 1, &old);
	offer(&throttle, "a", 10, 0, 2, &old);
	offer(&throttle, "b", 10, 0, 4, &old);
	offer(&throttle, "b", 10, 0, 8, &old);
	wsm__throttle_fini(&throttle, count, &sum);
	assert_int_equal(sum, 2 + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_goes_at_once_and_the_newest_in_its_turn),
		cmocka_unit_test(a_turn_that_is_late_does_not_let_the_new_one_pass),
		cmocka_unit_test(keys_do_not_disturb_each_other),
		cmocka_unit_test(the_next_turn_is_the_earliest_of_all),
		cmocka_unit_test(what_is_held_can_be_taken_out_before_its_turn),
		cmocka_unit_test(a_changed_rate_counts_from_the_next_turn),
		cmocka_unit_test(extreme_rates_are_long_or_no_waits),
		cmocka_unit_test(keys_that_are_quiet_are_forgotten),
		cmocka_unit_test(thousands_of_turns_come_in_their_order),
		cmocka_unit_test(the_end_hands_back_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
