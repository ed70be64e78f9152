/* Starting, stopping, and everything that can be in the way of it. */
#include "raw.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_runtime_that_never_started_is_freed(void **state)
{
	struct host host;

	(void)state;
	host_make(&host, NULL);
	assert_false(wsm_runtime_running(host.runtime));
	assert_int_equal(wsm_runtime_port(host.runtime), 0);
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	host_close(&host);
	wsm_runtime_free(NULL);
}

static void without_a_port_it_runs_and_listens_nowhere(void **state)
{
	struct host host;

	(void)state;
	host_make(&host, NULL);
	host_start(&host);
	assert_true(wsm_runtime_running(host.runtime));
	assert_int_equal(host.port, 0);
	assert_int_equal(host_stat(&host, "active_connections"), 0);
	host_close(&host);
}

static void calls_before_start_say_that_it_is_not_running(void **state)
{
	struct host host;
	wsm_publication publication = { .type = wsm__str("x") };
	wsm_question question = { .kind = WSM_QUERY_STATS };
	wsm_receipt *receipt = (void *)&publication;
	wsm_decision decision = { .allow = true };
	wsm_text answer;
	wsm_error error = { 0 };
	uint64_t conn;

	(void)state;
	host_make(&host, NULL);
	assert_int_equal(wsm_publish(host.runtime, &publication, "{}", 2, &receipt, &error), WSM_ENOTRUNNING);
	assert_null(receipt);
	assert_non_null(strstr(error.message, "not running"));
	assert_int_equal(wsm_query(host.runtime, &question, &answer, &error), WSM_ENOTRUNNING);
	assert_null(answer.data);
	assert_int_equal(wsm_subscribe(host.runtime, wsm__str("u"), wsm__str("r"), &error), WSM_ENOTRUNNING);
	assert_int_equal(wsm_disconnect(host.runtime, wsm__str("c"), 0, wsm__str(""), &error), WSM_ENOTRUNNING);
	assert_int_equal(wsm_adopt(host.runtime, 0, "GET", 3, NULL, &conn, &error), WSM_ENOTRUNNING);
	assert_int_equal(wsm_bridge_receive(host.runtime, 1, false, "x", 1), WSM_ENOTRUNNING);
	assert_int_equal(wsm_authenticated(host.runtime, 1, &decision, NULL), WSM_ENOTRUNNING);
	assert_int_equal(wsm_authorized(host.runtime, 1, true), WSM_ENOTRUNNING);
	assert_int_equal(wsm_reply(host.runtime, 1, wsm__str("a"), wsm__str(""), wsm__str("1"), NULL), WSM_ENOTRUNNING);
	host_close(&host);
}

static void port_zero_is_one_port_on_both_loopback_addresses(void **state)
{
	struct host host;
	char request[512], head[13] = "";
	int four, six;

	(void)state;
	host_open(&host, NULL);
	assert_int_not_equal(host.port, 0);
	raw_upgrade(request, sizeof(request), "/ws", NULL);
	four = raw_connect(host.port);
	six = raw_connect6(host.port);
	raw_say(four, request);
	raw_say(six, request);
	assert_true(raw_read(four, head, 12));
	assert_string_equal(head, "HTTP/1.1 101");
	assert_true(raw_read(six, head, 12));
	assert_string_equal(head, "HTTP/1.1 101");
	close(four);
	close(six);
	host_close(&host);
}

static void a_taken_port_is_told_in_a_clear_sentence(void **state)
{
	struct host first, second;
	char port[8];
	wsm_error error = { 0 };

	(void)state;
	host_open(&first, NULL);
	snprintf(port, sizeof(port), "%u", first.port);
	host_make(&second, "port", port, NULL);
	assert_int_equal(wsm_runtime_start(second.runtime, &error), WSM_EADDRINUSE);
	assert_int_equal(error.status, WSM_EADDRINUSE);
	assert_non_null(strstr(error.message, port));
	assert_non_null(strstr(error.message, "another program has the port"));
	assert_false(wsm_runtime_running(second.runtime));
	assert_int_equal(wsm_runtime_port(second.runtime), 0);
	/* Once the port is free, the same runtime starts. */
	host_close(&first);
	host_start(&second);
	assert_int_equal(second.port, strtoul(port, NULL, 10));
	host_close(&second);
}

