/* Variables of the environment that were meant as options. */
#include "raw.h"

#include <stdlib.h>

#include "policy/misspelt.h"

static void assert_near(const char *name, const char *near)
{
	const char *found = wsm__variable_near(name);

	assert_true(wsm__variable_unknown(name));
	if (!near)
		assert_null(found);
	else if (!found || strcmp(found, near) != 0)
		fail_msg("%s: %s instead of %s", name, found ? found : "nothing", near);
}

static void what_was_probably_meant(void **state)
{
	(void)state;
	assert_near("WEBSOCKET_MAX_CONECTIONS", "WEBSOCKET_MAX_CONNECTIONS");
	assert_near("WEBSOCKET_RAET", "WEBSOCKET_RATE");
	assert_near("WEBSOCKET_ALLOWED_ORIGIN", "WEBSOCKET_ALLOWED_ORIGINS");
	assert_near("WEBSOCKET_ORIGINS", "WEBSOCKET_ALLOWED_ORIGINS");
	assert_near("WEBSOCKET_HEARTBEAT", "WEBSOCKET_HEARTBEAT_INTERVAL");
	assert_near("WEBSOCKET_JWT_SECERT", "WEBSOCKET_JWT_SECRET");
}

static void names_that_are_somebody_elses(void **state)
{
	(void)state;
	assert_near("WEBSOCKET_URL", NULL);
	assert_near("WEBSOCKET_", NULL);
	assert_near("WEBSOCKET_XYLOPHONE_QUARTET", NULL);
	assert_near("WEBSOCKET_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	            NULL);
	assert_false(wsm__variable_unknown("WEBSOCKET_RATE"));
	assert_false(wsm__variable_unknown("WEBSOCKETS_RATE"));
	assert_false(wsm__variable_unknown("PATH"));
}

/* The line of the log that speaks of a variable; fails if there is none. */
static void assert_told(struct host *host, wsm_level level, const char *text)
{
	for (;;) {
		wsm_event *event = host_event(host, WSM_EVENT_LOG);
		bool found;

		found = strstr(event->text.data, text) && event->level == level;
		assert_null(strstr(event->text.data, "s3cret"));
		wsm_event_free(event);
		if (found)
			return;
	}
}

static void the_start_tells_of_them(void **state)
{
	struct host host;
	wsm_config *config = wsm_config_new();

	(void)state;
	setenv("WEBSOCKET_JWT_SECERT", "s3cret", 1);
	setenv("WEBSOCKET_URL", "s3cret", 1);
	assert_int_equal(wsm_config_load_env(config, NULL), WSM_OK);
	host_make_with(&host, config);
	wsm_config_free(config);
	wsm_want(host.runtime, WSM_WANT_LOG);
	host_start(&host);
	assert_told(&host, WSM_WARNING,
	            "WEBSOCKET_JWT_SECERT is no option and is ignored; did you mean WEBSOCKET_JWT_SECRET?");
	unsetenv("WEBSOCKET_JWT_SECERT");
	unsetenv("WEBSOCKET_URL");
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_probably_meant),
		cmocka_unit_test(names_that_are_somebody_elses),
		cmocka_unit_test(the_start_tells_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
