/* The top-level scanner: right on JSON, and never out of bounds on anything else. */
#include "exact.h"

#include <jansson.h>

#include "wire/json.h"

/* "name=value;name=value;" or "!" behind what came before a break. */
static void list(wsm_slice text, char *out, size_t size)
{
	wsm_slice name, value;
	size_t position = 0, at = 0;
	int result;

	out[0] = '\0';
	while ((result = wsm__json_next(text, &position, &name, &value)) == 1) {
		assert_true(at + name.len + value.len + 4 < size);
		memcpy(out + at, name.data, name.len);
		at += name.len;
		out[at++] = '=';
		memcpy(out + at, value.data, value.len);
		at += value.len;
		out[at++] = ';';
		out[at] = '\0';
	}
	if (result == 0)
		assert_int_equal(wsm__json_next(text, &position, &name, &value), 0); /* the end stays the end */
	else
		strcpy(out + at, "!");
}

static void assert_list(const char *json, const char *expected)
{
	wsm_slice text = exact_str(json);
	char out[1024];

	list(text, out, sizeof(out));
	assert_string_equal(out, expected);
	drop(text);
}

static void white_space_is_trimmed_from_both_ends(void **state)
{
	(void)state;
	assert_slice(wsm__json_trim(wsm__str(" \t\r\n{} \n")), "{}");
	assert_slice(wsm__json_trim(wsm__str(" \n ")), "");
	assert_slice(wsm__json_trim(wsm__slice(NULL, 0)), "");
	assert_slice(wsm__json_trim(wsm__str("\va\f")), "\va\f"); /* no JSON white space */
	assert_slice(wsm__json_trim(wsm__str("\xc2\xa0{}")), "\xc2\xa0{}");
}

static void members_come_in_order_with_their_raw_values(void **state)
{
	(void)state;
	assert_list("{}", "");
	assert_list(" { } ", "");
	assert_list("{\"a\":1}", "a=1;");
	assert_list(" {\n\"a\" : -1.5e+10 ,\t\"\" : \"x,}y\" , \"c\":[1,{\"d\":2}], \"e\":{\"f\":[]},\"g\":null,"
	            "\"h\":true,\"i\":false}\r\n",
	            "a=-1.5e+10;=\"x,}y\";c=[1,{\"d\":2}];e={\"f\":[]};g=null;h=true;i=false;");
	assert_list("{\"a\\\"b\":\"c\\\\\",\"d\":\"\\\"}\"}", "a\\\"b=\"c\\\\\";d=\"\\\"}\";");
}