static void a_port_taken_on_one_of_the_two_addresses_is_taken(void **state)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	socklen_t len = sizeof(at);
	struct host host;
	char port[8];
	int one = 1, fd = socket(AF_INET6, SOCK_STREAM, 0);

	(void)state;
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(port, sizeof(port), "%u", ntohs(at.sin6_port));
	host_make(&host, "port", port, NULL);
	assert_int_equal(wsm_runtime_start(host.runtime, NULL), WSM_EADDRINUSE);
	close(fd);
	host_close(&host);
}

static void an_address_of_another_machine_is_told_in_a_clear_sentence(void **state)
{
	struct host host;
	wsm_error error = { 0 };

	(void)state;
	host_make(&host, "port", "0", "host", "192.0.2.1", NULL);
	assert_int_equal(wsm_runtime_start(host.runtime, &error), WSM_ESYSTEM);
	assert_non_null(strstr(error.message, "192.0.2.1"));
	host_close(&host);
}

static void starting_twice_is_starting_once(void **state)
{
	struct host host;
	unsigned port;

	(void)state;
	host_open(&host, NULL);
	port = host.port;
	host_start(&host);
	assert_int_equal(host.port, port);
	host_close(&host);
}

static void it_starts_again_with_new_epochs_and_the_same_endpoints(void **state)
{
	struct host host;
	struct visitor visitor;
	wsm_endpoint endpoint = { .path = wsm__str("/live"), .greeting = wsm__str("hello") };
	char epoch[24], path[256];
	json_t *greeting, *room;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(wsm_endpoint_set(host.runtime, &endpoint, NULL), WSM_OK);
	snprintf(epoch, sizeof(epoch), "%s", host_send(&host, "@all", "x", "{}").epoch);
	assert_int_not_equal(strlen(epoch), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wsm_runtime_stop(host.runtime, 1000), WSM_OK);
		assert_int_equal(wsm_runtime_stop(host.runtime, 1000), WSM_OK);
		assert_false(wsm_runtime_running(host.runtime));
		assert_int_equal(wsm_runtime_port(host.runtime), 0);
		host_start(&host);
	}
	greeting = of_type(visitor_greet(&visitor, host.port, "/live"), "hello");
	json_decref(greeting);
	visitor_leave(&visitor);
	resume_path(path, sizeof(path), "/ws", "@all", epoch, 1);
	greeting = visitor_greet(&visitor, host.port, path);
	room = at(greeting, "data.rooms.@all");
	assert_false(true_at(room, "recovered"));
	assert_string_not_equal(text_at(room, "epoch"), epoch);
	assert_int_equal(number_at(room, "offset"), 0);
	json_decref(greeting);
	visitor_leave(&visitor);
	host_close(&host);
}

static void several_runtimes_in_one_process_know_nothing_of_each_other(void **state)
{
	struct host hosts[3];
	struct visitor visitors[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		host_open(&hosts[i], NULL);
		visitor_open(&visitors[i], hosts[i].port, "/ws");
	}
	assert_int_equal(host_send(&hosts[1], "@all", "only", "{}").recipients, 1);
	json_decref(of_type(visitor_next(&visitors[1]), "only"));
	visitor_expect_silence(&visitors[0]);
	host_close(&hosts[1]);
	assert_int_equal(visitor_end(&visitors[1]), 1001);
	visitor_expect_silence(&visitors[2]);
	assert_int_equal(host_send(&hosts[2], "@all", "still", "{}").recipients, 1);
	json_decref(of_type(visitor_next(&visitors[2]), "still"));
	for (int i = 0; i < 3; i++)
		visitor_leave(&visitors[i]);
	host_close(&hosts[0]);
	host_close(&hosts[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_runtime_that_never_started_is_freed),
		cmocka_unit_test(without_a_port_it_runs_and_listens_nowhere),
		cmocka_unit_test(calls_before_start_say_that_it_is_not_running),
		cmocka_unit_test(port_zero_is_one_port_on_both_loopback_addresses),
		cmocka_unit_test(a_taken_port_is_told_in_a_clear_sentence),
		cmocka_unit_test(a_port_taken_on_one_of_the_two_addresses_is_taken),
		cmocka_unit_test(an_address_of_another_machine_is_told_in_a_clear_sentence),
		cmocka_unit_test(starting_twice_is_starting_once),
		cmocka_unit_test(it_starts_again_with_new_epochs_and_the_same_endpoints),
		cmocka_unit_test(several_runtimes_in_one_process_know_nothing_of_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
