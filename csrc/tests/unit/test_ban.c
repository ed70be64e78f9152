/* Bans: when one comes, how long it lasts, and how it is forgotten. */
#include "exact.h"

#include "policy/ban.h"

static const struct wsm__ban_rules rules = {
	.threshold = 20, .window_ms = 60000, .first_ms = 10000, .most_ms = 3600000
};

/* Offends until a ban comes; its length. */
static uint64_t offend(struct wsm__record *record, enum wsm__offence offence, double credit, uint64_t now_ms,
                       unsigned *n)
{
	uint64_t length = 0;

	for (*n = 0; *n < 1000 && !length; (*n)++)
		length = wsm__ban_offence(record, &rules, offence, credit, now_ms);
	return length;
}

static void as_many_offences_as_the_threshold_ban(void **state)
{
	struct wsm__record record = { 0 };
	unsigned n;

	(void)state;
	assert_int_equal(offend(&record, WSM__OFFENCE_handshake, 0, 1000, &n), 10000);
	assert_int_equal(n, 20);
	assert_string_equal(record.reason, "repeated bad handshakes");
	assert_true(wsm__ban_active(&record, 10999));
	assert_false(wsm__ban_active(&record, 11000));
}

static void worse_offences_count_for_more(void **state)
{
	struct wsm__record record = { 0 }, other = { 0 };
	unsigned n;

	(void)state;
	assert_int_equal(offend(&record, WSM__OFFENCE_rate, 0, 0, &n), 10000);
	assert_int_equal(n, 5);
	assert_int_equal(offend(&other, WSM__OFFENCE_protocol, 0, 0, &n), 10000);
	assert_int_equal(n, 10);
}

static void the_well_behaved_behind_the_same_address_are_a_credit(void **state)
{
	struct wsm__record record = { 0 };
	unsigned n;

	(void)state;
	assert_int_equal(offend(&record, WSM__OFFENCE_token, 80, 0, &n), 10000);
	assert_int_equal(n, 100);
}

static void offences_spread_over_time_are_forgiven(void **state)
{
	struct wsm__record record = { 0 };

	(void)state;
	for (uint64_t now = 0; now < 1000000; now += 3200)
		assert_int_equal(wsm__ban_offence(&record, &rules, WSM__OFFENCE_token, 0, now), 0);
}

static void each_ban_is_twice_as_long_up_to_the_most(void **state)
{
	struct wsm__record record = { 0 };
	uint64_t now = 0, length = 0;
	unsigned n;

	(void)state;
	for (uint64_t expected = 10000; expected < 3600000; expected *= 2) {
		length = offend(&record, WSM__OFFENCE_handshake, 0, now, &n);
		assert_int_equal(length, expected);
		now += length;
	}
	for (int i = 0; i < 100; i++) {
		length = offend(&record, WSM__OFFENCE_handshake, 0, now, &n);
		assert_int_equal(length, 3600000);
		now += length;
	}
}

static void doublings_are_forgotten_one_by_one(void **state)
{
	struct wsm__record record = { 0 };
	unsigned n;

	(void)state;
	offend(&record, WSM__OFFENCE_handshake, 0, 0, &n);
	offend(&record, WSM__OFFENCE_handshake, 0, 10000, &n);
	assert_int_equal(offend(&record, WSM__OFFENCE_handshake, 0, 30000, &n), 40000); /* until 70000 */
	assert_int_equal(offend(&record, WSM__OFFENCE_handshake, 0, 70000 + 2 * 3600000, &n), 20000);
	assert_false(wsm__ban_forgotten(&record, &rules, 70000 + 2 * 3600000 + 20000));
	assert_false(wsm__ban_forgotten(&record, &rules, 70000 + 4 * 3600000 + 19999));
	assert_true(wsm__ban_forgotten(&record, &rules, 70000 + 4 * 3600000 + 20000));
}

static void what_comes_during_a_ban_does_not_prolong_it(void **state)
{
	struct wsm__record record = { 0 };
	unsigned n;

	(void)state;
	offend(&record, WSM__OFFENCE_handshake, 0, 0, &n);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(wsm__ban_offence(&record, &rules, WSM__OFFENCE_rate, 0, 9999), 0);
	assert_int_equal(record.until_ms, 10000);
	assert_int_equal(offend(&record, WSM__OFFENCE_handshake, 0, 10000, &n), 20000);
	assert_int_equal(n, 20);
}

static void threshold_0_bans_nobody(void **state)
{
	struct wsm__ban_rules off = rules;
	struct wsm__record record = { 0 };

	(void)state;
	off.threshold = 0;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(wsm__ban_offence(&record, &off, WSM__OFFENCE_rate, 0, 0), 0);
	assert_true(wsm__ban_forgotten(&record, &off, 0));
}

static void a_single_offence_is_forgotten_too(void **state)
{
	struct wsm__record record = { 0 };

	(void)state;
	assert_true(wsm__ban_forgotten(&record, &rules, 0));
	wsm__ban_offence(&record, &rules, WSM__OFFENCE_handshake, 0, 100);
	assert_false(wsm__ban_forgotten(&record, &rules, 3099));
	assert_true(wsm__ban_forgotten(&record, &rules, 3100));
	assert_false(wsm__ban_forgotten(&record, &rules, 50)); /* a clock that went back forgives nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_offences_as_the_threshold_ban),
		cmocka_unit_test(worse_offences_count_for_more),
		cmocka_unit_test(the_well_behaved_behind_the_same_address_are_a_credit),
		cmocka_unit_test(offences_spread_over_time_are_forgiven),
		cmocka_unit_test(each_ban_is_twice_as_long_up_to_the_most),
		cmocka_unit_test(doublings_are_forgotten_one_by_one),
		cmocka_unit_test(what_comes_during_a_ban_does_not_prolong_it),
		cmocka_unit_test(threshold_0_bans_nobody),
		cmocka_unit_test(a_single_offence_is_forgotten_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
