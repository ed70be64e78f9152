/* fork(): a child has the memory of a runtime, but not its thread. Its calls say so, and harm nobody. */
#include "raw.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `child` after fork(); it returns 0 or the number of the check that failed. */
static void in_child(int (*child)(struct host *host), struct host *host)
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		alarm(WAIT_SECS);
		_exit(child(host));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		give_up("the child %s %d", WIFEXITED(status) ? "failed at check" : "was ended by signal",
		        WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

#define CHECK(n, condition)                                                                                            \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			return (n);                                                                                    \
	} while (0)

static int call_everything(struct host *host)
{
	wsm_runtime *runtime = host->runtime;
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_question question = { .kind = WSM_QUERY_STATS };
	wsm_rest_request rest = { .method = wsm__str("GET"), .path = wsm__str("/metrics") };
	wsm_endpoint endpoint = { .path = wsm__str("/x") };
	wsm_request request = { .path = wsm__str("/ws") };
	wsm_decision decision = { .allow = true };
	wsm_rest_answer rest_answer;
	wsm_receipt *receipt;
	wsm_text answer;
	wsm_error error = { 0 };
	unsigned http_status;
	uint64_t conn;

	CHECK(1, wsm_publish(runtime, &publication, "1", 1, &receipt, &error) == WSM_EFORKED && !receipt);
	CHECK(2, error.status == WSM_EFORKED && strstr(error.message, "parent process"));
	CHECK(3, wsm_query(runtime, &question, &answer, &error) == WSM_EFORKED);
	CHECK(4, wsm_rest(runtime, &rest, &rest_answer, &error) == WSM_EFORKED);
	CHECK(5, wsm_runtime_start(runtime, &error) == WSM_EFORKED);
	CHECK(6, wsm_runtime_stop(runtime, 100) == WSM_EFORKED);
	CHECK(7, !wsm_runtime_running(runtime));
	CHECK(8, wsm_subscribe(runtime, wsm__str("u"), wsm__str("r"), &error) == WSM_EFORKED);
	CHECK(9, wsm_unsubscribe(runtime, wsm__str("u"), wsm__str("r"), &error) == WSM_EFORKED);
	CHECK(10, wsm_disconnect(runtime, wsm__str("c"), 0, wsm__str(""), &error) == WSM_EFORKED);
	CHECK(11, wsm_disconnect_user(runtime, wsm__str("u"), 0, wsm__str(""), &error) == WSM_EFORKED);
	CHECK(12, wsm_adopt(runtime, 0, "GET", 3, NULL, &conn, &error) == WSM_EFORKED);
	CHECK(13, wsm_bridge_open(runtime, &request, NULL, &conn, &http_status, &error) == WSM_EFORKED);
	CHECK(14, wsm_bridge_receive(runtime, 1, false, "x", 1) == WSM_EFORKED);
	CHECK(15, wsm_bridge_written(runtime, 1, 1) == WSM_EFORKED);
	CHECK(16, wsm_bridge_closed(runtime, 1, 1000, wsm__str("")) == WSM_EFORKED);
	CHECK(17, wsm_authenticated(runtime, 1, &decision, NULL) == WSM_EFORKED);
	CHECK(18, wsm_authorized(runtime, 1, true) == WSM_EFORKED);
	CHECK(19, wsm_reply(runtime, 1, wsm__str("a"), wsm__str(""), wsm__str("1"), NULL) == WSM_EFORKED);
	CHECK(20, wsm_endpoint_set(runtime, &endpoint, &error) == WSM_EFORKED);
	CHECK(21, wsm_endpoint_remove(runtime, wsm__str("/ws")) == WSM_EFORKED);
	CHECK(22, !wsm_endpoint_match(runtime, wsm__str("/ws")));
	CHECK(23, wsm_command_add(runtime, wsm__str("a"), &error) == WSM_EFORKED);
	CHECK(24, wsm_command_remove(runtime, wsm__str("a")) == WSM_EFORKED);
	CHECK(25, wsm_want(runtime, 0) == WSM_EFORKED);
	CHECK(26, wsm_set_wake(runtime, NULL, NULL) == WSM_EFORKED);
	CHECK(27, !wsm_events_take(runtime));
	CHECK(28, wsm_runtime_port(runtime) == 0);
	CHECK(29, wsm_conn_join(runtime, 1, wsm__str("r"), &error) == WSM_EFORKED);
	CHECK(30, wsm_conn_leave(runtime, 1, wsm__str("r"), &error) == WSM_EFORKED);
	return 0;
}

static void every_call_of_a_child_says_that_it_was_forked(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, NULL);
	in_child(call_everything, &host);
	host_close(&host);
}

static int free_it(struct host *host)
{
	wsm_runtime_free(host->runtime);
	return 0;
}

