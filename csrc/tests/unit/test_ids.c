/* Ids: message ids rise whatever the clock does; names are unguessable. */
#include "exact.h"

#include "base/ids.h"

static void a_ulid_holds_its_time_in_the_first_ten_characters(void **state)
{
	struct wsm__ulid generator;
	char id[WSM__ULID_LEN + 1];

	(void)state;
	wsm__ulid_init(&generator);
	wsm__ulid_next(&generator, UINT64_C(1469918176385), id);
	assert_int_equal(strlen(id), 26);
	assert_memory_equal(id, "01ARYZ6S41", 10);
	assert_int_equal(strspn(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
}

static void ids_rise_within_one_millisecond(void **state)
{
	struct wsm__ulid generator;
	char last[27], id[27];

	(void)state;
	wsm__ulid_init(&generator);
	wsm__ulid_next(&generator, 1700000000000, last);
	for (int i = 0; i < 100000; i++) {
		wsm__ulid_next(&generator, 1700000000000, id);
		assert_true(strcmp(id, last) > 0);
		memcpy(last, id, sizeof(last));
	}
}

static void ids_rise_when_the_clock_steps_back(void **state)
{
	static const uint64_t clock[] = { 1700000000000, 1700000000001, 1699999999000, 0,         1700000000000,
	                                  1700000000002, UINT64_MAX,    1700000000003, UINT64_MAX };
	struct wsm__ulid generator;
	char last[27] = "", id[27];

	(void)state;
	wsm__ulid_init(&generator);
	for (size_t i = 0; i < sizeof(clock) / sizeof(clock[0]); i++) {
		wsm__ulid_next(&generator, clock[i], id);
		assert_true(strcmp(id, last) > 0);
		assert_true(id[0] <= '7');
		memcpy(last, id, sizeof(last));
	}
}

static void a_carry_runs_through_the_random_part(void **state)
{
	struct wsm__ulid generator;
	char before[27], after[27];

	(void)state;
	generator.last_ms = 1;
	memset(generator.random, 0xff, sizeof(generator.random));
	generator.random[4] = 0;
	generator.random[9] = 0xfe;
	wsm__ulid_next(&generator, 1, before);
	wsm__ulid_next(&generator, 1, after);
	assert_true(strcmp(after, before) > 0);
	assert_int_equal(generator.random[4], 1);
	assert_int_equal(generator.random[9], 0);
}

static void an_exhausted_millisecond_borrows_from_the_next(void **state)
{
	struct wsm__ulid generator;
	char before[27], after[27];

	(void)state;
	generator.last_ms = 1700000000000;
	memset(generator.random, 0xff, sizeof(generator.random));
	generator.random[9] = 0xfe;
	wsm__ulid_next(&generator, 1700000000000, before);
	assert_string_equal(before + 10, "ZZZZZZZZZZZZZZZZ");
	wsm__ulid_next(&generator, 1700000000000, after);
	assert_true(strcmp(after, before) > 0);
	assert_true(generator.last_ms == 1700000000001);
}

static void two_generators_do_not_repeat_each_other(void **state)
{
	struct wsm__ulid a, b;
	char id_a[27], id_b[27];

	(void)state;
	wsm__ulid_init(&a);
	wsm__ulid_init(&b);
	wsm__ulid_next(&a, 1700000000000, id_a);
	wsm__ulid_next(&b, 1700000000000, id_b);
	assert_memory_equal(id_a, id_b, 10);
	assert_string_not_equal(id_a, id_b);
}

static void names_use_every_character_about_equally(void **state)
{
	static char name[62001];
	unsigned seen[256] = { 0 };

	(void)state;
	wsm__random_name(name, 62000);
	assert_int_equal(strlen(name), 62000);
	for (size_t i = 0; i < 62000; i++)
		seen[(unsigned char)name[i]]++;
	for (const char *c = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; *c; c++)
		assert_in_range(seen[(unsigned char)*c], 700, 1300); /* 1000 expected, deviation 31 */
	wsm__random_name(name, 0);
	assert_string_equal(name, "");
}

static void random_bytes_fill_the_whole_of_a_large_block(void **state)
{
	static unsigned char block[4096];
	size_t zeros = 0;

	(void)state;
	wsm__random(block, sizeof(block));
	for (size_t i = 0; i < sizeof(block); i++)
		zeros += block[i] == 0;
	assert_in_range(zeros, 0, 80); /* 16 expected */
	wsm__random(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ulid_holds_its_time_in_the_first_ten_characters),
		cmocka_unit_test(ids_rise_within_one_millisecond),
		cmocka_unit_test(ids_rise_when_the_clock_steps_back),
		cmocka_unit_test(a_carry_runs_through_the_random_part),
		cmocka_unit_test(an_exhausted_millisecond_borrows_from_the_next),
		cmocka_unit_test(two_generators_do_not_repeat_each_other),
		cmocka_unit_test(names_use_every_character_about_equally),
		cmocka_unit_test(random_bytes_fill_the_whole_of_a_large_block),
	};

	return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
