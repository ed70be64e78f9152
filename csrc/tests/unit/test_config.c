/* Configuration: every option from text, with errors that a person can act on. */
#include "exact.h"

#include <locale.h>
#include <stdio.h>

#include "policy/config.h"

static wsm_config *config;
static wsm_error error;

static int make_config(void **state)
{
	(void)state;
	config = wsm_config_new();
	memset(&error, 0, sizeof(error));
	return config ? 0 : -1;
}

static int drop_config(void **state)
{
	(void)state;
	wsm_config_free(config);
	return 0;
}

static void assert_set(const char *name, const char *value)
{
	if (wsm_config_set(config, name, value, &error) != WSM_OK)
		fail_msg("%s", error.message);
	assert_string_equal(wsm_config_get(config, name), value);
}

static void assert_refused(const char *name, const char *value)
{
	char before[256];

	snprintf(before, sizeof(before), "%s", wsm_config_get(config, name));
	if (wsm_config_set(config, name, value, &error) != WSM_ECONFIG)
		fail_msg("%s = \"%s\" was accepted", name, value);
	assert_int_equal(error.status, WSM_ECONFIG);
	assert_non_null(strstr(error.message, name));
	assert_string_equal(wsm_config_get(config, name), before);
	assert_int_equal(wsm_config_set(config, name, value, NULL), WSM_ECONFIG);
}

static void defaults_are_those_of_the_protocol(void **state)
{
	(void)state;
	assert_string_equal(config->host, "localhost");
	assert_string_equal(config->port, "");
	assert_true(config->heartbeat_interval == 30.0);
	assert_true(config->timeout == 90.0);
	assert_true(config->max_connections == 1000);
	assert_true(config->max_connections_per_ip == 100);
	assert_true(config->max_message_size == 65536);
	assert_true(config->max_fragments == 1024);
	assert_true(config->max_rooms == 128);
	assert_true(config->max_queue == 1048576);
	assert_true(config->rate == 50.0);
	assert_true(config->max_publish_size == 16777216);
	assert_true(config->max_pending == 67108864);
	assert_true(config->max_events == 65536);
	assert_true(config->auth_timeout == 10.0);
	assert_true(config->close_timeout == 5.0);
	assert_true(config->history_size == 256);
	assert_true(config->history_bytes == 16777216);
	assert_true(config->history_ttl == 300.0);
	assert_int_equal(config->n_allowed_origins, 0);
	assert_string_equal(config->api_key, "");
	assert_string_equal(config->broker_url, "memory:");
	assert_true(config->rest);
	assert_int_equal(wsm__config_check(config, &error), WSM_OK);
}

static void the_table_is_complete_and_consistent(void **state)
{
	size_t count;
	const wsm_option *options = wsm_options(&count);

	(void)state;
	assert_true(count > 20);
	for (size_t i = 0; i < count; i++) {
		char env[64] = "WEBSOCKET_";

		for (const char *c = options[i].name; *c; c++)
			strncat(env, (char[]){ (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c), 0 }, 1);
		assert_string_equal(options[i].env, env);
		assert_string_equal(wsm_config_get(config, options[i].name), options[i].fallback);
		assert_int_equal(options[i].doc[strlen(options[i].doc) - 1], '.');
		assert_true(options[i].min <= options[i].max);
		/* The default is a value that the row itself accepts, but for keys: an empty one is a mistake. */
		if (strcmp(options[i].name, "jwt_secret") != 0 && strcmp(options[i].name, "jwt_public_key") != 0)
			assert_int_equal(wsm_config_set(config, options[i].name, options[i].fallback, &error), WSM_OK);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(options[i].name, options[j].name);
	}
}

static void numbers_are_taken_up_to_their_bounds_and_no_further(void **state)
{
	size_t count;
	const wsm_option *options = wsm_options(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		bool secs = options[i].type == WSM_OPTION_SECS;
		double step = secs ? 0.001 : 1;
		char text[64];

		if (options[i].type != WSM_OPTION_UINT && !secs)
			continue;
		snprintf(text, sizeof(text), "%.12g", options[i].min);
		assert_set(options[i].name, text);
		snprintf(text, sizeof(text), "%.12g", options[i].max);
		assert_set(options[i].name, text);
		snprintf(text, sizeof(text), "%.12g", options[i].max + step);
		assert_refused(options[i].name, text);
		snprintf(text, sizeof(text), "%.12g", options[i].min - step);
		assert_refused(options[i].name, text);
	}
}

static void text_that_is_no_number_is_refused(void **state)
{
	static const char *const words[] = { " 5",
	                                     "5 ",
	                                     "5x",
	                                     "x",
	                                     "-1",
	                                     "+5",
	                                     "1e3",
	                                     "0x10",
	                                     "nan",
	                                     "NaN",
	                                     "inf",
	                                     "1_000",
	                                     "1,5",
	                                     "5\n",
	                                     "\xd9\xa5",
	                                     "18446744073709551616",
	                                     "99999999999999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_refused("max_rooms", words[i]);
		assert_refused("timeout", words[i]);
		assert_refused("rate", words[i]);
		assert_refused("port", words[i]);
	}
	assert_refused("max_rooms", "");
	assert_refused("timeout", "");
	assert_refused("rate", "");
	assert_refused("max_rooms", "5.0");
	assert_refused("timeout", ".");
	assert_refused("timeout", "1.2.3");
}