static void text_that_is_no_object_is_broken_at_once(void **state)
{
	static const char *const texts[] = { "",     " ",     "[]",      "\"a\"",    "1",
	                                     "null", "a",     "}",       "{",        "{,}",
	                                     "{]",   "{a:1}", "{'a':1}", "hello {}", "\xef\xbb\xbf{}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_list(texts[i], "!");
	assert_false(wsm__json_is_object(wsm__slice(NULL, 0)));
}

static void a_break_ends_the_iteration_where_it_stands(void **state)
{
	(void)state;
	assert_list("{\"a\":1,", "a=1;!");
	assert_list("{\"a\":1,}", "a=1;!");
	assert_list("{\"a\":1 \"b\":2}", "!");
	assert_list("{\"a\" 1}", "!");
	assert_list("{\"a\":}", "!");
	assert_list("{\"a\":1}x", "!");
	assert_list("{\"a\":1}{}", "!");
	assert_list("{}{}", "!");
	assert_list("{\"a\":[1}", "!");
	assert_list("{\"a\":[}]}", "!");
	assert_list("{\"a\":{]}", "!");
	assert_list("{\"a\":\"b}", "!");
	assert_list("{\"a\":\"b\\\"}", "!");
	assert_list("{\"a\":1;\"b\":2}", "!");
}

/* Strings of every length around the eight-byte steps, with an escape at every place. */
static void the_end_of_a_string_is_found_wherever_it_stands(void **state)
{
	(void)state;
	for (size_t len = 0; len < 40; len++) {
		for (size_t at = 0; at <= len; at++) {
			char json[64] = "{\"a\":\"", expected[64] = "a=\"";
			wsm_slice text;

			memset(json + 6, '#', len);
			if (at + 1 < len)
				memcpy(json + 6 + at, at % 2 ? "\\\"" : "\\\\", 2);
			json[6 + len] = '\0';
			strcat(strcat(expected, json + 6), "\";");
			strcat(json, "\"}");
			assert_list(json, expected);
			text = exact(json, strlen(json) - 2); /* without its end */
			assert_false(wsm__json_is_object(text));
			drop(text);
		}
	}
}

static void bare_words_and_odd_numbers_are_no_values(void **state)
{
	static const char *const values[] = { "NaN",   "Infinity", "-Infinity", "undefined", "True", "tru",
	                                      "nul",   "truex",    "+1",        "01",        "-01",  "1.",
	                                      ".5",    "1.e5",     "1e",        "1e+",       "-",    "0x10",
	                                      "1_000", "--1",      "1,2",       "" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		wsm_slice copy;

		strcpy(text, "{\"a\":");
		strcat(strcat(text, values[i]), "}");
		copy = exact_str(text);
		if (wsm__json_is_object(copy))
			fail_msg("%s", text);
		drop(copy);
	}
}

static void text_cut_off_at_any_byte_is_no_object(void **state)
{
	static const char json[] = "{\"a\":-12.5e+3,\"b\\u00e9\":\"x\\\"y\\\\\",\"c\":[1,[2,{\"d\":\"}\"}],true],"
				   "\"e\":{\"f\":null},\"g\":false}";
	char out[256];

	(void)state;
	assert_true(wsm__json_is_object(wsm__str(json)));
	for (size_t len = 0; len < sizeof(json) - 1; len++) {
		wsm_slice text = exact(json, len);

		list(text, out, sizeof(out));
		assert_int_equal(out[strlen(out) - 1], '!');
		assert_false(wsm__json_is_object(text));
		drop(text);
	}
}

static void every_byte_changed_to_every_other_stays_in_bounds(void **state)
{
	static const char json[] = "{\"a\":[1,\"\\n\"],\"b\":{\"c\":2}}";
	char out[256];

	(void)state;
	for (size_t at = 0; at < sizeof(json) - 1; at++) {
		for (int byte = 0; byte < 256; byte++) {
			wsm_slice text = exact_str(json);

			((char *)(uintptr_t)text.data)[at] = (char)byte;
			list(text, out, sizeof(out));
			drop(text);
		}
	}
}

static wsm_slice nested(size_t depth, char open, char close)
{
	size_t len = 5 + 2 * depth + 1;
	char *text = malloc(len);

	memcpy(text, "{\"a\":", 5);
	memset(text + 5, open, depth);
	memset(text + 5 + depth, close, depth);
	text[len - 1] = '}';
	return wsm__slice(text, len);
}

static void nesting_is_followed_without_recursion_at_any_depth(void **state)
{
	static const struct {
		size_t depth;
		bool object;
	} cases[] = { { 1, true }, { 8, true }, { 9, true }, { 4096, true }, { 4097, true }, { 1000000, true } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wsm_slice text = nested(cases[i].depth, '[', ']');

		assert_int_equal(wsm__json_is_object(text), cases[i].object);
		drop(text);
	}
	/* The kinds of brackets are kept apart at each level. */
	for (size_t depth = 1; depth < 40; depth++) {
		wsm_slice text = nested(depth, '[', ']');

		((char *)(uintptr_t)text.data)[5 + depth] = '}';
		assert_false(wsm__json_is_object(text));
		drop(text);
	}
}

static void a_member_is_found_by_name(void **state)
{
	wsm_slice text = exact_str("{\"ab\":1,\"a\":2,\"a\":3,\"\\u0062\\t\":4,\"\":5,\"n\":{\"deep\":6}}"), value;

	(void)state;
	assert_true(wsm__json_get(text, "a", &value));
	assert_slice(value, "2");
	assert_true(wsm__json_get(text, "ab", &value));
	assert_slice(value, "1");
	assert_true(wsm__json_get(text, "b\t", &value)); /* escapes in a name hide nothing */
	assert_slice(value, "4");
	assert_true(wsm__json_get(text, "", &value));
	assert_slice(value, "5");
	assert_false(wsm__json_get(text, "deep", &value));
	assert_false(wsm__json_get(text, "abc", &value));
	assert_false(wsm__json_get(wsm__str("[\"a\",1]"), "a", &value));
	assert_false(wsm__json_get(wsm__slice(NULL, 0), "a", &value));
	drop(text);
}

static void names_written_with_escapes_are_recognised(void **state)
{
	wsm_slice text = exact_str("{\"\\u0072oo\\u006D\":1,\"\\/\":2,\"\\ud83d\\ude00\":3,\"\\ud83d\":4}"), name,
		  value;
	size_t position = 0;

	(void)state;
	assert_int_equal(wsm__json_next(text, &position, &name, &value), 1);
	assert_true(wsm__json_name_is(name, wsm__str("room")));
	assert_false(wsm__json_name_is(name, wsm__str("roox")));
	assert_int_equal(wsm__json_next(text, &position, &name, &value), 1);
	assert_true(wsm__json_name_is(name, wsm__str("/")));
	assert_int_equal(wsm__json_next(text, &position, &name, &value), 1);
	assert_true(wsm__json_name_is(name, wsm__str("\xf0\x9f\x98\x80")));
	assert_int_equal(wsm__json_next(text, &position, &name, &value), 1);
	assert_false(wsm__json_name_is(name, wsm__str("\xed\xa0\xbd")));
	name = wsm__slice("\"a\\\\\"" + 1, 3); /* one backslash: not the word that looks the same */
	assert_true(wsm__json_name_is(name, wsm__str("a\\")));
	assert_false(wsm__json_name_is(name, wsm__str("a\\\\")));
	drop(text);
}

static void depth_is_counted_outside_of_strings(void **state)
{
	(void)state;
	assert_true(wsm__json_depth_within(wsm__str("[[{}]]"), 3));
	assert_false(wsm__json_depth_within(wsm__str("[[{}]]"), 2));
	assert_true(wsm__json_depth_within(wsm__str("[\"[[[[\\\"[[[\"]"), 1));
	assert_true(wsm__json_depth_within(wsm__str("[],[],[]"), 1));
	assert_true(wsm__json_depth_within(wsm__str("]]]]["), 1));   /* does not go below zero */
	assert_true(wsm__json_depth_within(wsm__str("\"[[[[["), 0)); /* an open string swallows the rest */
	assert_true(wsm__json_depth_within(wsm__str("\"\\"), 0));
	assert_true(wsm__json_depth_within(wsm__slice(NULL, 0), 0));
}

static void assert_string_decodes(const char *json, const char *expected)
{
	wsm_slice value = exact_str(json);
	char out[64];
	int len = wsm__json_string(value, out, sizeof(out));

	if (!expected) {
		assert_int_equal(len, -1);
	} else {
		assert_int_equal(len, strlen(expected));
		assert_string_equal(out, expected);
	}
	drop(value);
}

static void strings_are_decoded_to_utf8(void **state)
{
	(void)state;
	assert_string_decodes("\"\"", "");
	assert_string_decodes("\"abc\"", "abc");
	assert_string_decodes("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
	assert_string_decodes("\"\\u0041\\u00e9\\u20AC\\uD83d\\uDe00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_string_decodes("\"\xc3\xa9\"", "\xc3\xa9");
	assert_string_decodes("\"\\uffff\\uDBFF\\uDFFF\"", "\xef\xbf\xbf\xf4\x8f\xbf\xbf");
}

static void what_is_no_string_is_not_decoded(void **state)
{
	static const char *const values[] = {
		"",
		"\"",
		"a",
		"1",
		"null",
		"\"a",
		"a\"",
		"\"a\"b\"",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\u\"",
		"\"\\ud83d\"",
		"\"\\ude00\"",
		"\"\\ud83dx\"",
		"\"\\ud83d\\n\"",
		"\"\\ud83d\\u0041\"",
		"\"\\ud83d\\ud83d\"",
		"\"\\ud83d\\u\"",
		"\"\\ud83d\\ude0\"",
		"\"\n\"",
		"\"\x1f\"",
		"\"\xff\"",
		"\"\xed\xa0\x80\"",
		"\"\xe2\x82\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_string_decodes(values[i], NULL);
	assert_int_equal(wsm__json_string(wsm__slice(NULL, 0), (char *)1, 0), -1);
}

static void a_decoded_string_fits_exactly_or_not_at_all(void **state)
{
	char out[4] = "zzz";

	(void)state;
	assert_int_equal(wsm__json_string(wsm__str("\"abcd\""), out, 4), 4); /* no room for the NUL, and none needed */
	assert_memory_equal(out, "abcd", 4);
	assert_int_equal(wsm__json_string(wsm__str("\"abcde\""), out, 4), -1);
	assert_int_equal(wsm__json_string(wsm__str("\"ab\\u20ac\""), out, 4), -1);
	assert_int_equal(wsm__json_string(wsm__str("\"\""), out, 0), 0);
	assert_int_equal(wsm__json_string(wsm__str("\"a\\u0000b\""), out, 4), 3);
	assert_memory_equal(out, "a\0b", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(white_space_is_trimmed_from_both_ends),
		cmocka_unit_test(members_come_in_order_with_their_raw_values),
		cmocka_unit_test(text_that_is_no_object_is_broken_at_once),
		cmocka_unit_test(a_break_ends_the_iteration_where_it_stands),
		cmocka_unit_test(the_end_of_a_string_is_found_wherever_it_stands),
		cmocka_unit_test(bare_words_and_odd_numbers_are_no_values),
		cmocka_unit_test(text_cut_off_at_any_byte_is_no_object),
		cmocka_unit_test(every_byte_changed_to_every_other_stays_in_bounds),
		cmocka_unit_test(nesting_is_followed_without_recursion_at_any_depth),
		cmocka_unit_test(a_member_is_found_by_name),
		cmocka_unit_test(names_written_with_escapes_are_recognised),
		cmocka_unit_test(depth_is_counted_outside_of_strings),
		cmocka_unit_test(strings_are_decoded_to_utf8),
		cmocka_unit_test(what_is_no_string_is_not_decoded),
		cmocka_unit_test(a_decoded_string_fits_exactly_or_not_at_all),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
