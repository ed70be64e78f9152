/* The request target: percent- and base64url-encoding, query parameters, and positions to resume from. */
#include "exact.h"

#include <stdio.h>

#include "wire/target.h"

static void assert_percent(const char *text, bool plus, const char *expected)
{
	wsm_slice copy = exact_str(text);
	char out[16];
	int len = wsm__percent_decode(copy, plus, out, sizeof(out));

	if (!expected) {
		if (len != -1)
			fail_msg("%s was decoded", text);
	} else {
		assert_int_equal(len, strlen(expected));
		assert_string_equal(out, expected);
	}
	drop(copy);
}

static void percent_encoding_is_decoded_once(void **state)
{
	(void)state;
	assert_percent("", false, "");
	assert_percent("abc", false, "abc");
	assert_percent("a%20b%2fC%2F", false, "a b/C/");
	assert_percent("%C3%A9", false, "\xc3\xa9");
	assert_percent("\xc3\xa9", false, "\xc3\xa9");
	assert_percent("%2525", false, "%25"); /* not decoded again */
	assert_percent("a+b", false, "a+b");
	assert_percent("a+b%2B", true, "a b+");
}

static void percent_tricks_are_malformed(void **state)
{
	static const char *const texts[] = { "%",     "a%",   "%4",  "%4g",    "%g4",       "%%41",
	                                     "% 41",  "%+41", "%-1", "%0x",    "%u0041",    "%00",
	                                     "a%00b", "%ff",  "%C3", "%C0%AF", "%ED%A0%80", "%c3%28" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_percent(texts[i], false, NULL);
		assert_percent(texts[i], true, NULL);
	}
}

