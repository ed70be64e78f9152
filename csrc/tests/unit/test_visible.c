/* Text of clients in log lines. */
#include "exact.h"

#include "base/visible.h"

static void shows(const char *text, size_t len, const char *expected)
{
	struct wsm__buffer out;
	wsm_slice copy = exact(text, len);

	wsm__buffer_init(&out);
	wsm__buffer_add_visible(&out, copy);
	assert_string_equal(out.data ? out.data : "", expected);
	wsm__buffer_fini(&out);
	drop(copy);
}

#define SHOWS(text, expected) shows(text, sizeof(text) - 1, expected)

static void what_can_be_seen_stays(void **state)
{
	(void)state;
	SHOWS("", "");
	SHOWS("a b~", "a b~");
	SHOWS("caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80",
	      "caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80");
}

static void controls_are_spelled_out(void **state)
{
	(void)state;
	SHOWS("a\n2026-01-01 CRITICAL forged", "a\\x0a2026-01-01 CRITICAL forged");
	SHOWS("\r\t\0\x1b[2J\x7f", "\\x0d\\x09\\x00\\x1b[2J\\x7f");
	SHOWS("\xc2\x9b"
	      "2J", /* CSI in one character */
	      "\\u{9b}2J");
	SHOWS("\xe2\x80\xa8", "\\u{2028}");
}

static void what_hides_or_turns_the_rest_is_spelled_out(void **state)
{
	(void)state;
	SHOWS("\xe2\x80\xae"
	      "gpj.exe",
	      "\\u{202e}gpj.exe");
	SHOWS("a\xe2\x80\x8b\xe2\x81\xa6\xef\xbb\xbf\xc2\xad", "a\\u{200b}\\u{2066}\\u{feff}\\u{ad}");
	SHOWS("\xe3\x85\xa4\xf3\xa0\x81\x81\xc2\xa0", "\\u{3164}\\u{e0041}\\u{a0}");
}

static void what_is_no_text_is_spelled_out(void **state)
{
	(void)state;
	SHOWS("\xff", "\\xff");
	SHOWS("a\xe2\x80", "a\\xe2\\x80");
	SHOWS("\xed\xa0\x80", "\\xed\\xa0\\x80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_can_be_seen_stays),
		cmocka_unit_test(controls_are_spelled_out),
		cmocka_unit_test(what_hides_or_turns_the_rest_is_spelled_out),
		cmocka_unit_test(what_is_no_text_is_spelled_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
