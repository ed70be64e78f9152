/* Time stamps: RFC 3339 in UTC, as the C library's calendar has it. */
#include "exact.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static void assert_stamp(uint64_t unix_ms, const char *expected)
{
	char out[WSM__TIMESTAMP_LEN + 1];

	wsm__timestamp(unix_ms, out);
	assert_string_equal(out, expected);
}

static void known_moments_are_written_as_rfc3339(void **state)
{
	(void)state;
	assert_stamp(0, "1970-01-01T00:00:00.000Z");
	assert_stamp(1, "1970-01-01T00:00:00.001Z");
	assert_stamp(951782399999, "2000-02-28T23:59:59.999Z");
	assert_stamp(951782400000, "2000-02-29T00:00:00.000Z");
	assert_stamp(1768473000123, "2026-01-15T10:30:00.123Z");
	assert_stamp(4107542399000, "2100-02-28T23:59:59.000Z");
	assert_stamp(4107542400000, "2100-03-01T00:00:00.000Z"); /* 2100 is no leap year */
}

static void moments_past_the_year_9999_stay_there(void **state)
{
	(void)state;
	assert_stamp(UINT64_C(253402300799999), "9999-12-31T23:59:59.999Z");
	assert_stamp(UINT64_C(253402300800000), "9999-12-31T23:59:59.999Z");
	assert_stamp(UINT64_MAX, "9999-12-31T23:59:59.999Z");
}

static void every_day_of_five_centuries_agrees_with_the_c_library(void **state)
{
	(void)state;
	for (int64_t day = 0; day < 500 * 366; day++) {
		time_t seconds = (time_t)(day * 86400 + 43210);
		char expected[64], out[WSM__TIMESTAMP_LEN + 1];
		struct tm parts;

		gmtime_r(&seconds, &parts);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.007Z", &parts);
		wsm__timestamp((uint64_t)seconds * 1000 + 7, out);
		if (strcmp(out, expected) != 0)
			fail_msg("%s is not %s", out, expected);
	}
}

static void the_clocks_run_forward(void **state)
{
	uint64_t first = wsm__mono_us(), wall = wsm__unix_ms();

	(void)state;
	assert_true(wall > 1600000000000);
	for (int i = 0; i < 1000; i++) {
		uint64_t next = wsm__mono_us();

		assert_true(next >= first);
		first = next;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_moments_are_written_as_rfc3339),
		cmocka_unit_test(moments_past_the_year_9999_stay_there),
		cmocka_unit_test(every_day_of_five_centuries_agrees_with_the_c_library),
		cmocka_unit_test(the_clocks_run_forward),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