static void seconds_may_have_a_fraction_in_any_locale(void **state)
{
	(void)state;
	setlocale(LC_ALL, "de_DE.UTF-8"); /* where there is one; the comma must not matter */
	assert_set("timeout", "90.25");
	assert_true(config->timeout == 90.25);
	assert_set("timeout", ".5");
	assert_true(config->timeout == 0.5);
	assert_set("timeout", "7.");
	assert_true(config->timeout == 7.0);
	assert_set("heartbeat_interval", "0.10000000000000000000000000000000001");
	assert_true(config->heartbeat_interval == 0.1);
	setlocale(LC_ALL, "C");
}

static void errors_name_option_value_and_what_is_allowed(void **state)
{
	char long_value[400];

	(void)state;
	wsm_config_set(config, "rate", "5x", &error);
	assert_string_equal(error.message, "option rate: \"5x\" must be an integer from 0 to 1000000");
	wsm_config_set(config, "heartbeat_interval", "0", &error);
	assert_string_equal(error.message,
	                    "option heartbeat_interval: \"0\" must be a number of seconds from 0.05 to 3600");
	wsm_config_set(config, "rest", "maybe", &error);
	assert_string_equal(error.message, "option rest: \"maybe\" must be true or false (also 1/0, yes/no, on/off)");
	memset(long_value, '7', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	wsm_config_set(config, "max_queue", long_value, &error);
	assert_non_null(strstr(error.message, "must be an integer from 4096 to 1073741824"));
}

static void an_unknown_option_is_refused(void **state)
{
	(void)state;
	assert_int_equal(wsm_config_set(config, "max_room", "5", &error), WSM_ECONFIG);
	assert_non_null(strstr(error.message, "\"max_room\" is not an option"));
	assert_int_equal(wsm_config_set(config, "", "5", &error), WSM_ECONFIG);
	assert_null(wsm_config_get(config, "max_room"));
	assert_null(wsm_config_get(config, NULL));
	assert_null(wsm_config_get(NULL, "rate"));
	assert_int_equal(wsm_config_set(config, NULL, "5", &error), WSM_EINVAL);
	assert_int_equal(wsm_config_set(config, "rate", NULL, &error), WSM_EINVAL);
	assert_int_equal(wsm_config_set(NULL, "rate", "5", &error), WSM_EINVAL);
	assert_int_equal(wsm_config_load_env(NULL, &error), WSM_EINVAL);
}

static void strings_are_checked_and_unset_by_nothing(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "0.0.0.0", "::1", "::", "*", "localhost" };
	static const char *const no_hosts[] = { "[::1]", "example.com", "127.0.0.1:80", "1.2.3", " ", "local host" };

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		assert_set("host", hosts[i]);
		assert_string_equal(config->host, hosts[i]);
	}
	for (size_t i = 0; i < sizeof(no_hosts) / sizeof(no_hosts[0]); i++)
		assert_refused("host", no_hosts[i]);
	assert_set("host", "::1");
	assert_int_equal(wsm_config_set(config, "host", "", &error), WSM_OK);
	assert_string_equal(config->host, "localhost");
	assert_string_equal(wsm_config_get(config, "host"), "localhost");

	assert_set("port", "0");
	assert_string_equal(config->port, "0");
	assert_set("port", "");
	assert_string_equal(config->port, "");
	assert_set("broker_url", "memory:");
}

static void secrets_are_not_repeated_in_errors(void **state)
{
	(void)state;
	assert_int_equal(wsm_config_set(config, "api_key", "s3cr3t", &error), WSM_OK);
	assert_string_equal(config->api_key, "s3cr3t");
	assert_string_equal(wsm_config_get(config, "api_key"), "***");
	assert_refused("api_key", "s3cr3t word");
	assert_null(strstr(error.message, "s3cr3t"));
	assert_refused("api_key", "s3cr3t\n");
	assert_refused("broker_url", "redis://user:s3cr3t@host:6379");
	assert_null(strstr(error.message, "s3cr3t"));
	assert_non_null(strstr(error.message, "memory:"));
}

static void booleans_have_their_usual_words(void **state)
{
	static const char *const yes[] = { "1", "true", "yes", "on", "TRUE", "On" };
	static const char *const no[] = { "0", "false", "no", "off", "False", "OFF" };

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		assert_set("rest", no[i]);
		assert_false(config->rest);
		assert_set("rest", yes[i]);
		assert_true(config->rest);
	}
	assert_refused("rest", "");
	assert_refused("rest", "2");
	assert_refused("rest", " true");
}

