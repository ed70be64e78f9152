/* Commands of clients: what is understood, what is refused with which code, and what attacks get. */
#include "exact.h"

#include <stdio.h>

#include "wire/command.h"

/* The command of a text that stands at its exact length on the heap and is gone before the command is looked at. */
static struct wsm__command parse_bytes(const char *text, size_t len)
{
	struct wsm__command command;
	wsm_slice copy = exact(text, len);

	wsm__command_parse(&command, copy);
	drop(copy);
	return command;
}

static struct wsm__command parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void assert_refused(const char *text, const char *code)
{
	struct wsm__command command = parse(text);

	if (!command.error_code || strcmp(command.error_code, code) != 0)
		fail_msg("%s: %s, not %s", text, command.error_code ? command.error_code : "accepted", code);
	assert_non_null(command.error);
	wsm__command_fini(&command);
}

static void assert_accepted(const char *text, enum wsm__action action)
{
	struct wsm__command command = parse(text);

	if (command.error_code)
		fail_msg("%s: %s", text, command.error);
	assert_int_equal(command.action, action);
	wsm__command_fini(&command);
}

static void text_that_is_no_json_is_the_hosts_but_for_ping(void **state)
{
	(void)state;
	assert_accepted("ping", WSM__ACTION_PING);
	assert_accepted(" ping\n", WSM__ACTION_PING);
	assert_accepted("PING", WSM__ACTION_TEXT);
	assert_accepted("pingping", WSM__ACTION_TEXT);
	assert_accepted("", WSM__ACTION_TEXT);
	assert_accepted("  ", WSM__ACTION_TEXT);
	assert_accepted("hello", WSM__ACTION_TEXT);
	assert_accepted("\"ping\"", WSM__ACTION_TEXT);
	assert_accepted("\xff\xfe", WSM__ACTION_TEXT);
	assert_accepted("\xef\xbb\xbf{}", WSM__ACTION_TEXT);
}

static void the_null_slice_is_empty_text(void **state)
{
	struct wsm__command command;

	(void)state;
	wsm__command_parse(&command, wsm__slice(NULL, 0));
	assert_int_equal(command.action, WSM__ACTION_TEXT);
	assert_null(command.error_code);
	wsm__command_fini(&command);
	wsm__command_fini(&command); /* twice is harmless */
}

static void each_core_action_is_known(void **state)
{
	(void)state;
	assert_accepted("{\"action\":\"ping\"}", WSM__ACTION_PING);
	assert_accepted("{\"action\":\"stats\"}", WSM__ACTION_STATS);
	assert_accepted(" {\"action\":\"subscribe\",\"room\":\"a\"} ", WSM__ACTION_SUBSCRIBE);
	assert_accepted("{\"action\":\"unsubscribe\",\"room\":\"a\"}", WSM__ACTION_UNSUBSCRIBE);
	assert_accepted("{\"action\":\"auth\",\"token\":\"t\"}", WSM__ACTION_AUTH);
	assert_accepted("{\"action\":\"history\",\"room\":\"a\"}", WSM__ACTION_HISTORY);
	assert_accepted("{\"action\":\"presence\",\"room\":\"a\"}", WSM__ACTION_PRESENCE);
	assert_accepted("{\"action\":\"publish\",\"room\":\"a\",\"data\":null}", WSM__ACTION_PUBLISH);
	assert_true(wsm__command_is_core(wsm__str("history")));
	assert_false(wsm__command_is_core(wsm__str("Ping")));
	assert_false(wsm__command_is_core(wsm__str("cancel_analysis")));
	assert_false(wsm__command_is_core(wsm__slice(NULL, 0)));
}

static void other_actions_and_none_are_the_hosts(void **state)
{
	struct wsm__command command =
		parse("{\"action\":\"cancel\",\"id\":\"x\",\"room\":5,\"since\":[],\"limit\":-1}");

	(void)state;
	assert_null(command.error_code); /* its other fields mean what the host says */
	assert_int_equal(command.action, WSM__ACTION_OTHER);
	assert_slice(command.name, "cancel");
	assert_slice(command.id, "\"x\"");
	assert_int_equal(command.room.len, 0);
	wsm__command_fini(&command);
	assert_accepted("{}", WSM__ACTION_OTHER);
	assert_accepted("{\"type\":\"chat\",\"id\":{\"own\":1}}", WSM__ACTION_OTHER);
	assert_accepted("{\"action\":5}", WSM__ACTION_OTHER);
	assert_accepted("{\"action\":null}", WSM__ACTION_OTHER);
	assert_accepted("{\"action\":\"\"}", WSM__ACTION_OTHER);
	assert_accepted("{\"action\":\"PING\"}", WSM__ACTION_OTHER);
}

