/* Connections of the own port that make REST calls, ask for much and read nothing. */
#include "rest_scene.h"

#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define BIG GET("/api/ws/history?room=big")

/* A history of half a megabyte, that a page of it is as large as it may be. */
static void fill_history(void)
{
	char *data = malloc(100101);

	for (int i = 1; i <= 5; i++) {
		snprintf(data, 100101, "{\"n\":%d,\"pad\":\"%0100000d\"}", i, 0);
		host_send(&host, "big", "n", data);
	}
	free(data);
}

static unsigned status_of(int fd)
{
	struct raw_answer answer;
	unsigned status;

	raw_answer(fd, &answer, false);
	status = answer.status;
	raw_answer_free(&answer);
	return status;
}

static void an_address_has_so_many_of_them(void **state)
{
	struct visitor visitor;
	int fds[6];

	(void)state;
	host_open(&host, "max_connections_per_ip", "4", NULL);
	for (int i = 0; i < 6; i++) {
		struct raw_answer answer;

		fds[i] = raw_connect(host.port);
		raw_say(fds[i], GET("/api/ws/health"));
		raw_answer(fds[i], &answer, false);
		assert_int_equal(answer.status, i < 4 ? 200 : 429);
		assert_true((strstr(answer.head, "\r\nRetry-After: 1\r\n") != NULL) == (i >= 4));
		raw_answer_free(&answer);
	}
	assert_true(raw_ended(fds[5]));
	assert_int_equal(host_stat(&host, "http_connections"), 4);
	assert_int_equal(host_stat(&host, "limits_broken.max_connections_per_ip"), 2);
	raw_say(fds[0], GET("/api/ws/health")); /* who is there goes on */
	assert_int_equal(status_of(fds[0]), 200);
	visitor_open(&visitor, host.port, "/ws"); /* 127.0.0.2 */
	close(fds[0]);
	host_stat_falls(&host, "http_connections", 3);
	fds[0] = raw_connect(host.port);
	raw_say(fds[0], GET("/api/ws/health"));
	assert_int_equal(status_of(fds[0]), 200);
	visitor_leave(&visitor);
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

/* A proxy's connections are its clients', one after the other. */
static void behind_a_proxy_the_clients_are_counted(void **state)
{
	char request[200];
	int fds[8], last;

	(void)state;
	host_open(&host, "max_connections_per_ip", "2", NULL);
	for (int i = 0; i < 8; i++) {
		snprintf(request, sizeof(request),
		         "GET /api/ws/health HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.%d\r\n\r\n", i / 2);
		fds[i] = raw_connect(host.port);
		raw_say(fds[i], request);
		assert_int_equal(status_of(fds[i]), 200);
	}
	snprintf(request, sizeof(request),
	         "GET /api/ws/health HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.3\r\n\r\n");
	last = raw_connect(host.port);
	raw_say(last, request);
	assert_int_equal(status_of(last), 429);
	raw_say(fds[6], GET("/api/ws/health")); /* another client on one that was 203.0.113.3's */
	assert_int_equal(status_of(fds[6]), 200);
	close(last);
	last = raw_connect(host.port);
	raw_say(last, request);
	assert_int_equal(status_of(last), 200);
	close(last);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
}

static void in_all_there_are_so_many_and_the_idle_make_room(void **state)
{
	int fds[6];

	(void)state;
	host_open(&host, "max_http_connections", "4", NULL);
	for (int i = 0; i < 6; i++) {
		fds[i] = raw_connect(host.port);
		raw_say(fds[i], GET("/api/ws/health"));
		assert_int_equal(status_of(fds[i]), 200);
	}
	assert_true(raw_ended(fds[0]));
	assert_true(raw_ended(fds[1]));
	raw_say(fds[2], GET("/api/ws/health"));
	assert_int_equal(status_of(fds[2]), 200);
	assert_int_equal(host_stat(&host, "http_connections"), 4);
	assert_int_equal(host_stat(&host, "dropped_http"), 2);
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

/* Asks until the socket takes no more of the answers, and reads nothing. */
static int not_reading(void)
{
	int fd = raw_connect(host.port);

	for (int i = 0; i < 64; i++)
		raw_say(fd, BIG);
	return fd;
}

static void answers_that_nobody_reads_are_bounded_in_all(void **state)
{
	enum { N = 12 };
	int fds[N];

	(void)state;
	host_open(&host, "max_http_queue", "2000000", NULL);
	fill_history();
	for (int i = 0; i < N; i++) {
		fds[i] = not_reading();
		host_stat_reaches(&host, "http_connections", 1);
		assert_true(host_stat(&host, "http_queued_bytes") <= 2000000);
	}
	host_stat_reaches(&host, "dropped_http", N - 4);
	assert_int_equal(raw_http(host.port, BIG, NULL), 200); /* who reads is served */
	for (int i = 0; i < N; i++)
		close(fds[i]);
	host_stat_falls(&host, "http_queued_bytes", 0);
	host_stat_falls(&host, "http_connections", 0);
}

static void who_does_not_read_has_so_much_time(void **state)
{
	struct visitor visitor;
	int fd;

	(void)state;
	host_open(&host, "answer_timeout", "0.3", NULL);
	fill_history();
	fd = not_reading();
	host_stat_reaches(&host, "answer_timeouts", 1);
	assert_int_equal(host_stat(&host, "http_queued_bytes"), 0);
	assert_int_equal(host_stat(&host, "http_connections"), 0);
	visitor_open(&visitor, host.port, "/ws");
	visitor_leave(&visitor);
	close(fd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, close_host)
	const struct CMUnitTest tests[] = {
		CASE(an_address_has_so_many_of_them),
		CASE(behind_a_proxy_the_clients_are_counted),
		CASE(in_all_there_are_so_many_and_the_idle_make_room),
		CASE(answers_that_nobody_reads_are_bounded_in_all),
		CASE(who_does_not_read_has_so_much_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
