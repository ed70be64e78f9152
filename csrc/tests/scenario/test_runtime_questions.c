/* Questions whose answers come as events: wsm_query_later(). */
#include "harness.h"

#include <pthread.h>

#include "host/handle.h"
#include "runtime/dispatch.h"

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

static int ask(wsm_query_kind kind, const char *room, uint64_t ticket)
{
	const wsm_question question = { .kind = kind, .room = wsm__str(room) };

	return wsm_query_later(host.runtime, &question, ticket, NULL);
}

/* The next answer, which must be to that ticket. Free it. */
static wsm_event *answer(uint64_t ticket, int status)
{
	wsm_event *event = host_event(&host, WSM_EVENT_ANSWER);

	assert_int_equal(event->ticket, ticket);
	assert_int_equal(-(int)event->code, status);
	return event;
}

static void each_is_answered_in_order_after_what_was_sent_before(void **state)
{
	const wsm_slice room = wsm__str("r");
	const wsm_publication publication = { .target = WSM_TO_ROOM, .ids = &room, .n_ids = 1 };
	wsm_event *event;
	json_t *json;

	(void)state;
	for (unsigned n = 1; n <= 200; n++) {
		assert_int_equal(wsm_publish(host.runtime, &publication, "{}", 2, NULL, NULL), WSM_OK);
		assert_int_equal(ask(WSM_QUERY_POSITION, "r", n), WSM_OK);
	}
	for (unsigned n = 1; n <= 200; n++) {
		event = answer(n, WSM_OK);
		json = json_loads(event->data.data, 0, NULL); /* a NUL follows */
		assert_int_equal(number_at(json, "offset"), n);
		json_decref(json);
		wsm_event_free(event);
	}
}

static void it_says_what_the_other_call_says(void **state)
{
	static const wsm_query_kind kinds[] = { WSM_QUERY_CONNECTIONS, WSM_QUERY_SUBSCRIBERS, WSM_QUERY_PRESENCE,
	                                        WSM_QUERY_HISTORY,     WSM_QUERY_POSITION,    WSM_QUERY_BANS };
	wsm_text text;

	(void)state;
	host_send(&host, "r", "news", "{}");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const wsm_question question = { .kind = kinds[i], .room = wsm__str("r") };
		wsm_event *event;

		assert_int_equal(wsm_query_later(host.runtime, &question, i, NULL), WSM_OK);
		event = answer(i, WSM_OK);
		assert_int_equal(wsm_query(host.runtime, &question, &text, NULL), WSM_OK);
		assert_int_equal(event->data.len, text.len);
		assert_memory_equal(event->data.data, text.data, text.len);
		wsm_text_free(&text);
		wsm_event_free(event);
	}
}

static void what_is_wrong_is_said_at_once_or_by_the_event(void **state)
{
	const wsm_question no_page = { .kind = WSM_QUERY_PRESENCE, .room = wsm__str("r"), .after = wsm__str("?") };

	(void)state;
	assert_int_equal(ask(WSM_QUERY_HISTORY, "two words", 1), WSM_EROOM);
	assert_int_equal(ask(WSM_QUERY_ROOMS_OF, "nobody", 2), WSM_OK);
	wsm_event_free(answer(2, WSM_ENOTFOUND));
	assert_int_equal(wsm_query_later(host.runtime, &no_page, 3, NULL), WSM_OK);
	wsm_event_free(answer(3, WSM_EINVAL));
	assert_null(host_event_now(&host, WSM_EVENT_ANSWER));
}

static void a_connection_moves_without_anybody_waiting(void **state)
{
	wsm_event *event;
	wsm_error error;

	(void)state;
	assert_int_equal(wsm_conn_join_later(host.runtime, 99, wsm__str("@all"), 1, &error), WSM_EROOM);
	assert_int_equal(wsm_conn_leave_later(host.runtime, 99, wsm__str("two words"), 1, &error), WSM_EROOM);
	assert_int_equal(wsm_conn_join_later(host.runtime, 99, wsm__str("desk"), 2, &error), WSM_OK);
	assert_int_equal(wsm_conn_leave_later(host.runtime, 99, wsm__str("desk"), 3, &error), WSM_OK);
	for (uint64_t ticket = 2; ticket <= 3; ticket++) {
		event = answer(ticket, WSM_ENOTFOUND);
		assert_string_equal(event->text.data, "the connection has gone, or it is not let in yet");
		assert_int_equal(event->data.len, 0);
		wsm_event_free(event);
	}
	assert_int_equal(atomic_load(&host.runtime->questions), 0);
}

static void so_many_wait_to_be_taken(void **state)
{
	const wsm_question question = { .kind = WSM_QUERY_POSITION, .room = wsm__str("r") };
	wsm_error error = { 0 };

	(void)state;
	for (unsigned round = 0; round < 2; round++) { /* those that are taken make room again */
		for (unsigned n = 0; n < WSM_QUESTIONS_MAX; n++)
			assert_int_equal(ask(WSM_QUERY_POSITION, "r", n), WSM_OK);
		assert_int_equal(wsm_query_later(host.runtime, &question, 7, &error), WSM_EOVERLOADED);
		assert_non_null(strstr(error.message, "1024 questions"));
		for (unsigned n = 0; n < WSM_QUESTIONS_MAX; n++)
			wsm_event_free(answer(n, WSM_OK));
	}
}

