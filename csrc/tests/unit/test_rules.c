/* What is said about rooms by pattern: which pattern decides, and what is refused. */
#include "exact.h"

#include <stdio.h>

#include "policy/rules.h"

static struct wsm__rules rules;
static wsm_error error;

static int make_rules(void **state)
{
	(void)state;
	memset(&error, 0, sizeof(error));
	wsm__rules_init(&rules);
	return 0;
}

static int drop_rules(void **state)
{
	(void)state;
	wsm__rules_fini(&rules);
	return 0;
}

static int set(const char *pattern, const char *setting, const char *value)
{
	wsm_slice texts[3] = { exact(pattern, strlen(pattern)), exact(setting, strlen(setting)),
	                       exact(value, strlen(value)) };
	int status = wsm__rules_set(&rules, texts[0], texts[1], texts[2], &error);

	for (size_t i = 0; i < 3; i++)
		drop(texts[i]);
	return status;
}

static void assert_set(const char *pattern, const char *setting, const char *value)
{
	if (set(pattern, setting, value))
		fail_msg("%s", error.message);
}

static struct wsm__room_rule get(const char *room)
{
	struct wsm__room_rule rule;
	wsm_slice name = exact(room, strlen(room));

	wsm__rules_get(&rules, name, &rule);
	drop(name);
	return rule;
}

static void nobody_has_said_anything(void **state)
{
	struct wsm__room_rule rule = get("project:7");

	(void)state;
	assert_int_equal(rule.subscribe, WSM__WHO_UNSET);
	assert_int_equal(rule.overflow, WSM__OVERFLOW_UNSET);
	assert_int_equal(rule.presence_events, WSM__SWITCH_UNSET);
	assert_int_equal(rule.history_size, -1);
	assert_true(rule.history_ttl < 0);
}

static void the_longest_pattern_that_says_something_decides(void **state)
{
	(void)state;
	assert_set("project:7", "publish", "nobody");
	assert_set("*", "subscribe", "anyone");
	assert_set("project:*", "subscribe", "granted");
	assert_set("project:7", "overflow", "latest");
	assert_set("*", "history_size", "10");
	assert_set("project:7*", "history_size", "20");
	assert_int_equal(get("board:1").subscribe, WSM__WHO_ANYONE);
	assert_int_equal(get("board:1").publish, WSM__WHO_UNSET);
	assert_int_equal(get("project:1").subscribe, WSM__WHO_GRANTED);
	assert_int_equal(get("project:7").subscribe, WSM__WHO_GRANTED);
	assert_int_equal(get("project:7").publish, WSM__WHO_NOBODY);
	assert_int_equal(get("project:77").publish, WSM__WHO_UNSET);
	assert_int_equal(get("project:77").history_size, 20);
	assert_int_equal(get("project").subscribe, WSM__WHO_ANYONE);
}

static void a_name_beats_the_beginning_of_the_same_length(void **state)
{
	(void)state;
	assert_set("logs", "overflow", "drop_oldest");
	assert_set("logs*", "overflow", "disconnect");
	assert_int_equal(get("logs").overflow, WSM__OVERFLOW_DROP_OLDEST);
	assert_int_equal(get("logs2").overflow, WSM__OVERFLOW_DISCONNECT);
}

static void the_star_does_not_speak_of_the_cores_own_rooms(void **state)
{
	(void)state;
	assert_set("*", "history_size", "5");
	assert_set("@user:*", "history_ttl", "86400");
	assert_set("@all", "history_size", "7");
	assert_int_equal(get("@all").history_size, 7);
	assert_int_equal(get("@user:u").history_size, -1);
	assert_true(get("@user:u").history_ttl > 86399);
	assert_true(get("@client:u").history_ttl < 0);
}

static void a_setting_is_changed_and_taken_back(void **state)
{
	(void)state;
	assert_set("a:*", "presence_events", "on");
	assert_set("a:*", "history_ttl", "2.5");
	assert_int_equal(get("a:1").presence_events, WSM__SWITCH_ON);
	assert_true(get("a:1").history_ttl > 2.49 && get("a:1").history_ttl < 2.51);
	assert_set("a:*", "presence_events", "off");
	assert_int_equal(get("a:1").presence_events, WSM__SWITCH_OFF);
	assert_set("a:*", "presence_events", "");
	assert_set("a:*", "history_ttl", "");
	assert_int_equal(get("a:1").presence_events, WSM__SWITCH_UNSET);
	assert_true(get("a:1").history_ttl < 0);
}

static void what_makes_no_sense_is_refused_by_name(void **state)
{
	static const char *const patterns[] = { "",      "a b",   "a*b",    "**",        "*a",        "@",   "@*",
	                                        "@all*", "@user", "@user:", "@nobody:*", "@everyone", "a\nb" };
	static const char *const values[][2] = {
		{ "subscribe", "everybody" },  { "publish", "Anyone" },       { "overflow", "drop" },
		{ "presence_events", "1" },    { "history_size", "-1" },      { "history_size", "1.5" },
		{ "history_size", "x" },       { "history_size", "1000001" }, { "history_ttl", "0" },
		{ "history_ttl", "1e3" },      { "history_ttl", "nan" },      { "history_ttl", "." },
		{ "history_ttl", "31536001" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (set(patterns[i], "subscribe", "anyone") != WSM_EROOM)
			fail_msg("pattern \"%s\" was taken", patterns[i]);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (set("a:*", values[i][0], values[i][1]) != WSM_EINVAL)
			fail_msg("%s = \"%s\" was taken", values[i][0], values[i][1]);
		assert_non_null(strstr(error.message, values[i][0]));
		assert_non_null(strstr(error.message, "must be"));
	}
	assert_int_equal(set("a:*", "colour", "red"), WSM_EINVAL);
	assert_non_null(strstr(error.message, "\"colour\" is no setting"));
	assert_int_equal(get("a:1").history_size, -1);
}

static void there_is_an_end_to_patterns(void **state)
{
	char pattern[32];

	(void)state;
	for (int i = 0; i < WSM__RULES_MAX; i++) {
		snprintf(pattern, sizeof(pattern), "room:%d", i);
		assert_set(pattern, "subscribe", "nobody");
	}
	assert_int_equal(set("one:more", "subscribe", "nobody"), WSM_ENOMEM);
	assert_set("room:3", "subscribe", "anyone"); /* what is there can be changed */
	assert_int_equal(get("room:3").subscribe, WSM__WHO_ANYONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_has_said_anything, make_rules, drop_rules),
		cmocka_unit_test_setup_teardown(the_longest_pattern_that_says_something_decides, make_rules,
		                                drop_rules),
		cmocka_unit_test_setup_teardown(a_name_beats_the_beginning_of_the_same_length, make_rules, drop_rules),
		cmocka_unit_test_setup_teardown(the_star_does_not_speak_of_the_cores_own_rooms, make_rules, drop_rules),
		cmocka_unit_test_setup_teardown(a_setting_is_changed_and_taken_back, make_rules, drop_rules),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused_by_name, make_rules, drop_rules),
		cmocka_unit_test_setup_teardown(there_is_an_end_to_patterns, make_rules, drop_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