static void a_child_that_frees_it_does_not_disturb_the_parent(void **state)
{
	struct host host;
	struct visitor visitors[3];
	struct raw_answer answer;
	int half;

	(void)state;
	host_open(&host, "heartbeat_interval", "0.1", NULL);
	for (int i = 0; i < 3; i++)
		visitor_open(&visitors[i], host.port, "/ws");
	half = raw_connect(host.port);
	raw_say(half, "GET /metrics HTTP/1.1\r\n");
	in_child(free_it, &host);
	assert_int_equal(host_send(&host, "@all", "x", "{}").recipients, 3);
	for (int i = 0; i < 3; i++) {
		json_decref(visitor_await(&visitors[i], "x"));
		json_decref(visitor_await(&visitors[i], "heartbeat"));
		visitor_leave(&visitors[i]);
	}
	raw_say(half, "Host: localhost\r\n\r\n"); /* a handshake that was under way goes on */
	raw_answer(half, &answer, false);
	assert_int_equal(answer.status, 200);
	raw_answer_free(&answer);
	close(half);
	host_close(&host);
}

/* The child must not keep the parent's connections open, nor its port taken. */
static int free_it_and_wait(struct host *host)
{
	char byte;

	wsm_runtime_free(host->runtime);
	return read(host->wake, &byte, 1) == 0 ? 0 : 1; /* until the parent closes its end of a pipe */
}

static void a_child_holds_no_socket_of_the_parents(void **state)
{
	struct host host, again;
	struct visitor visitor;
	char port[8];
	int pipes[2], saved, status;
	pid_t pid;

	(void)state;
	host_open(&host, NULL);
	visitor_open(&visitor, host.port, "/ws");
	assert_int_equal(pipe(pipes), 0);
	saved = host.wake;
	host.wake = pipes[0];
	pid = fork();
	if (pid == 0) {
		close(pipes[1]);
		_exit(free_it_and_wait(&host));
	}
	host.wake = saved;
	close(pipes[0]);
	/* Only once the child has closed its copies does the client see the end. */
	snprintf(port, sizeof(port), "%u", host.port);
	host_close(&host);
	assert_int_equal(visitor_end(&visitor), 1001);
	visitor_leave(&visitor);
	host_make(&again, "port", port, NULL);
	host_start(&again);
	host_close(&again);
	close(pipes[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int start_a_new_one(struct host *host)
{
	wsm_config *config = wsm_config_new();
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_question question = { .kind = WSM_QUERY_STATS };
	wsm_runtime *runtime;
	wsm_text answer;

	wsm_runtime_free(host->runtime);
	CHECK(1, wsm_config_set(config, "port", "0", NULL) == WSM_OK);
	runtime = wsm_runtime_new(config, NULL);
	wsm_config_free(config);
	CHECK(2, runtime && wsm_runtime_start(runtime, NULL) == WSM_OK);
	CHECK(3, wsm_runtime_port(runtime) != 0 && wsm_runtime_port(runtime) != host->port);
	CHECK(4, wsm_publish(runtime, &publication, "1", 1, NULL, NULL) == WSM_OK);
	CHECK(5, wsm_query(runtime, &question, &answer, NULL) == WSM_OK);
	wsm_text_free(&answer);
	CHECK(6, wsm_runtime_stop(runtime, 100) == WSM_OK);
	wsm_runtime_free(runtime);
	return 0;
}

static void a_child_can_have_a_runtime_of_its_own(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, NULL);
	visitor_open(&visitor, host.port, "/ws");
	in_child(start_a_new_one, &host);
	assert_int_equal(host_send(&host, "@all", "x", "{}").recipients, 1);
	json_decref(of_type(visitor_next(&visitor), "x"));
	visitor_leave(&visitor);
	host_close(&host);
}

/* Locks that another thread holds at the moment of fork() stay locked in the child for ever: no call may take one. */
struct busy {
	struct host *host;
	atomic_bool stop;
};

static void *keep_locks_busy(void *argument)
{
	struct busy *busy = argument;
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_endpoint endpoint = { .path = wsm__str("/x") };

	while (!atomic_load(&busy->stop)) {
		wsm_endpoint_set(busy->host->runtime, &endpoint, NULL);
		wsm_publish(busy->host->runtime, &publication, "1", 1, NULL, NULL);
		wsm_command_add(busy->host->runtime, wsm__str("busy"), NULL);
		wsm_event_free(wsm_events_take(busy->host->runtime));
	}
	return NULL;
}

static void no_call_of_a_child_hangs(void **state)
{
	struct host host;
	struct busy busy = { .host = &host };
	pthread_t thread;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(pthread_create(&thread, NULL, keep_locks_busy, &busy), 0);
	for (int i = 0; i < 100; i++)
		in_child(call_everything, &host);
	atomic_store(&busy.stop, true);
	pthread_join(thread, NULL);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_a_child_says_that_it_was_forked),
		cmocka_unit_test(a_child_that_frees_it_does_not_disturb_the_parent),
		cmocka_unit_test(a_child_holds_no_socket_of_the_parents),
		cmocka_unit_test(a_child_can_have_a_runtime_of_its_own),
		cmocka_unit_test(no_call_of_a_child_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
