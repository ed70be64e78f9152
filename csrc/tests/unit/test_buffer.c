/* Buffers: growth, sticky failure, and JSON strings that any parser takes. */
#include "exact.h"

#include <jansson.h>

#include "base/buffer.h"

static void text_is_appended_and_always_followed_by_nul(void **state)
{
	struct wsm__buffer buffer;

	(void)state;
	wsm__buffer_init(&buffer);
	assert_null(buffer.data);
	wsm__buffer_add(&buffer, NULL, 0);
	assert_null(buffer.data);
	wsm__buffer_add_str(&buffer, "a");
	assert_string_equal(buffer.data, "a");
	wsm__buffer_add_slice(&buffer, wsm__slice("bcd", 2));
	wsm__buffer_add_uint(&buffer, 0);
	wsm__buffer_add_uint(&buffer, UINT64_MAX);
	wsm__buffer_addf(&buffer, "-%d-%s", -7, "x");
	assert_string_equal(buffer.data, "abc018446744073709551615--7-x");
	assert_int_equal(buffer.len, strlen(buffer.data));
	assert_false(buffer.failed);
	wsm__buffer_fini(&buffer);
	assert_null(buffer.data);
}

static void it_grows_across_many_appends(void **state)
{
	struct wsm__buffer buffer;

	(void)state;
	wsm__buffer_init(&buffer);
	for (int i = 0; i < 10000; i++)
		wsm__buffer_addf(&buffer, "%04d", i);
	assert_int_equal(buffer.len, 40000);
	assert_memory_equal(buffer.data + 4 * 1234, "1234", 4);
	assert_true(buffer.capacity <= 2 * buffer.len);
	wsm__buffer_fini(&buffer);
}

static void clearing_keeps_the_memory(void **state)
{
	struct wsm__buffer buffer;
	char *data;

	(void)state;
	wsm__buffer_init(&buffer);
	wsm__buffer_clear(&buffer);
	wsm__buffer_add_str(&buffer, "something");
	data = buffer.data;
	wsm__buffer_clear(&buffer);
	assert_ptr_equal(buffer.data, data);
	assert_int_equal(buffer.len, 0);
	assert_string_equal(buffer.data, "");
	wsm__buffer_fini(&buffer);
}

static void a_failed_growth_sticks_until_cleared(void **state)
{
	struct wsm__buffer buffer;
	wsm_text text = { (char *)"x", 1 };

	(void)state;
	wsm__buffer_init(&buffer);
	wsm__buffer_add_str(&buffer, "kept");
	assert_null(wsm__buffer_reserve(&buffer, SIZE_MAX));
	assert_true(buffer.failed);
	wsm__buffer_add_str(&buffer, "lost");
	wsm__buffer_add_json(&buffer, wsm__str("lost"));
	wsm__buffer_addf(&buffer, "%d", 1);
	assert_string_equal(buffer.data, "kept");
	assert_int_equal(wsm__buffer_steal(&buffer, &text), WSM_ENOMEM);
	assert_null(text.data);
	assert_int_equal(text.len, 0);
	assert_false(buffer.failed);
	wsm__buffer_add_str(&buffer, "again");
	assert_string_equal(buffer.data, "again");
	wsm__buffer_fini(&buffer);
}

static void reserved_room_is_written_by_the_caller(void **state)
{
	struct wsm__buffer buffer;
	wsm_text text;
	char *out;

	(void)state;
	wsm__buffer_init(&buffer);
	out = wsm__buffer_reserve(&buffer, 300);
	memset(out, 'z', 300);
	buffer.len += 300;
	assert_int_equal(wsm__buffer_steal(&buffer, &text), WSM_OK);
	assert_int_equal(strlen(text.data), 300);
	assert_null(buffer.data);
	wsm_text_free(&text);
}

static void stealing_from_an_empty_buffer_gives_the_empty_string(void **state)
{
	struct wsm__buffer buffer;
	wsm_text text;

	(void)state;
	wsm__buffer_init(&buffer);
	assert_int_equal(wsm__buffer_steal(&buffer, &text), WSM_OK);
	assert_string_equal(text.data, "");
	assert_int_equal(text.len, 0);
	wsm_text_free(&text);
}

static void assert_json(const char *text, size_t len, const char *expected)
{
	struct wsm__buffer buffer;
	wsm_slice copy = exact(text, len);

	wsm__buffer_init(&buffer);
	wsm__buffer_add_json(&buffer, copy);
	assert_string_equal(buffer.data, expected);
	wsm__buffer_fini(&buffer);
	drop(copy);
}

static void json_strings_are_escaped(void **state)
{
	(void)state;
	assert_json("", 0, "\"\"");
	assert_json("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
	assert_json("\b\f\n\r\t\0\x1f\x7f", 8, "\"\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\"");
	assert_json("\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\"");
	assert_json("</script>", 9, "\"</script>\"");
}

static void bytes_that_are_not_utf8_become_replacement_characters(void **state)
{
	(void)state;
	assert_json("a\xff"
	            "b",
	            3,
	            "\"a\xef\xbf\xbd"
	            "b\"");
	assert_json("\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_json("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_json("\xc0\x80", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* Long enough for the eight-byte steps, at each place in and around them. */
static void one_byte_of_any_kind_is_found_at_any_place(void **state)
{
	struct wsm__buffer buffer;

	(void)state;
	wsm__buffer_init(&buffer);
	for (size_t at = 0; at < 19; at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			char text[19];
			bool plain = byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
			wsm_slice copy;

			memset(text, at % 2 ? '!' : '#', sizeof(text)); /* the neighbours of the quote */
			text[at] = (char)byte;
			copy = exact(text, sizeof(text));
			wsm__buffer_clear(&buffer);
			wsm__buffer_add_json(&buffer, copy);
			if ((buffer.len == sizeof(text) + 2) != plain)
				fail_msg("byte %02x at %zu", byte, at);
			assert_true(buffer.len <= wsm__buffer_json_bound(copy));
			assert_int_equal(wsm__buffer_json_bound(copy), sizeof(text) * (plain ? 1 : 6) + 2);
			drop(copy);
		}
	}
	wsm__buffer_fini(&buffer);
}

static void every_pair_of_bytes_makes_json_that_parses(void **state)
{
	struct wsm__buffer buffer;

	(void)state;
	wsm__buffer_init(&buffer);
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			char pair[2] = { (char)a, (char)b };
			json_t *value;

			wsm__buffer_clear(&buffer);
			wsm__buffer_add_json(&buffer, wsm__slice(pair, 2));
			value = json_loadb(buffer.data, buffer.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
			if (!value)
				fail_msg("bytes %02x %02x", a, b);
			if (wsm__utf8_valid(wsm__slice(pair, 2)))
				assert_memory_equal(json_string_value(value), pair, 2);
			json_decref(value);
		}
	}
	wsm__buffer_fini(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_appended_and_always_followed_by_nul),
		cmocka_unit_test(it_grows_across_many_appends),
		cmocka_unit_test(clearing_keeps_the_memory),
		cmocka_unit_test(a_failed_growth_sticks_until_cleared),
		cmocka_unit_test(reserved_room_is_written_by_the_caller),
		cmocka_unit_test(stealing_from_an_empty_buffer_gives_the_empty_string),
		cmocka_unit_test(json_strings_are_escaped),
		cmocka_unit_test(bytes_that_are_not_utf8_become_replacement_characters),
		cmocka_unit_test(one_byte_of_any_kind_is_found_at_any_place),
		cmocka_unit_test(every_pair_of_bytes_makes_json_that_parses),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