static void decoded_text_fits_with_its_nul_or_not_at_all(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(wsm__percent_decode(wsm__str("%61bc"), false, out, 4), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(wsm__percent_decode(wsm__str("abcd"), false, out, 4), -1);
	assert_int_equal(wsm__percent_decode(wsm__str("\xe2\x82\xac\xe2\x82\xac"), false, out, 4), -1);
	assert_int_equal(wsm__percent_decode(wsm__slice(NULL, 0), false, out, 1), 0);
	assert_int_equal(wsm__percent_decode(wsm__slice(NULL, 0), false, NULL, 0), -1);
	assert_int_equal(wsm__percent_decode(wsm__slice("a\0b", 3), false, out, 4), -1);
}

static void assert_query(const char *query, const char *name, int expected, const char *value)
{
	wsm_slice copy = exact_str(query);
	char out[16];

	assert_int_equal(wsm__query_get(copy, name, out, sizeof(out)), expected);
	if (expected >= 0)
		assert_string_equal(out, value);
	drop(copy);
}

static void a_query_parameter_is_found_and_decoded(void **state)
{
	(void)state;
	assert_query("session_id=s1", "session_id", 2, "s1");
	assert_query("a=1&level=info&b=2", "level", 4, "info");
	assert_query("a=1&a=2", "a", 1, "1");
	assert_query("a=x%26y%3dz", "a", 5, "x&y=z");
	assert_query("a=x=y", "a", 3, "x=y");
	assert_query("a=x+y", "a", 3, "x y");
	assert_query("a", "a", 0, "");
	assert_query("a=", "a", 0, "");
	assert_query("&&a=1&", "a", 1, "1");
	assert_query("ses%73ion=1", "session", 1, "1");
	assert_query("a+b=1", "a b", 1, "1");
	assert_query("=x", "", 1, "x");
}

static void absent_parameters_are_told_from_malformed_ones(void **state)
{
	(void)state;
	assert_query("", "a", -1, NULL);
	assert_query("b=1", "a", -1, NULL);
	assert_query("ab=1", "a", -1, NULL);
	assert_query("b=a=1", "a", -1, NULL);
	assert_query("A=1", "a", -1, NULL);
	assert_query("b;a=1", "a", -1, NULL);
	assert_query("a=%zz", "a", -2, NULL);
	assert_query("a=%00", "a", -2, NULL);
	assert_query("a=0123456789abcdef", "a", -2, NULL); /* 16 bytes and no room for the NUL */
	assert_query("a=0123456789abcde", "a", 15, "0123456789abcde");
	assert_query("%zz=1&a=2", "a", 1, "2"); /* another's broken name is not our matter */
	assert_int_equal(wsm__query_get(wsm__slice(NULL, 0), "a", (char[1]){ 0 }, 1), -1);
}

static void assert_base64(const char *text, const char *expected)
{
	wsm_slice copy = exact_str(text);
	char out[8];
	int len = wsm__base64url_decode(copy, out, sizeof(out));

	if (!expected) {
		if (len != -1)
			fail_msg("%s was decoded", text);
	} else {
		assert_int_equal(len, strlen(expected));
		assert_memory_equal(out, expected, strlen(expected));
	}
	drop(copy);
}

static void base64url_is_decoded_with_and_without_padding(void **state)
{
	(void)state;
	assert_base64("", "");
	assert_base64("Zg", "f");
	assert_base64("Zg==", "f");
	assert_base64("Zm8", "fo");
	assert_base64("Zm8=", "fo");
	assert_base64("Zm9v", "foo");
	assert_base64("Zm9vYmFy", "foobar");
	assert_base64("-_-_", "\xfb\xff\xbf");
	assert_base64("Zm9vYmFyMTI", "foobar12");
}

static void malformed_base64url_is_refused(void **state)
{
	static const char *const texts[] = { "Z",      "A",      "AAAAA", "Zg=",  "Zg===", "Zm8==",    "Zm9v=",
	                                     "Zm9v==", "=",      "==",    "====", "Zm9vY", "Zm+v",     "Zm/v",
	                                     "Zm 9",   "Zm9v\n", "Z=g=",  "Zh",   "Zm9",   "\xc3\xa9", "Zm9vYmFyMTIz" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_base64(texts[i], NULL);
	assert_int_equal(wsm__base64url_decode(wsm__slice("Zg\0\0", 4), (char[8]){ 0 }, 8), -1);
}

static char *base64url(const char *text, size_t len)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *out = malloc(len * 2 + 4), *at = out;

	for (size_t i = 0; i < len; i += 3) {
		unsigned long bits = 0;
		size_t n = len - i < 3 ? len - i : 3;

		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (j < n ? (unsigned char)text[i + j] : 0);
		for (size_t j = 0; j <= n; j++)
			*at++ = alphabet[bits >> (18 - 6 * j) & 63];
	}
	*at = '\0';
	return out;
}

static int resume(const char *json, size_t len, struct wsm__position **positions)
{
	char *text = base64url(json, len);
	wsm_slice copy = exact_str(text);
	int count = wsm__resume_parse(copy, positions);

	drop(copy);
	free(text);
	return count;
}

static void positions_are_read_from_the_resume_parameter(void **state)
{
	static const char json[] =
		"{\"project:7\":[\"e1\",42],\"@all\":[\"e2\",0],\"caf\\u00e9\":[\"\",9007199254740993]}";
	struct wsm__position *positions;
	unsigned seen = 0;

	(void)state;
	assert_int_equal(resume(json, strlen(json), &positions), 3);
	for (int i = 0; i < 3; i++) {
		if (strcmp(positions[i].room, "project:7") == 0) {
			assert_string_equal(positions[i].epoch, "e1");
			assert_true(positions[i].offset == 42);
			seen |= 1;
		} else if (strcmp(positions[i].room, "@all") == 0) {
			assert_string_equal(positions[i].epoch, "e2");
			assert_true(positions[i].offset == 0);
			seen |= 2;
		} else if (strcmp(positions[i].room, "caf\xc3\xa9") == 0) {
			assert_true(positions[i].offset == UINT64_C(9007199254740993));
			seen |= 4;
		}
	}
	assert_int_equal(seen, 7);
	free(positions);
}

static void no_positions_are_none(void **state)
{
	struct wsm__position *positions = (struct wsm__position *)1;

	(void)state;
	assert_int_equal(resume("{}", 2, &positions), 0);
	assert_null(positions);
	positions = (struct wsm__position *)1;
	assert_int_equal(wsm__resume_parse(wsm__slice(NULL, 0), &positions), 0);
	assert_null(positions);
}

static void malformed_positions_are_refused_whole(void **state)
{
	static const char *const texts[] = {
		"[]",
		"5",
		"\"x\"",
		"null",
		"{",
		"{\"a\":1}",
		"{\"a\":[]}",
		"{\"a\":[\"e\"]}",
		"{\"a\":[\"e\",1,2]}",
		"{\"a\":[1,\"e\"]}",
		"{\"a\":[\"e\",-1]}",
		"{\"a\":[\"e\",1.0]}",
		"{\"a\":[\"e\",\"1\"]}",
		"{\"a\":[null,1]}",
		"{\"a\":[\"e\",9223372036854775808]}",
		"{\"\":[\"e\",1]}",
		"{\"a\":[\"e\",1],\"a\":[\"e\",1]}",
		"{\"a\\u0000\":[\"e\",1]}",
		"{\"a\":[\"\\u0000\",1]}",
		"{\"a\":[\"e\",[1]]}",
		"{\"a\":{\"epoch\":\"e\"}}",
		"{\"a\":[\"123456789012345678901234\",1]}",
		"{\"ok\":[\"e\",1],\"a\":[\"e\"]}",
		"{\"a\":[\"e\",1]}x",
		"{\"\xff\":[\"e\",1]}",
	};
	struct wsm__position *positions;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		positions = (struct wsm__position *)1;
		if (resume(texts[i], strlen(texts[i]), &positions) != -1)
			fail_msg("%s", texts[i]);
		assert_null(positions);
	}
	assert_int_equal(resume("{\"a\":[\"e\",1\0]}", 14, &positions), -1);
	assert_int_equal(wsm__resume_parse(wsm__str("!!!"), &positions), -1);
	assert_int_equal(wsm__resume_parse(wsm__str("="), &positions), -1);
	assert_int_equal(resume("{\"a\":[\"12345678901234567890123\",1]}", 35, &positions), 1);
	assert_string_equal(positions[0].epoch, "12345678901234567890123");
	free(positions);
}

