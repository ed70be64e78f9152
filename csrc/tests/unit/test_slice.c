/* Slices, and the one UTF-8 decoder that everything else trusts. */
#include "exact.h"

static void empty_and_null_slices_are_equal(void **state)
{
	(void)state;
	assert_true(wsm__slice_equal(wsm__slice(NULL, 0), wsm__slice("x", 0)));
	assert_true(wsm__slice_is(wsm__slice(NULL, 0), ""));
	assert_true(wsm__slice_starts(wsm__slice(NULL, 0), ""));
	assert_false(wsm__slice_starts(wsm__slice(NULL, 0), "a"));
	assert_true(wsm__slice_equal_nocase(wsm__slice(NULL, 0), wsm__slice(NULL, 0)));
	assert_int_equal(wsm__str(NULL).len, 0);
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
	(void)state;
	assert_true(wsm__slice_equal_nocase(wsm__str("ExAmple.COM"), wsm__str("eXample.com")));
	/* '@' and '`', '[' and '{' differ by the same bit as letters do. */
	assert_false(wsm__slice_equal_nocase(wsm__str("@"), wsm__str("`")));
	assert_false(wsm__slice_equal_nocase(wsm__str("["), wsm__str("{")));
	assert_false(wsm__slice_equal_nocase(wsm__str("\xc3\x89"), wsm__str("\xc3\xa9")));
	assert_false(wsm__slice_equal_nocase(wsm__str("ab"), wsm__str("abc")));
}

static void a_copy_ends_in_nul_and_keeps_inner_ones(void **state)
{
	wsm_slice text = exact("a\0b", 3);
	char *copy = wsm__slice_dup(text);

	(void)state;
	assert_memory_equal(copy, "a\0b", 4);
	free(copy);
	drop(text);
	copy = wsm__slice_dup(wsm__slice(NULL, 0));
	assert_string_equal(copy, "");
	free(copy);
	assert_null(wsm__slice_dup(wsm__slice("", SIZE_MAX)));
}

static bool valid(const char *text, size_t len)
{
	wsm_slice copy = exact(text, len);
	bool result = wsm__utf8_valid(copy);

	drop(copy);
	return result;
}

static void well_formed_utf8_is_accepted(void **state)
{
	static const char text[] =
		"a\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80"
		"\xf4\x8f\xbf\xbf";

	(void)state;
	assert_true(valid(text, sizeof(text) - 1));
	assert_true(valid("a\0b", 3));
	assert_true(wsm__utf8_valid(wsm__slice(NULL, 0)));
}

static void malformed_utf8_is_refused(void **state)
{
	static const char *const texts[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf", /* stray, overlong */
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf", /* surrogates */
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xfe", /* over U+10FFFF */
		"\xc2"
		"a",
		"\xe2\x82"
		"a",
		"\xf0\x9f\x98"
		"a",
		"\xc2\xc2\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(valid(texts[i], strlen(texts[i])));
}

static void a_sequence_cut_off_at_any_byte_is_refused(void **state)
{
	static const char *const texts[] = { "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t len = 1; len < strlen(texts[i]); len++)
			assert_false(valid(texts[i], len));
}

static void every_code_point_decodes_to_itself(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		unsigned char p[4] = { (unsigned char)c, 0, 0, 0 };
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
		uint32_t found = UINT32_MAX;

		if (n > 1) {
			for (size_t i = 1; i < n; i++)
				p[i] = (unsigned char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
			p[0] = (unsigned char)(leads[n] | c >> (6 * (n - 1)));
		}
		if (c >= 0xd800 && c <= 0xdfff)
			n = 0;
		if (wsm__utf8_decode(wsm__slice((char *)p, n ? n : 3), 0, &found) != n || (n > 0 && found != c))
			fail_msg("U+%04X", (unsigned)c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_and_null_slices_are_equal),
		cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
		cmocka_unit_test(a_copy_ends_in_nul_and_keeps_inner_ones),
		cmocka_unit_test(well_formed_utf8_is_accepted),
		cmocka_unit_test(malformed_utf8_is_refused),
		cmocka_unit_test(a_sequence_cut_off_at_any_byte_is_refused),
		cmocka_unit_test(every_code_point_decodes_to_itself),
	};

	return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
