/* What the host does about connections, and what it is told: closing them, log lines, running out of descriptors. */
#include "raw.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_open(&host, "auth_timeout", "0.1", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static void disconnect(struct visitor *visitor, unsigned code, const char *reason)
{
	json_t *greeting = visitor_greet(visitor, host.port, "/ws");

	assert_int_equal(wsm_disconnect(host.runtime, wsm__str(text_at(greeting, "data.client_id")), code,
	                                wsm__str(reason), NULL),
	                 WSM_OK);
	visitor_end(visitor);
	json_decref(greeting);
}

static void disconnecting_one_client(void **state)
{
	struct visitor visitor;
	char reason[201] = "";

	(void)state;
	disconnect(&visitor, 0, "");
	assert_int_equal(visitor.end, 4409);
	assert_string_equal(visitor.reason, "removed by the application");
	visitor_leave(&visitor);
	/* Cut at 123 bytes, and never within a character. */
	for (int i = 0; i < 50; i++)
		strcat(reason, "\xf0\x9f\x98\x80");
	disconnect(&visitor, 4000, reason);
	assert_int_equal(visitor.end, 4000);
	assert_int_equal(strlen(visitor.reason), 120);
	visitor_leave(&visitor);
	memset(reason, 'x', 200);
	disconnect(&visitor, 4000, reason);
	assert_int_equal(strlen(visitor.reason), 123);
	visitor_leave(&visitor);
	assert_int_equal(wsm_disconnect(host.runtime, wsm__str("nobody"), 0, wsm__str(""), NULL), WSM_OK);
}

static void close_codes_that_may_not_be_sent(void **state)
{
	static const unsigned bad[] = { 1, 999, 1004, 1005, 1006, 1014, 1015, 2999, 5000, 65536 + 1000 };
	wsm_error error = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(wsm_disconnect(host.runtime, wsm__str("c"), bad[i], wsm__str(""), &error), WSM_EINVAL);
		assert_non_null(strstr(error.message, "may not be sent"));
	}
	assert_int_equal(wsm_disconnect(host.runtime, wsm__str("c"), 1000, wsm__str("\xff"), &error), WSM_EINVAL);
	assert_int_equal(wsm_disconnect(host.runtime, wsm__str(""), 1000, wsm__str(""), &error), WSM_EINVAL);
	assert_int_equal(wsm_disconnect_user(host.runtime, wsm__str("a\nb"), 1000, wsm__str(""), &error), WSM_EINVAL);
}

static void a_client_that_is_closed_gets_nothing_more(void **state)
{
	struct visitor visitor;
	json_t *greeting = visitor_greet(&visitor, host.port, "/ws");

	(void)state;
	wsm_disconnect(host.runtime, wsm__str(text_at(greeting, "data.client_id")), 4000, wsm__str(""), NULL);
	assert_int_equal(host_send(&host, "@all", "x", "{}").recipients, 0);
	assert_int_equal(visitor_end(&visitor), 4000);
	assert_int_equal(json_array_size(visitor.inbox), 0);
	json_decref(greeting);
	visitor_leave(&visitor);
}

static void log_lines_go_to_the_host(void **state)
{
	struct visitor visitor;
	wsm_event *event;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE | WSM_WANT_LOG);
	visitor_try(&visitor, host.port, "/ws", NULL);
	assert_int_equal(visitor_end(&visitor), 4401);
	event = host_line(&host, "auth_timeout");
	assert_int_equal(event->level, WSM_WARNING);
	wsm_event_free(event);
	visitor_leave(&visitor);
}

static void without_history_there_are_no_positions(void **state)
{
	struct host plain;
	struct visitor visitor;
	json_t *message;

	(void)state;
	host_open(&plain, "history_size", "0", NULL);
	message = visitor_greet(&visitor, plain.port, "/ws");
	assert_int_equal(json_object_size(at(message, "data.rooms")), 0);
	json_decref(message);
	assert_int_equal(host_send(&plain, "@all", "x", "{}").offset, 0);
	message = of_type(visitor_next(&visitor), "x");
	assert_null(at(message, "offset"));
	json_decref(message);
	visitor_leave(&visitor);
	host_close(&plain);
}

/* New connections wait, are told of in the log, and are taken once there are descriptors again. */
static void running_out_of_descriptors(void **state)
{
	struct rlimit before, limit;
	struct raw_frame frame;
	wsm_event *event;
	char request[512];
	int fds[512], n = 0, client = raw_connect(host.port), late;

	(void)state;
	/* The runtime has accepted it: it takes no descriptor later that is meant for the test. */
	raw_say(client, raw_upgrade(request, sizeof(request), "/ws", NULL));
	raw_head(client, request, sizeof(request));
	raw_await(client, WSC_TEXT, &frame);
	wsm_want(host.runtime, WSM_WANT_LOG);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 300;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n < 512 && (fds[n] = dup(client)) >= 0)
		n++;
	assert_int_equal(errno, EMFILE);
	close(fds[--n]); /* for the client itself */
	late = raw_connect(host.port);
	raw_say(late, raw_upgrade(request, sizeof(request), "/ws", NULL));
	event = host_line(&host, "file descriptors");
	wsm_event_free(event);
	while (n > 0)
		close(fds[--n]);
	raw_head(late, request, sizeof(request));
	assert_non_null(strstr(request, " 101 "));
	raw_await(late, WSC_TEXT, &frame);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	close(client);
	close(late);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(disconnecting_one_client),
		CASE(close_codes_that_may_not_be_sent),
		CASE(a_client_that_is_closed_gets_nothing_more),
		CASE(log_lines_go_to_the_host),
		CASE(without_history_there_are_no_positions),
		CASE(running_out_of_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
