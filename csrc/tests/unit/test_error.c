/* Errors: what a host reads is one whole, printable sentence. */
#include "exact.h"

#include "base/error.h"

static void a_sentence_is_formatted_and_the_status_returned(void **state)
{
	wsm_error error;

	(void)state;
	assert_int_equal(wsm__fail(&error, WSM_EROOM, "room \"%s\" has %d bytes", "a b", 3), WSM_EROOM);
	assert_int_equal(error.status, WSM_EROOM);
	assert_string_equal(error.message, "room \"a b\" has 3 bytes");
}

static void without_an_error_struct_only_the_status_comes_back(void **state)
{
	(void)state;
	assert_int_equal(wsm__fail(NULL, WSM_EINVAL, "%s", "lost"), WSM_EINVAL);
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
	char text[512];
	wsm_error error;

	(void)state;
	/* Every alignment of three-byte characters against the end of the message. */
	for (size_t lead = 0; lead < 3; lead++) {
		size_t at = lead, len;

		memset(text, 'x', lead);
		while (at + 3 < sizeof(text)) {
			memcpy(text + at, "\xe2\x82\xac", 3);
			at += 3;
		}
		text[at] = '\0';
		wsm__fail(&error, WSM_EINVAL, "%s", text);
		len = strlen(error.message);
		assert_true(len > sizeof(error.message) - 4 && len < sizeof(error.message));
		assert_true(wsm__utf8_valid(wsm__slice(error.message, len)));
		assert_int_equal((len - lead) % 3, 0);
		assert_memory_equal(error.message, text, len);
	}
}

static void a_message_that_just_fits_is_not_cut(void **state)
{
	char text[sizeof(((wsm_error *)0)->message)];
	wsm_error error;

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	wsm__fail(&error, WSM_EINVAL, "%s", text);
	assert_string_equal(error.message, text);
}

static void quoted_bytes_that_are_no_text_become_question_marks(void **state)
{
	wsm_error error;

	(void)state;
	wsm__fail(&error, WSM_ECONFIG, "\"%s\" is bad", "a\nb\x1b[31m\xff\x7f\xc2\x85\xc3\xa9");
	assert_string_equal(error.message, "\"a?b?[31m???\xc3\xa9\" is bad");
	/* A line separator, a change of direction, a joiner: lines of a log could be forged by them, too. */
	wsm__fail(&error, WSM_EROOM, "\"%s\"",
	          "a\xe2\x80\xa8"
	          "b\xe2\x80\xae"
	          "c\xe2\x80\x8d");
	assert_string_equal(error.message, "\"a?b?c?\"");
}

static void arguments_may_point_into_the_error_itself(void **state)
{
	wsm_error error;

	(void)state;
	wsm__fail(&error, WSM_EINVAL, "first");
	wsm__fail(&error, WSM_EINVAL, "before: %s", error.message);
	assert_string_equal(error.message, "before: first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_is_formatted_and_the_status_returned),
		cmocka_unit_test(without_an_error_struct_only_the_status_comes_back),
		cmocka_unit_test(a_long_sentence_is_cut_between_characters),
		cmocka_unit_test(a_message_that_just_fits_is_not_cut),
		cmocka_unit_test(quoted_bytes_that_are_no_text_become_question_marks),
		cmocka_unit_test(arguments_may_point_into_the_error_itself),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
