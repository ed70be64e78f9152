/* Who may do what, without anybody there: patterns, and what holds where no rule says anything. */
#include "harness.h"
#include "policy/access.h"

static void a_pattern_is_a_name_or_a_beginning(void **state)
{
	static const char *const good[] = { "*", "a", "project:7", "project:*", "caf\xc3\xa9:*" };
	static const char *const bad[] = { "", "**", "a*b", "a b", "@all", "@user:*", "a\n*", "\xff*" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(wsm_room_valid(wsm__str(good[i]), true));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wsm_room_valid(wsm__str(bad[i]), true));
	assert_true(wsm_room_valid(wsm__str("board:7"), false));
	assert_false(wsm_room_valid(wsm__str("board:*"), false));
}

static void patterns_grant_what_they_match(void **state)
{
	struct wsm__patterns patterns = { NULL, 0 };

	(void)state;
	assert_false(wsm__patterns_grant(&patterns, wsm__str("a")));
	assert_int_equal(wsm__patterns_add(&patterns, wsm__str("logs")), WSM_OK);
	assert_int_equal(wsm__patterns_add(&patterns, wsm__str("project:7*")), WSM_OK);
	assert_true(wsm__patterns_grant(&patterns, wsm__str("logs")));
	assert_true(wsm__patterns_grant(&patterns, wsm__str("project:7")));
	assert_true(wsm__patterns_grant(&patterns, wsm__str("project:70")));
	assert_false(wsm__patterns_grant(&patterns, wsm__str("project:8")));
	assert_false(wsm__patterns_grant(&patterns, wsm__str("project:")));
	assert_false(wsm__patterns_grant(&patterns, wsm__str("log")));
	assert_false(wsm__patterns_grant(&patterns, wsm__str("logs2")));
	assert_false(wsm__patterns_grant_all(&patterns));
	assert_int_equal(wsm__patterns_add(&patterns, wsm__str("*")), WSM_OK);
	assert_true(wsm__patterns_grant(&patterns, wsm__str("anything")));
	assert_true(wsm__patterns_grant_all(&patterns));
	wsm__patterns_fini(&patterns);
}

static void the_default_is_open_only_where_nobody_decides(void **state)
{
	const struct wsm__room_rule none = { .history_size = -1 };

	(void)state;
	for (int right = WSM__RIGHT_SUBSCRIBE; right <= WSM__RIGHT_PRESENCE; right++) {
		assert_int_equal(wsm__access_who(&none, (enum wsm__right)right, false), WSM__WHO_ANYONE);
		assert_int_equal(wsm__access_who(&none, (enum wsm__right)right, true), WSM__WHO_GRANTED);
	}
	assert_int_equal(wsm__access_who(&none, WSM__RIGHT_PUBLISH, false), WSM__WHO_GRANTED);
	assert_int_equal(wsm__access_who(&none, WSM__RIGHT_PUBLISH, true), WSM__WHO_GRANTED);
}

static void history_and_presence_follow_subscribe_and_publish_does_not(void **state)
{
	struct wsm__room_rule rule = { .subscribe = WSM__WHO_AUTHENTICATED };

	(void)state;
	assert_int_equal(wsm__access_who(&rule, WSM__RIGHT_HISTORY, true), WSM__WHO_AUTHENTICATED);
	assert_int_equal(wsm__access_who(&rule, WSM__RIGHT_PRESENCE, true), WSM__WHO_AUTHENTICATED);
	assert_int_equal(wsm__access_who(&rule, WSM__RIGHT_PUBLISH, true), WSM__WHO_GRANTED);
	rule.history = WSM__WHO_NOBODY;
	rule.presence = WSM__WHO_ANYONE;
	rule.publish = WSM__WHO_ANYONE;
	assert_int_equal(wsm__access_who(&rule, WSM__RIGHT_SUBSCRIBE, true), WSM__WHO_AUTHENTICATED);
	assert_int_equal(wsm__access_who(&rule, WSM__RIGHT_HISTORY, true), WSM__WHO_NOBODY);
	assert_int_equal(wsm__access_who(&rule, WSM__RIGHT_PRESENCE, true), WSM__WHO_ANYONE);
	assert_int_equal(wsm__access_who(&rule, WSM__RIGHT_PUBLISH, true), WSM__WHO_ANYONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_is_a_name_or_a_beginning),
		cmocka_unit_test(patterns_grant_what_they_match),
		cmocka_unit_test(the_default_is_open_only_where_nobody_decides),
		cmocka_unit_test(history_and_presence_follow_subscribe_and_publish_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