static void the_id_comes_back_as_it_was_written(void **state)
{
	static const char *const ids[] = { "1", "1.50", "-0", "1e3", "\"a\\u0062\\\"\"", "\"\"", "9007199254740993" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct wsm__command command;

		snprintf(text, sizeof(text), "{\"id\" : %s , \"action\":\"ping\"}", ids[i]);
		command = parse(text);
		assert_null(command.error_code);
		assert_slice(command.id, ids[i]);
		wsm__command_fini(&command);
	}
	assert_refused("{\"action\":\"ping\",\"id\":[1]}", "bad_request");
	assert_refused("{\"action\":\"ping\",\"id\":true}", "bad_request");
	assert_accepted("{\"action\":\"ping\",\"id\":null}", WSM__ACTION_PING);
}

static void a_room_comes_from_room_then_channel_then_project(void **state)
{
	static const struct {
		const char *json, *room, *project;
	} cases[] = {
		{ "{\"action\":\"subscribe\",\"room\":\"r\",\"channel\":\"c\",\"project_id\":\"p\"}", "r", "" },
		{ "{\"action\":\"subscribe\",\"channel\":\"c\",\"project_id\":\"p\"}", "c", "" },
		{ "{\"action\":\"subscribe\",\"room\":null,\"project_id\":\"PROJ-001\"}", "project:PROJ-001",
		  "PROJ-001" },
		{ "{\"action\":\"subscribe\",\"project_id\":7}", "project:7", "7" },
		{ "{\"action\":\"subscribe\",\"project_id\":-7}", "project:-7", "-7" },
		{ "{\"action\":\"subscribe\",\"room\":\"caf\\u00e9\"}", "caf\xc3\xa9", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wsm__command command = parse(cases[i].json);

		assert_null(command.error_code);
		assert_slice(command.room, cases[i].room);
		assert_slice(command.project_id, cases[i].project);
		wsm__command_fini(&command);
	}
}

static void a_missing_or_mistyped_room_is_a_bad_request(void **state)
{
	static const char *const actions[] = { "subscribe", "unsubscribe", "history", "presence", "publish" };
	static const char *const fields[] = { "\"x\":1",
	                                      "\"room\":5",
	                                      "\"room\":[\"a\"]",
	                                      "\"channel\":{}",
	                                      "\"project_id\":\"\"",
	                                      "\"project_id\":1.5",
	                                      "\"project_id\":true",
	                                      "\"room\":null" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		for (size_t j = 0; j < sizeof(fields) / sizeof(fields[0]); j++) {
			snprintf(text, sizeof(text), "{\"action\":\"%s\",%s,\"data\":1}", actions[i], fields[j]);
			assert_refused(text, "bad_request");
		}
	}
}

static void rooms_against_the_grammar_are_room_invalid(void **state)
{
	char text[512], name[200];

	(void)state;
	assert_refused("{\"action\":\"subscribe\",\"room\":\"@all\"}", "room_invalid");
	assert_refused("{\"action\":\"subscribe\",\"room\":\"\"}", "room_invalid");
	assert_refused("{\"action\":\"subscribe\",\"channel\":\"\"}", "room_invalid");
	assert_refused("{\"action\":\"subscribe\",\"room\":\"*\"}", "room_invalid");
	assert_refused("{\"action\":\"subscribe\",\"room\":\"a\\nb\"}", "room_invalid");
	assert_refused("{\"action\":\"subscribe\",\"channel\":\"a b\"}", "room_invalid");
	assert_refused("{\"action\":\"subscribe\",\"room\":\"\\u0040user:1\"}", "room_invalid");
	assert_refused("{\"action\":\"subscribe\",\"project_id\":\"a b\"}", "room_invalid");
	memset(name, 'p', sizeof(name));
	name[120] = '\0'; /* with "project:" just right */
	snprintf(text, sizeof(text), "{\"action\":\"subscribe\",\"project_id\":\"%s\"}", name);
	assert_accepted(text, WSM__ACTION_SUBSCRIBE);
	name[120] = 'p';
	name[121] = '\0';
	snprintf(text, sizeof(text), "{\"action\":\"subscribe\",\"project_id\":\"%s\"}", name);
	assert_refused(text, "room_invalid");
}

static void a_position_names_epoch_and_offset(void **state)
{
	struct wsm__command command = parse("{\"action\":\"subscribe\",\"room\":\"r\",\"since\":{\"epoch\":\"e1\","
	                                    "\"offset\":9223372036854775807}}");

	(void)state;
	assert_null(command.error_code);
	assert_true(command.has_since);
	assert_slice(command.epoch, "e1");
	assert_true(command.since == INT64_MAX);
	wsm__command_fini(&command);

	command = parse("{\"action\":\"subscribe\",\"room\":\"r\",\"since\":null}");
	assert_null(command.error_code);
	assert_false(command.has_since);
	wsm__command_fini(&command);

	assert_refused("{\"action\":\"subscribe\",\"room\":\"r\",\"since\":5}", "bad_request");
	assert_refused("{\"action\":\"subscribe\",\"room\":\"r\",\"since\":{}}", "bad_request");
	assert_refused("{\"action\":\"subscribe\",\"room\":\"r\",\"since\":{\"epoch\":1,\"offset\":1}}", "bad_request");
	assert_refused("{\"action\":\"history\",\"room\":\"r\",\"since\":{\"epoch\":\"e\",\"offset\":-1}}",
	               "bad_request");
	assert_refused("{\"action\":\"history\",\"room\":\"r\",\"since\":{\"epoch\":\"e\",\"offset\":1.0}}",
	               "bad_request");
	assert_refused("{\"action\":\"history\",\"room\":\"r\",\"since\":{\"epoch\":\"e\",\"offset\":\"1\"}}",
	               "bad_request");
}

static void levels_and_limits_are_checked(void **state)
{
	struct wsm__command command = parse("{\"action\":\"subscribe\",\"room\":\"logs\",\"level\":\"Warning\"}");

	(void)state;
	assert_int_equal(command.level, WSM_WARNING);
	wsm__command_fini(&command);
	command = parse("{\"action\":\"history\",\"room\":\"logs\",\"limit\":99999999999}");
	assert_int_equal(command.limit, UINT32_MAX);
	assert_int_equal(command.level, WSM_LEVEL_NONE);
	wsm__command_fini(&command);
	assert_refused("{\"action\":\"subscribe\",\"room\":\"logs\",\"level\":\"loud\"}", "bad_request");
	assert_refused("{\"action\":\"subscribe\",\"room\":\"logs\",\"level\":3}", "bad_request");
	assert_refused("{\"action\":\"history\",\"room\":\"logs\",\"limit\":0}", "bad_request");
	assert_refused("{\"action\":\"history\",\"room\":\"logs\",\"limit\":-5}", "bad_request");
	assert_refused("{\"action\":\"history\",\"room\":\"logs\",\"limit\":\"5\"}", "bad_request");
	assert_refused("{\"action\":\"history\",\"room\":\"logs\",\"limit\":5.5}", "bad_request");
}

static void a_token_is_needed_for_auth(void **state)
{
	struct wsm__command command = parse("{\"action\":\"auth\",\"token\":\"a.b.c\"}");

	(void)state;
	assert_slice(command.token, "a.b.c");
	wsm__command_fini(&command);
	assert_refused("{\"action\":\"auth\"}", "bad_request");
	assert_refused("{\"action\":\"auth\",\"token\":\"\"}", "bad_request");
	assert_refused("{\"action\":\"auth\",\"token\":5}", "bad_request");
}

static void published_data_keeps_every_digit(void **state)
{
	struct wsm__command command =
		parse("{\"action\":\"publish\",\"room\":\"r\",\"type\":\"t\",\"data\": {\"n\": 1.10, \"x\":[\"}\"]} }");

	(void)state;
	assert_null(command.error_code);
	assert_slice(command.data, "{\"n\": 1.10, \"x\":[\"}\"]}");
	assert_slice(command.type, "t");
	wsm__command_fini(&command);
	command = parse("{\"action\":\"publish\",\"room\":\"r\",\"d\\u0061ta\":null}");
	assert_null(command.error_code);
	assert_slice(command.data, "null");
	assert_int_equal(command.type.len, 0);
	wsm__command_fini(&command);
	assert_refused("{\"action\":\"publish\",\"room\":\"r\"}", "bad_request");
	assert_refused("{\"action\":\"publish\",\"room\":\"r\",\"data\":1,\"type\":2}", "bad_request");
	assert_refused("{\"action\":\"publish\",\"room\":\"r\",\"data\":1,\"type\":\"\"}", "bad_request");
}

static void broken_json_is_bad_json(void **state)
{
	static const char *const texts[] = {
		"{",
		"[",
		"{]",
		"{\"action\"}",
		"{\"action\":\"ping\"",
		"{\"action\":\"ping\"}x",
		"{\"action\":\"ping\"}{}",
		"{'action':'ping'}",
		"{\"action\":\"ping\",}",
		"{\"a\":01}",
		"{\"a\":NaN}",
		"{\"a\":Infinity}",
		"{\"a\":+1}",
		"{\"a\":tru}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"\\x41\"}",
		"{/**/}",
		"[1,]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(texts[i], "bad_json");
	/* An array is the application's to understand. */
	assert_accepted("[]", WSM__ACTION_OTHER);
	assert_accepted("[{\"action\":\"ping\"}]", WSM__ACTION_OTHER);
}

static void huge_numbers_are_bad_json(void **state)
{
	char text[4096];

	(void)state;
	assert_refused("{\"action\":\"ping\",\"n\":9223372036854775808}", "bad_json");
	assert_refused("{\"action\":\"ping\",\"n\":-9223372036854775809}", "bad_json");
	assert_refused("{\"action\":\"ping\",\"n\":1e999}", "bad_json");
	strcpy(text, "{\"n\":");
	memset(text + 5, '9', 4000);
	strcpy(text + 4005, "}");
	assert_refused(text, "bad_json");
}

static void duplicate_keys_are_bad_json(void **state)
{
	(void)state;
	assert_refused("{\"action\":\"ping\",\"action\":\"stats\"}", "bad_json");
	assert_refused("{\"action\":\"ping\",\"\\u0061ction\":\"stats\"}", "bad_json");
	assert_refused("{\"action\":\"x\",\"data\":{\"a\":{\"b\":1,\"b\":1}}}", "bad_json");
}

static void nul_is_bad_json_wherever_it_stands(void **state)
{
	static const char text[] = "{\"action\":\"ping\",\"n\":17}";

	(void)state;
	assert_refused("{\"action\":\"ping\\u0000\"}", "bad_json");
	assert_refused("{\"a\\u0000\":1}", "bad_json");
	for (size_t at = 1; at <= sizeof(text) - 1; at++) {
		char copy[sizeof(text)];
		struct wsm__command command;

		memcpy(copy, text, at);
		copy[at] = '\0';
		memcpy(copy + at + 1, text + at, sizeof(text) - 1 - at);
		command = parse_bytes(copy, sizeof(text));
		assert_string_equal(command.error_code, "bad_json");
		wsm__command_fini(&command);
	}
}

static void lone_surrogates_and_bad_utf8_are_bad_json(void **state)
{
	(void)state;
	assert_refused("{\"action\":\"\\ud800\"}", "bad_json");
	assert_refused("{\"action\":\"\\udc00\\ud800\"}", "bad_json");
	assert_refused("{\"action\":\"x\",\"d\":\"\xed\xa0\x80\"}", "bad_json");
	assert_refused("{\"action\":\"\xff\"}", "bad_json");
	assert_refused("{\"action\":\"\xc0\xaf\"}", "bad_json");
	assert_refused("{\"action\":\"\xe2\x82\"}", "bad_json");
	assert_refused("{\"\xff\":1}", "bad_json");
}

static void depth_is_capped_before_the_parser_sees_it(void **state)
{
	static const char *const pieces[][2] = { { "[", "]" }, { "{\"a\":", "}" } };

	(void)state;
	for (size_t kind = 0; kind < 2; kind++) {
		for (size_t depth = 30; depth <= 33; depth++) {
			char text[512] = "{\"action\":\"x\",\"a\":";

			for (size_t i = 1; i < depth; i++)
				strcat(text, pieces[kind][0]);
			strcat(text, "1");
			for (size_t i = 1; i < depth; i++)
				strcat(text, pieces[kind][1]);
			strcat(text, "}");
			if (depth <= WSM__COMMAND_MAX_DEPTH)
				assert_accepted(text, WSM__ACTION_OTHER);
			else
				assert_refused(text, "bad_json");
		}
	}
}

static void a_hundred_thousand_levels_are_bad_json(void **state)
{
	static char text[500001];
	struct wsm__command command;

	(void)state;
	memset(text, '[', 100000);
	assert_refused(text, "bad_json");
	for (size_t i = 0; i < 100000; i++)
		memcpy(text + 5 * i, "{\"a\":", 5);
	assert_refused(text, "bad_json");
	/* Behind an id and an action, and closed again: the error can still be matched. */
	strcpy(text, "{\"action\":\"subscribe\",\"id\":12,\"x\":");
	memset(text + 35, '[', 2000);
	memset(text + 2035, ']', 2000);
	strcpy(text + 4035, "}");
	command = parse(text);
	assert_string_equal(command.error_code, "bad_json");
	assert_int_equal(command.action, WSM__ACTION_SUBSCRIBE);
	assert_slice(command.name, "subscribe");
	assert_slice(command.id, "12");
	wsm__command_fini(&command);
}

static void errors_carry_the_id_and_action_that_could_be_read(void **state)
{
	static const struct {
		const char *json, *name, *id;
	} cases[] = {
		{ "{\"action\":\"subscribe\",\"id\":\"q1\"}", "subscribe", "\"q1\"" },
		{ "{\"id\":7,\"action\":\"sub\\u0073cribe\",\"x\":1,\"x\":2}", "subscribe", "7" },
		{ "{\"id\":7,\"action\":\"my \\\"own\\\"\",", "my \"own\"", "7" },
		{ "{\"action\":\"ping\",\"id\":\"\\ud800\"}", "ping", "" }, /* an id that is no JSON is not sent back */
		{ "{\"action\":\"ping\",\"id\":\"\xff\"}", "ping", "" },
		{ "{\"action\":\"ping\",\"id\":1e999}", "ping", "" },
		{ "{\"action\":\"ping\",\"id\":[1],\"a\":NaN}", "ping", "" },
		{ "{\"action\":\"ping\",\"id\":true,\"a\":NaN}", "ping", "" },
		{ "{\"action\":\"\xff\",\"id\":1}", "", "1" },
		{ "{\"action\":5,\"id\":1,}", "", "1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wsm__command command = parse(cases[i].json);

		assert_non_null(command.error_code);
		assert_slice(command.name, cases[i].name);
		assert_slice(command.id, cases[i].id);
		wsm__command_fini(&command);
	}
}

static void a_message_cut_off_at_any_byte_is_bad_json(void **state)
{
	static const char text[] = "{\"action\":\"publish\",\"id\":\"\\u00e9\\ud83d\\ude00\",\"room\":\"a\",\"data\":"
				   "[1.5e3,{\"b\":\"\xc3\xa9\\\"\"},null],\"since\":{\"epoch\":\"e\",\"offset\":3}}";

	(void)state;
	assert_accepted(text, WSM__ACTION_PUBLISH);
	for (size_t len = 1; len < sizeof(text) - 1; len++) {
		struct wsm__command command = parse_bytes(text, len);

		assert_string_equal(command.error_code, "bad_json");
		wsm__command_fini(&command);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_is_no_json_is_the_hosts_but_for_ping),
		cmocka_unit_test(the_null_slice_is_empty_text),
		cmocka_unit_test(each_core_action_is_known),
		cmocka_unit_test(other_actions_and_none_are_the_hosts),
		cmocka_unit_test(the_id_comes_back_as_it_was_written),
		cmocka_unit_test(a_room_comes_from_room_then_channel_then_project),
		cmocka_unit_test(a_missing_or_mistyped_room_is_a_bad_request),
		cmocka_unit_test(rooms_against_the_grammar_are_room_invalid),
		cmocka_unit_test(a_position_names_epoch_and_offset),
		cmocka_unit_test(levels_and_limits_are_checked),
		cmocka_unit_test(a_token_is_needed_for_auth),
		cmocka_unit_test(published_data_keeps_every_digit),
		cmocka_unit_test(broken_json_is_bad_json),
		cmocka_unit_test(huge_numbers_are_bad_json),
		cmocka_unit_test(duplicate_keys_are_bad_json),
		cmocka_unit_test(nul_is_bad_json_wherever_it_stands),
		cmocka_unit_test(lone_surrogates_and_bad_utf8_are_bad_json),
		cmocka_unit_test(depth_is_capped_before_the_parser_sees_it),
		cmocka_unit_test(a_hundred_thousand_levels_are_bad_json),
		cmocka_unit_test(errors_carry_the_id_and_action_that_could_be_read),
		cmocka_unit_test(a_message_cut_off_at_any_byte_is_bad_json),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
