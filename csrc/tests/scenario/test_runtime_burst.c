/* Many publications at once: more than an outbox holds, less than a connection takes. */
#include "harness.h"

#define MESSAGES 1500u
#define SIZE 1000u /* of each: together half as much again as max_queue */

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_open(&host, NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static void publish(const char *payload)
{
	wsm_publication publication = {
		.target = WSM_TO_ALL,
		.type = wsm__str("x"),
		.flags = WSM_PUBLISH_NO_HISTORY,
	};
	wsm_error error;

	assert_int_equal(wsm_publish(host.runtime, &publication, payload, strlen(payload), NULL, &error), WSM_OK);
}

static void a_burst_that_no_history_keeps_reaches_a_client_with_room_in_its_socket(void **state)
{
	struct visitor visitor;
	char payload[SIZE + 1];

	(void)state;
	memset(payload, '1', SIZE);
	payload[0] = payload[SIZE - 1] = '"';
	payload[SIZE] = '\0';
	json_decref(visitor_greet(&visitor, host.port, "/ws"));
	for (unsigned i = 0; i < MESSAGES; i++)
		publish(payload);
	for (unsigned i = 0; i < MESSAGES; i++)
		json_decref(visitor_next(&visitor));
	assert_int_equal(host_stat(&host, "slow_consumers"), 0);
	visitor_leave(&visitor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_burst_that_no_history_keeps_reaches_a_client_with_room_in_its_socket,
		                                open_host, close_host),
	};

	return cmocka_run_group_tests_name("runtime_burst", tests, NULL, NULL);
}
