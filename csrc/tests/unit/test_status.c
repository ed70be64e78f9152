/* Status codes and levels: the words that bindings and clients see. */
#include "exact.h"

static void each_status_has_its_code_and_sentence(void **state)
{
	(void)state;
#define WSM_X(name, value, code, sentence)                                                                             \
	assert_string_equal(wsm_status_code(WSM_##name), code);                                                        \
	assert_string_equal(wsm_status_text(WSM_##name), sentence);
	WSM_STATUS_MAP(WSM_X)
#undef WSM_X
	assert_string_equal(wsm_status_code(WSM_EROOM), "room_invalid");
}

static void a_number_that_is_no_status_is_unknown(void **state)
{
	(void)state;
	assert_string_equal(wsm_status_code(1), "unknown");
	assert_string_equal(wsm_status_code(-1000), "unknown");
	assert_non_null(wsm_status_text(-1000));
}

static void levels_are_read_in_any_case_and_with_their_synonyms(void **state)
{
	(void)state;
	assert_int_equal(wsm_level_parse(wsm__str("debug")), WSM_DEBUG);
	assert_int_equal(wsm_level_parse(wsm__str("Info")), WSM_INFO);
	assert_int_equal(wsm_level_parse(wsm__str("SUCCESS")), WSM_SUCCESS);
	assert_int_equal(wsm_level_parse(wsm__str("warning")), WSM_WARNING);
	assert_int_equal(wsm_level_parse(wsm__str("WARN")), WSM_WARNING);
	assert_int_equal(wsm_level_parse(wsm__str("error")), WSM_ERROR);
	assert_int_equal(wsm_level_parse(wsm__str("critical")), WSM_LEVEL_CRITICAL);
	assert_int_equal(wsm_level_parse(wsm__str("fatal")), WSM_LEVEL_CRITICAL);
}

static void words_that_are_no_level_are_refused(void **state)
{
	static const char *const words[] = { "", "none", "inf", "infos", " info", "info ", "1", "err" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(wsm_level_parse(wsm__str(words[i])), -1);
	assert_int_equal(wsm_level_parse(wsm__slice(NULL, 0)), -1);
	assert_int_equal(wsm_level_parse(wsm__slice("info\0", 5)), -1);
}

static void a_text_is_freed_once_and_may_be_freed_again(void **state)
{
	wsm_text text = { malloc(8), 8 };

	(void)state;
	wsm_text_free(&text);
	assert_null(text.data);
	assert_int_equal(text.len, 0);
	wsm_text_free(&text);
	wsm_text_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_its_code_and_sentence),
		cmocka_unit_test(a_number_that_is_no_status_is_unknown),
		cmocka_unit_test(levels_are_read_in_any_case_and_with_their_synonyms),
		cmocka_unit_test(words_that_are_no_level_are_refused),
		cmocka_unit_test(a_text_is_freed_once_and_may_be_freed_again),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