/* However much they say: what clients say has its place beside them. */
static void answers_take_no_place_of_other_events(void **state)
{
	char *data = malloc(60101);
	struct visitor visitor;

	(void)state;
	host_close(&host);
	host_open(&host, "max_events", "64", NULL);
	assert_int_equal(wsm_want(host.runtime, WSM_WANT_MESSAGE), WSM_OK);
	snprintf(data, 60101, "{\"pad\":\"%060000d\"}", 0);
	host_send(&host, "r", "big", data);
	free(data);
	for (unsigned n = 0; n < 8; n++)
		assert_int_equal(ask(WSM_QUERY_HISTORY, "r", n), WSM_OK);
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "hello");
	visitor_expect_silence(&visitor); /* it has come, and nobody has taken the answers */
	wsm_event_free(host_event(&host, WSM_EVENT_MESSAGE));
	visitor_leave(&visitor);
}

static void who_has_gone_costs_nothing(void **state)
{
	(void)state;
	host_send(&host, "r", "news", "{}");
	for (unsigned n = 0; n < 100; n++)
		assert_int_equal(ask(WSM_QUERY_HISTORY, "r", n), WSM_OK);
	/* close_host() frees what nobody has taken: a sanitizer would tell. */
}

static void a_runtime_that_does_not_run_is_not_asked(void **state)
{
	(void)state;
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	assert_int_equal(ask(WSM_QUERY_STATS, "", 1), WSM_ENOTRUNNING);
	assert_null(host_event_now(&host, WSM_EVENT_ANSWER));
	for (unsigned n = 0; n < WSM_QUESTIONS_MAX + 1; n++) /* nor does that take a place */
		assert_int_equal(ask(WSM_QUERY_STATS, "", 1), WSM_ENOTRUNNING);
	host_start(&host);
	assert_int_equal(ask(WSM_QUERY_STATS, "", 2), WSM_OK);
	wsm_event_free(answer(2, WSM_OK));
}

/* What the runtime thread finds in its queue at its very end; here without the thread, so that it is sure to find something. */
static void what_a_stop_finds_is_answered(void **state)
{
	(void)state;
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	wsm__queue_close(&host.runtime->commands, false);
	atomic_store(&host.runtime->running, true);
	for (unsigned n = 1; n <= 3; n++)
		assert_int_equal(ask(WSM_QUERY_HISTORY, "r", n), WSM_OK);
	atomic_store(&host.runtime->running, false);
	wsm__queue_close(&host.runtime->commands, true);
	wsm__commands_discard(host.runtime, NULL);
	for (unsigned n = 1; n <= 3; n++)
		wsm_event_free(answer(n, WSM_ENOTRUNNING));
}

struct asker {
	pthread_t thread;
	uint64_t ticket; /* of the first */
	unsigned asked;  /* that were taken on */
	pthread_barrier_t *begun;
};

enum { ASKERS = 4, EACH = WSM_QUESTIONS_MAX / ASKERS };

static void *ask_until_it_stops(void *argument)
{
	struct asker *asker = argument;

	for (unsigned n = 0; n < EACH && !ask(WSM_QUERY_STATS, "", asker->ticket + n); n++) {
		asker->asked++;
		if (n == 0)
			pthread_barrier_wait(asker->begun);
	}
	return NULL;
}

/* Whenever the stop comes: as many answers as questions, and each once. */
static void several_threads_ask_while_it_stops(void **state)
{
	struct asker askers[ASKERS] = { 0 };
	bool answered[ASKERS * EACH] = { 0 };
	pthread_barrier_t begun;
	wsm_event *event;
	unsigned asked = 0;

	(void)state;
	pthread_barrier_init(&begun, NULL, ASKERS + 1);
	for (unsigned i = 0; i < ASKERS; i++) {
		askers[i].ticket = (uint64_t)i * EACH;
		askers[i].begun = &begun;
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_until_it_stops, &askers[i]), 0);
	}
	pthread_barrier_wait(&begun);
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	for (unsigned i = 0; i < ASKERS; i++) {
		pthread_join(askers[i].thread, NULL);
		asked += askers[i].asked;
	}
	pthread_barrier_destroy(&begun);
	while (asked--) {
		event = host_event(&host, WSM_EVENT_ANSWER);
		assert_false(answered[event->ticket]);
		answered[event->ticket] = true;
		assert_true(!event->code == (event->data.len > 0));
		assert_true(!event->code || event->code == (unsigned)-WSM_ENOTRUNNING);
		wsm_event_free(event);
	}
	assert_null(host_event_now(&host, WSM_EVENT_ANSWER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
		TEST(each_is_answered_in_order_after_what_was_sent_before),
		TEST(it_says_what_the_other_call_says),
		TEST(what_is_wrong_is_said_at_once_or_by_the_event),
		TEST(a_connection_moves_without_anybody_waiting),
		TEST(so_many_wait_to_be_taken),
		TEST(answers_take_no_place_of_other_events),
		TEST(who_has_gone_costs_nothing),
		TEST(a_runtime_that_does_not_run_is_not_asked),
		TEST(what_a_stop_finds_is_answered),
		TEST(several_threads_ask_while_it_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