static void lists_of_origins_are_split_trimmed_and_checked(void **state)
{
	(void)state;
	assert_set("allowed_origins", " https://a.example.com ,http://b:*,, https://*.c.org,");
	assert_int_equal(config->n_allowed_origins, 3);
	assert_string_equal(config->allowed_origins[0], "https://a.example.com");
	assert_string_equal(config->allowed_origins[1], "http://b:*");
	assert_string_equal(config->allowed_origins[2], "https://*.c.org");
	assert_refused("allowed_origins", "https://a.example.com,b.example.com");
	assert_refused("allowed_origins", "https://a.example.com/");
	assert_refused("allowed_origins", "null");
	assert_int_equal(config->n_allowed_origins, 3); /* as before */
	assert_set("allowed_origins", "");
	assert_int_equal(config->n_allowed_origins, 0);
	assert_set("allowed_origins", "*");
	assert_int_equal(config->n_allowed_origins, 1);
}

static void the_environment_is_read_and_empty_variables_are_unset(void **state)
{
	(void)state;
	setenv("WEBSOCKET_MAX_ROOMS", "7", 1);
	setenv("WEBSOCKET_TIMEOUT", "", 1);
	setenv("WEBSOCKET_ALLOWED_ORIGINS", "https://a.example.com", 1);
	setenv("WEBSOCKET_SOMETHING_ELSE", "x", 1);
	assert_int_equal(wsm_config_load_env(config, &error), WSM_OK);
	assert_true(config->max_rooms == 7);
	assert_true(config->timeout == 90.0);
	assert_int_equal(config->n_allowed_origins, 1);
	assert_string_equal(wsm_config_get(config, "max_rooms"), "7");

	setenv("WEBSOCKET_MAX_ROOMS", "many", 1);
	assert_int_equal(wsm_config_load_env(config, &error), WSM_ECONFIG);
	assert_string_equal(error.message, "WEBSOCKET_MAX_ROOMS: \"many\" must be an integer from 1 to 1000000");
	assert_true(config->max_rooms == 7);
	unsetenv("WEBSOCKET_MAX_ROOMS");
	unsetenv("WEBSOCKET_TIMEOUT");
	unsetenv("WEBSOCKET_ALLOWED_ORIGINS");
	unsetenv("WEBSOCKET_SOMETHING_ELSE");
}

static void a_copy_is_deep(void **state)
{
	struct wsm_config *copy;

	(void)state;
	assert_set("allowed_origins", "https://a.example.com,https://b.example.com");
	assert_set("host", "::1");
	assert_set("rate", "5");
	copy = wsm__config_copy(config);
	assert_non_null(copy);
	assert_set("allowed_origins", "*");
	assert_set("host", "*");
	assert_set("rate", "6");
	assert_int_equal(copy->n_allowed_origins, 2);
	assert_string_equal(copy->allowed_origins[1], "https://b.example.com");
	assert_string_equal(copy->host, "::1");
	assert_true(copy->rate == 5.0);
	assert_string_equal(wsm_config_get(copy, "rate"), "5");
	assert_string_equal(wsm_config_get(copy, "timeout"), "90");
	wsm_config_free(copy);
	wsm_config_free(NULL);
}

static void options_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	assert_set("timeout", "30");
	assert_int_equal(wsm__config_check(config, &error), WSM_ECONFIG);
	assert_non_null(strstr(error.message, "timeout"));
	assert_non_null(strstr(error.message, "heartbeat_interval"));
	assert_set("timeout", "30.001");
	assert_int_equal(wsm__config_check(config, &error), WSM_OK);

	assert_set("max_pending", "16777215");
	assert_int_equal(wsm__config_check(config, &error), WSM_ECONFIG);
	assert_non_null(strstr(error.message, "max_publish_size"));
	assert_set("max_publish_size", "16777215");
	assert_int_equal(wsm__config_check(config, NULL), WSM_OK);
}

#define config_test(name) cmocka_unit_test_setup_teardown(name, make_config, drop_config)

int main(void)
{
	const struct CMUnitTest tests[] = {
		config_test(defaults_are_those_of_the_protocol),
		config_test(the_table_is_complete_and_consistent),
		config_test(numbers_are_taken_up_to_their_bounds_and_no_further),
		config_test(text_that_is_no_number_is_refused),
		config_test(seconds_may_have_a_fraction_in_any_locale),
		config_test(errors_name_option_value_and_what_is_allowed),
		config_test(an_unknown_option_is_refused),
		config_test(strings_are_checked_and_unset_by_nothing),
		config_test(secrets_are_not_repeated_in_errors),
		config_test(booleans_have_their_usual_words),
		config_test(lists_of_origins_are_split_trimmed_and_checked),
		config_test(the_environment_is_read_and_empty_variables_are_unset),
		config_test(a_copy_is_deep),
		config_test(options_that_contradict_each_other_are_refused),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