static void room_names_of_128_bytes_still_fit(void **state)
{
	struct wsm__position *positions;
	char json[256];

	(void)state;
	for (int len = 128; len <= 129; len++) {
		snprintf(json, sizeof(json), "{\"%0*d\":[\"e\",1]}", len, 0);
		assert_int_equal(resume(json, strlen(json), &positions), len == 128 ? 1 : -1);
		if (positions)
			assert_int_equal(strlen(positions[0].room), 128);
		free(positions);
	}
}

static void more_rooms_than_the_limit_are_refused(void **state)
{
	char *json = malloc(40000);
	struct wsm__position *positions;

	(void)state;
	for (int rooms = WSM__RESUME_MAX; rooms <= WSM__RESUME_MAX + 1; rooms++) {
		int at = 0;

		for (int i = 0; i < rooms; i++)
			at += sprintf(json + at, "%c\"r%d\":[\"e\",%d]", i ? ',' : '{', i, i);
		json[at++] = '}';
		assert_int_equal(resume(json, (size_t)at, &positions), rooms == WSM__RESUME_MAX ? rooms : -1);
		free(positions);
	}
	free(json);
}

static void a_hundred_thousand_levels_are_refused_without_recursion(void **state)
{
	char *json = malloc(100000);
	struct wsm__position *positions;

	(void)state;
	memset(json, '[', 100000);
	assert_int_equal(resume(json, 100000, &positions), -1);
	free(json);
}

static void a_value_cut_off_at_any_byte_is_refused(void **state)
{
	static const char json[] = "{\"project:7\":[\"e1\",42],\"caf\\u00e9\":[\"e2\",9]}";
	char *text = base64url(json, sizeof(json) - 1);
	struct wsm__position *positions;

	(void)state;
	for (size_t len = 1; len < strlen(text); len++) {
		wsm_slice copy = exact(text, len);

		assert_int_equal(wsm__resume_parse(copy, &positions), -1);
		drop(copy);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percent_encoding_is_decoded_once),
		cmocka_unit_test(percent_tricks_are_malformed),
		cmocka_unit_test(decoded_text_fits_with_its_nul_or_not_at_all),
		cmocka_unit_test(a_query_parameter_is_found_and_decoded),
		cmocka_unit_test(absent_parameters_are_told_from_malformed_ones),
		cmocka_unit_test(base64url_is_decoded_with_and_without_padding),
		cmocka_unit_test(malformed_base64url_is_refused),
		cmocka_unit_test(positions_are_read_from_the_resume_parameter),
		cmocka_unit_test(no_positions_are_none),
		cmocka_unit_test(malformed_positions_are_refused_whole),
		cmocka_unit_test(room_names_of_128_bytes_still_fit),
		cmocka_unit_test(more_rooms_than_the_limit_are_refused),
		cmocka_unit_test(a_hundred_thousand_levels_are_refused_without_recursion),
		cmocka_unit_test(a_value_cut_off_at_any_byte_is_refused),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
