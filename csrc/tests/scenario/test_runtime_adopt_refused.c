/* Hand-overs that are refused or come to nothing. */
#include "adopt_scene.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void origins_are_looked_at_unless_the_host_says_otherwise(void **state)
{
	wsm_admission admitted = { .admitted = true }, trusted = { .admitted = true, .skip_origin = true };
	struct raw_answer answer;
	uint64_t conn;
	int fd = adopt_upgrade("/x", "Origin: https://evil.example\r\n", &admitted, &conn);

	(void)state;
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 403);
	raw_answer_free(&answer);
	close(fd);
	expect_closed(conn, 1006);
	fd = adopt_upgrade("/x", "Origin: https://evil.example\r\n", &trusted, &conn);
	expect_open(fd);
	close(fd);
	expect_closed(conn, 1006);
	fd = adopt_upgrade("/x", "Origin: https://app.example.com\r\n", &admitted, &conn);
	expect_open(fd);
	close(fd);
	expect_closed(conn, 1006);
}

static void hand_overs_that_come_to_nothing_are_told_once(void **state)
{
	static const char *const bad[] = { "\r\n\r\n", "GARBAGE\r\n\r\n", "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n",
	                                   "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" };
	struct raw_answer answer;
	uint64_t conn;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fd = adopt(bad[i], strlen(bad[i]), NULL, &conn);
		shutdown(fd, SHUT_WR);
		raw_drain(fd);
		close(fd);
		expect_closed(conn, 1006);
	}
	fd = adopt_upgrade("/nothing", NULL, NULL, &conn);
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 404);
	raw_answer_free(&answer);
	close(fd);
	expect_closed(conn, 1006);
}

static void a_client_that_has_gone_already(void **state)
{
	struct linger hard = { .l_onoff = 1 };
	char request[1024];
	uint64_t conn;
	int ours, theirs;

	(void)state;
	raw_upgrade(request, sizeof(request), "/ws", NULL);
	raw_pair(&ours, &theirs);
	setsockopt(theirs, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(theirs); /* a reset waits in our socket */
	assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), NULL, &conn, NULL), WSM_OK);
	expect_closed(conn, 1006);
}

static void what_is_no_connected_socket_stays_the_callers(void **state)
{
	char request[1024];
	wsm_error error = { 0 };
	uint64_t conn;
	int pipes[2], file = open("/dev/null", O_RDWR), udp = socket(AF_INET, SOCK_DGRAM, 0);
	int listening = socket(AF_INET, SOCK_STREAM, 0), closed = dup(file);
	int fds[5];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(listen(listening, 1), 0);
	close(closed);
	fds[0] = pipes[0];
	fds[1] = file;
	fds[2] = udp;
	fds[3] = listening;
	fds[4] = closed;
	raw_upgrade(request, sizeof(request), "/ws", NULL);
	for (int i = 0; i < 5; i++) {
		if (wsm_adopt(host.runtime, fds[i], request, strlen(request), NULL, &conn, &error) != WSM_EINVAL)
			give_up("case %d is accepted", i);
		assert_non_null(strstr(error.message, "socket"));
	}
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(fcntl(fds[i], F_GETFD), -1); /* still open */
	assert_int_equal(wsm_adopt(host.runtime, -1, request, strlen(request), NULL, &conn, &error), WSM_EINVAL);
	assert_int_equal(wsm_adopt(host.runtime, 0, request, 0, NULL, &conn, &error), WSM_EINVAL);
	close(pipes[0]);
	close(pipes[1]);
	close(file);
	close(udp);
	close(listening);
}

static void admissions_that_are_wrong_are_refused_at_the_call(void **state)
{
	wsm_slice bad_rooms[] = { wsm__str("@all") };
	const wsm_admission bad[] = { { .admitted = true, .client_id = wsm__str("a\nb") },
	                              { .admitted = true, .user_id = wsm__str("\xff") },
	                              { .admitted = true, .rooms = bad_rooms, .n_rooms = 1 } };
	wsm_error error = { 0 };
	uint64_t conn;
	int ours, theirs;

	(void)state;
	raw_pair(&ours, &theirs);
	assert_int_equal(wsm_adopt(host.runtime, ours, "x", 1, &bad[0], &conn, &error), WSM_EINVAL);
	assert_int_equal(wsm_adopt(host.runtime, ours, "x", 1, &bad[1], &conn, &error), WSM_EINVAL);
	assert_int_equal(wsm_adopt(host.runtime, ours, "x", 1, &bad[2], &conn, &error), WSM_EROOM);
	assert_int_not_equal(fcntl(ours, F_GETFD), -1);
	close(ours);
	close(theirs);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(origins_are_looked_at_unless_the_host_says_otherwise),
		CASE(hand_overs_that_come_to_nothing_are_told_once),
		CASE(a_client_that_has_gone_already),
		CASE(what_is_no_connected_socket_stays_the_callers),
		CASE(admissions_that_are_wrong_are_refused_at_the_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
