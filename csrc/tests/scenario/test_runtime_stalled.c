/* The process stands still for longer than its time-out (SIGSTOP, a suspended machine): nobody is closed for that. */
#include "raw.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* A runtime in a process of its own, which writes its port to `out` and lives until it is killed. */
static void serve(int out)
{
	struct host host;

	alarm(2 * WAIT_SECS);
	host_open(&host, "heartbeat_interval", "0.2", "timeout", "0.8", NULL);
	if (write(out, &host.port, sizeof(host.port)) != sizeof(host.port))
		_exit(1);
	for (;;)
		pause();
}

static void who_could_not_be_heard_is_not_closed(void **state)
{
	struct visitor visitor;
	uint64_t begin;
	unsigned port;
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		serve(ends[1]);
	assert_int_equal(read(ends[0], &port, sizeof(port)), sizeof(port));
	visitor_open(&visitor, port, "/ws");
	for (int i = 0; i < 3; i++)
		json_decref(of_type(visitor_next(&visitor), "heartbeat"));
	kill(pid, SIGSTOP);
	for (begin = now_ms(); now_ms() - begin < 1600;) /* two time-outs; the server says nothing meanwhile */
		usleep(10000);
	kill(pid, SIGCONT);
	for (int i = 0; i < 8; i++) /* it goes on, for longer than a time-out */
		json_decref(of_type(visitor_next(&visitor), "heartbeat"));
	visitor_leave(&visitor);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_could_not_be_heard_is_not_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
