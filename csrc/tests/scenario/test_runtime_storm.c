/* Many new connections at once: in order, a few in each turn of the loop, and none of them lost. */
#include "raw.h"

#include <unistd.h>

#define N 100
#define ONE_PER_TURN "0.000001" /* seconds: the first one of a turn takes longer already */

/* Sends the request, and a message right behind it that must not get lost while the handshake waits. */
static int arrive(unsigned port)
{
	uint8_t bytes[1024];
	char request[512];
	size_t len;
	int fd = raw_connect(port);

	raw_upgrade(request, sizeof(request), "/ws", NULL);
	len = strlen(request);
	memcpy(bytes, request, len);
	len = raw_put_frame(bytes, len, true, WSC_TEXT, "ping", 4);
	raw_send(fd, bytes, len);
	return fd;
}

/* Demands 101, the greeting and the answer to the message; the client's id in `client_id`. */
static void expect_served(int fd, char client_id[64])
{
	struct raw_frame frame;
	char head[4096];
	json_t *greeting;

	raw_head(fd, head, sizeof(head));
	assert_non_null(strstr(head, "HTTP/1.1 101 "));
	raw_await(fd, WSC_TEXT, &frame);
	greeting = json_loads(frame.data, 0, NULL);
	snprintf(client_id, 64, "%s", text_at(greeting, "data.client_id"));
	json_decref(greeting);
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"pong\""));
}

/* The connections were made in this order, and some had to wait for it. */
static void expect_order(struct host *host, char ids[N][64])
{
	json_t *connections = host_ask(host, WSM_QUERY_CONNECTIONS, NULL);

	assert_int_equal(json_array_size(connections), N);
	for (int i = 0; i < N; i++)
		assert_string_equal(text_at(json_array_get(connections, (size_t)i), "client_id"), ids[i]);
	json_decref(connections);
	assert_true(host_stat(host, "deferred_handshakes") > 0);
}

static void everybody_comes_in_in_order(void **state)
{
	static char ids[N][64];
	struct host host;
	int fds[N];

	(void)state;
	host_open(&host, "handshake_budget", ONE_PER_TURN, NULL);
	for (int i = 0; i < N; i++)
		fds[i] = arrive(host.port);
	for (int i = 0; i < N; i++)
		expect_served(fds[i], ids[i]);
	expect_order(&host, ids);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	host_close(&host);
}

static void who_leaves_while_it_waits_holds_up_nobody(void **state)
{
	struct host host;
	char id[64];
	int fds[N];

	(void)state;
	host_open(&host, "handshake_budget", ONE_PER_TURN, NULL);
	for (int i = 0; i < N; i++) {
		fds[i] = arrive(host.port);
		if (i % 2)
			close(fds[i]);
	}
	for (int i = 0; i < N; i += 2) {
		expect_served(fds[i], id);
		close(fds[i]);
	}
	host_stat_falls(&host, "active_connections", 0);
	host_close(&host);
}

static void sockets_that_are_handed_over_wait_in_the_same_line(void **state)
{
	static char ids[N][64];
	struct host host;
	char request[512];
	uint64_t conn;
	int ours, theirs[N];

	(void)state;
	host_make(&host, "handshake_budget", ONE_PER_TURN, NULL);
	host_start(&host);
	for (int i = 0; i < N; i++) {
		raw_pair(&ours, &theirs[i]);
		raw_upgrade(request, sizeof(request), "/ws", NULL);
		assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), NULL, &conn, NULL), WSM_OK);
		raw_frame(theirs[i], true, WSC_TEXT, "ping", 4);
	}
	for (int i = 0; i < N; i++)
		expect_served(theirs[i], ids[i]);
	expect_order(&host, ids);
	for (int i = 0; i < N; i++)
		close(theirs[i]);
	host_close(&host);
}

static void the_runtime_stops_while_some_wait(void **state)
{
	struct host host;
	int fds[N];

	(void)state;
	for (int round = 0; round < 3; round++) {
		host_open(&host, "handshake_budget", ONE_PER_TURN, NULL);
		for (int i = 0; i < N; i++)
			fds[i] = arrive(host.port);
		host_close(&host);
		for (int i = 0; i < N; i++)
			close(fds[i]);
	}
}

static void half_handshakes_do_not_displace_those_that_wait(void **state)
{
	struct host host;
	char id[64];
	int fds[N], halves[N];

	(void)state;
	host_open(&host, "handshake_budget", ONE_PER_TURN, "max_handshakes", "5", NULL);
	for (int i = 0; i < N; i++)
		fds[i] = arrive(host.port);
	for (int i = 0; i < N; i++) {
		halves[i] = raw_connect(host.port);
		raw_say(halves[i], "GET /ws HTTP/1.1\r\n");
	}
	for (int i = 0; i < N; i++) {
		expect_served(fds[i], id);
		close(fds[i]);
	}
	host_stat_reaches(&host, "dropped_handshakes", N - 5);
	for (int i = 0; i < N; i++)
		close(halves[i]);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_comes_in_in_order),
		cmocka_unit_test(who_leaves_while_it_waits_holds_up_nobody),
		cmocka_unit_test(sockets_that_are_handed_over_wait_in_the_same_line),
		cmocka_unit_test(the_runtime_stops_while_some_wait),
		cmocka_unit_test(half_handshakes_do_not_displace_those_that_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
