/* Rooms on disk: what a restart, a stop and rules that change make of them, on real sockets and a real file. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static struct host host;
static char folder[64], file[96];

static void rule(const char *pattern, const char *setting, const char *value)
{
	wsm_error error = { 0 };

	if (wsm_room_rule_set(host.runtime, wsm__str(pattern), wsm__str(setting), wsm__str(value), &error))
		give_up("%s", error.message);
}

static void begin(void)
{
	host_make(&host, "port", "0", "rate", "0", "store", file, "history_size", "10000", "history_ttl", "86400",
	          NULL);
	rule("kept:*", "store", "disk");
	rule("@user:*", "store", "disk");
	wsm_want(host.runtime, WSM_WANT_LOG);
	host_start(&host);
}

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/wsm-disk-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/ws.db", folder);
	begin();
	return 0;
}

static int drop_folder(void **state)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[400];

	(void)state;
	host_close(&host);
	while (dir && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
	return 0;
}

static void restart(void)
{
	host_close(&host);
	begin();
}

static void position(const char *room, char epoch[24], long long *offset)
{
	json_t *answer = host_ask(&host, WSM_QUERY_POSITION, room);

	snprintf(epoch, 24, "%s", text_at(answer, "epoch"));
	*offset = number_at(answer, "offset");
	json_decref(answer);
}

static void expect_run(struct visitor *visitor, int first, int last)
{
	for (int n = first; n <= last; n++) {
		json_t *message = of_type(visitor_next(visitor), "n");

		assert_int_equal(number_at(message, "data.n"), n);
		assert_int_equal(number_at(message, "offset"), n);
		json_decref(message);
	}
}

static json_t *subscribe_since(struct visitor *visitor, const char *room, const char *epoch, long long offset)
{
	visitor_say(visitor, "{\"action\":\"subscribe\",\"room\":\"%s\",\"since\":{\"epoch\":\"%s\",\"offset\":%lld}}",
	            room, epoch, offset);
	return of_type(visitor_next(visitor), "subscribed");
}

static void a_restart_loses_nothing(void **state)
{
	struct visitor visitor;
	char before[24], after[24];
	long long offset;
	wsm_delivery delivery;
	json_t *answer;

	(void)state;
	delivery = host_send(&host, "kept:1", "n", "{\"n\":1}");
	assert_true(delivery.stored);
	assert_int_equal(delivery.offset, 1);
	host_send_run(&host, "kept:1", 2, 20);
	position("kept:1", before, &offset);
	assert_int_equal(offset, 20);
	restart();
	position("kept:1", after, &offset);
	assert_string_equal(before, after);
	assert_int_equal(offset, 20);
	visitor_open(&visitor, host.port, "/ws");
	answer = subscribe_since(&visitor, "kept:1", before, 5);
	assert_true(true_at(answer, "data.recovered"));
	assert_int_equal(number_at(answer, "data.replayed"), 15);
	json_decref(answer);
	expect_run(&visitor, 6, 20);
	delivery = host_send(&host, "kept:1", "n", "{\"n\":21}");
	assert_int_equal(delivery.offset, 21);
	expect_run(&visitor, 21, 21);
	visitor_leave(&visitor);
}

/* More than memory holds, and than a queue takes at once. */
static void recovery_reads_what_memory_does_not_hold(void **state)
{
	struct visitor visitor;
	char epoch[24];
	long long offset;
	json_t *answer;

	(void)state;
	host_send_run(&host, "kept:long", 1, 3000);
	position("kept:long", epoch, &offset);
	visitor_open(&visitor, host.port, "/ws");
	answer = subscribe_since(&visitor, "kept:long", epoch, 1);
	assert_true(true_at(answer, "data.recovered"));
	json_decref(answer);
	expect_run(&visitor, 2, 3000);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	answer = host_ask(&host, WSM_QUERY_HISTORY, "kept:long");
	assert_int_equal(json_array_size(at(answer, "messages")), 1000);
	assert_int_equal(number_at(json_array_get(at(answer, "messages"), 999), "offset"), 3000);
	json_decref(answer);
}

static void a_room_in_memory_begins_anew(void **state)
{
	char before[24], after[24];
	long long offset;
	wsm_delivery delivery;

	(void)state;
	delivery = host_send(&host, "other", "n", "{\"n\":1}");
	assert_false(delivery.stored);
	position("other", before, &offset);
	restart();
	position("other", after, &offset);
	assert_string_not_equal(before, after);
	assert_int_equal(offset, 0);
}

static void a_room_that_leaves_the_disk_has_another_epoch(void **state)
{
	struct visitor visitor;
	char first[24], second[24], third[24];
	long long offset;
	json_t *message;

	(void)state;
	host_send_run(&host, "kept:m", 1, 3);
	position("kept:m", first, &offset);
	visitor_open(&visitor, host.port, "/ws");
	json_decref(subscribe_since(&visitor, "kept:m", first, 3));
	rule("kept:m", "store", "memory");
	host_send(&host, "kept:m", "n", "{\"n\":4}");
	message = of_type(visitor_next(&visitor), "gap"); /* it stands at a position that is good no longer */
	assert_string_not_equal(text_at(message, "data.epoch"), first);
	snprintf(second, sizeof(second), "%s", text_at(message, "data.epoch"));
	json_decref(message);
	expect_run(&visitor, 4, 4);
	rule("kept:m", "store", "disk");
	host_send(&host, "kept:m", "n", "{\"n\":4}"); /* goes on from what is on file */
	message = of_type(visitor_next(&visitor), "gap");
	snprintf(third, sizeof(third), "%s", text_at(message, "data.epoch"));
	json_decref(message);
	assert_string_not_equal(third, first);
	assert_string_not_equal(third, second);
	expect_run(&visitor, 4, 4);
	visitor_leave(&visitor);
}

/* While it is published to as fast as can be; every message comes once, and offsets rise by one within an epoch. */
static void a_room_leaves_and_comes_back_under_load(void **state)
{
	struct visitor visitor;
	char epoch[24], now[24];
	long long offset, last = 0;
	json_t *message;

	(void)state;
	position("kept:load", epoch, &offset);
	visitor_open(&visitor, host.port, "/ws");
	json_decref(subscribe_since(&visitor, "kept:load", epoch, 0));
	for (unsigned i = 0; i < 10; i++) {
		rule("kept:load", "store", i % 2 ? "disk" : "memory");
		host_send_run(&host, "kept:load", i * 100 + 1, i * 100 + 100);
	}
	for (int n = 1; n <= 1000;) {
		message = visitor_next(&visitor);
		if (!strcmp(text_at(message, "type"), "gap")) {
			snprintf(now, sizeof(now), "%s", text_at(message, "data.epoch"));
			assert_string_not_equal(now, epoch);
			memcpy(epoch, now, sizeof(now));
			last = number_at(message, "data.offset");
		} else {
			assert_int_equal(number_at(of_type(message, "n"), "data.n"), n++);
			assert_int_equal(number_at(message, "offset"), last + 1);
			last++;
		}
		json_decref(message);
	}
	visitor_leave(&visitor);
}

static void disk_needs_a_file(void **state)
{
	struct host plain;
	wsm_error error = { 0 };

	(void)state;
	host_make(&plain, "port", "0", NULL);
	assert_int_equal(wsm_room_rule_set(plain.runtime, wsm__str("a"), wsm__str("store"), wsm__str("disk"), &error),
	                 WSM_ENOSTORE);
	assert_non_null(strstr(error.message, "WEBSOCKET_STORE"));
	wsm_runtime_free(plain.runtime);
	close(plain.wake);
}

static void the_file_is_for_one_process_and_nobody_elses_eyes(void **state)
{
	struct host second;
	wsm_error error = { 0 };
	struct stat status;

	(void)state;
	assert_int_equal(stat(file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	if (fcntl(0, F_GETFD) < 0)
		assert_int_equal(open("/dev/null", O_RDONLY), 0);
	host_make(&second, "port", "0", "store", file, NULL);
	assert_int_equal(wsm_runtime_start(second.runtime, &error), WSM_ELOCKED);
	assert_non_null(strstr(error.message, file));
	assert_true(fcntl(0, F_GETFD) >= 0); /* what did not start closes nothing that is not its own */
	wsm_runtime_free(second.runtime);
	close(second.wake);
}

static void a_second_with_the_same_id_is_not_sent(void **state)
{
	wsm_slice room = wsm__str("kept:once");
	wsm_publication publication = {
		.target = WSM_TO_ROOM, .ids = &room, .n_ids = 1, .type = wsm__str("n"), .once = wsm__str("job-1")
	};
	wsm_delivery first, second;

	(void)state;
	first = host_publish(&host, &publication, "{\"n\":1}");
	host_send(&host, "kept:once", "n", "{\"n\":2}");
	restart();
	second = host_publish(&host, &publication, "{\"n\":1}");
	assert_true(second.duplicate);
	assert_int_equal(second.offset, first.offset);
	assert_string_equal(second.epoch, first.epoch);
}

static long long sent_on_file(const char *room)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	long long sent = -1;

	assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, WAIT_SECS * 1000);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT sent FROM rooms WHERE name = CAST(?1 AS BLOB)", -1, &statement, NULL),
		SQLITE_OK);
	sqlite3_bind_text(statement, 1, room, -1, SQLITE_STATIC);
	if (sqlite3_step(statement) == SQLITE_ROW)
		sent = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return sent;
}

static void await_sent(const char *room, long long offset)
{
	uint64_t until = now_ms() + WAIT_SECS * 1000u;

	while (sent_on_file(room) < offset && now_ms() < until)
		poll(NULL, 0, 1);
	assert_int_equal(sent_on_file(room), offset);
}

/* A process that is killed has no time to look who was sent what: so the file knows while they are there. */
static void what_a_user_was_sent_is_on_file_before_he_leaves(void **state)
{
	wsm_decision decision = { .allow = true, .user_id = wsm__str("7") };
	wsm_slice user = wsm__str("7");
	wsm_publication publication = { .target = WSM_TO_USER, .ids = &user, .n_ids = 1, .type = wsm__str("n") };
	struct visitor visitor;
	wsm_event *event;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	host_publish(&host, &publication, "{\"n\":1}"); /* to nobody: it is read from history */
	visitor_try(&visitor, host.port, "/ws", NULL);
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	assert_int_equal(wsm_authenticated(host.runtime, event->ticket, &decision, NULL), WSM_OK);
	wsm_event_free(event);
	json_decref(of_type(visitor_next(&visitor), "connected"));
	expect_run(&visitor, 1, 1);
	await_sent("@user:7", 1);
	host_publish(&host, &publication, "{\"n\":2}");
	expect_run(&visitor, 2, 2);
	await_sent("@user:7", 2);
	visitor_leave(&visitor);
}

/* The store has the ids of what it keeps, memory those of all: a room may change its log, and a message may be sent without history. */
static void an_id_is_known_wherever_its_room_goes(void **state)
{
	static const unsigned flags[] = { 0, WSM_PUBLISH_NO_HISTORY };
	wsm_slice room = wsm__str("kept:both");
	wsm_publication publication = {
		.target = WSM_TO_ROOM, .ids = &room, .n_ids = 1, .type = wsm__str("n"), .once = wsm__str("job-1")
	};
	wsm_delivery first, second;

	(void)state;
	first = host_publish(&host, &publication, "{\"n\":1}");
	assert_true(first.stored);
	for (int i = 0; i < 2; i++) {
		publication.flags = flags[i];
		second = host_publish(&host, &publication, "{\"n\":2}");
		assert_true(second.duplicate);
		assert_true(second.stored); /* it is in the file */
		assert_int_equal(second.offset, 1);
		assert_string_equal(second.epoch, first.epoch);
	}
	publication.flags = 0;
	rule("kept:both", "store", "memory");
	second = host_publish(&host, &publication, "{\"n\":3}");
	assert_true(second.duplicate);
	assert_string_equal(second.epoch, first.epoch);
	publication.once = wsm__str("job-2");
	first = host_publish(&host, &publication, "{\"n\":4}");
	rule("kept:both", "store", "disk");
	second = host_publish(&host, &publication, "{\"n\":5}");
	assert_true(second.duplicate);
	assert_string_equal(second.epoch, first.epoch);
	assert_int_equal(host_stat(&host, "once"), 2);
}

/* Between the two nobody orders it: what is published waits, also a second one with an id. */
static void an_id_is_known_while_its_room_leaves_the_disk(void **state)
{
	wsm_slice room = wsm__str("kept:leaving");
	wsm_publication publication = {
		.target = WSM_TO_ROOM, .ids = &room, .n_ids = 1, .type = wsm__str("n"), .once = wsm__str("job-1")
	};
	wsm_receipt *first;
	wsm_delivery second, outcome;

	(void)state;
	host_send(&host, "kept:leaving", "n", "{\"n\":1}");
	rule("kept:leaving", "store", "memory");
	assert_int_equal(wsm_publish(host.runtime, &publication, "{\"n\":2}", 7, &first, NULL), WSM_OK);
	second = host_publish(&host, &publication, "{\"n\":3}");
	assert_true(wsm_receipt_done(first, &outcome));
	wsm_receipt_unref(first);
	assert_false(outcome.duplicate);
	assert_false(outcome.stored);
	assert_true(second.duplicate);
	assert_int_equal(second.offset, outcome.offset);
	assert_string_equal(second.epoch, outcome.epoch);
	assert_int_equal(host_send(&host, "kept:leaving", "n", "{\"n\":4}").offset, outcome.offset + 1);
}

/* A worker that was forked must not keep the file from the next process of the server. */
static void a_fork_does_not_hold_the_file(void **state)
{
	int ready[2], over[2];
	char byte = 0;
	pid_t child;

	(void)state;
	host_send(&host, "kept:1", "n", "{\"n\":1}");
	assert_int_equal(pipe(ready) | pipe(over), 0);
	child = fork();
	if (!child) { /* it knows nothing of ours */
		close(over[1]);
		if (write(ready[1], &byte, 1) == 1 && read(over[0], &byte, 1) >= 0) /* until the parent closes it */
			_exit(0);
		_exit(1);
	}
	close(over[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	restart(); /* with the child alive */
	close(over[1]);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
	const struct CMUnitTest tests[] = {
		CASE(a_restart_loses_nothing),
		CASE(recovery_reads_what_memory_does_not_hold),
		CASE(a_room_in_memory_begins_anew),
		CASE(a_room_that_leaves_the_disk_has_another_epoch),
		CASE(a_room_leaves_and_comes_back_under_load),
		CASE(disk_needs_a_file),
		CASE(the_file_is_for_one_process_and_nobody_elses_eyes),
		CASE(a_second_with_the_same_id_is_not_sent),
		CASE(what_a_user_was_sent_is_on_file_before_he_leaves),
		CASE(an_id_is_known_wherever_its_room_goes),
		CASE(an_id_is_known_while_its_room_leaves_the_disk),
		CASE(a_fork_does_not_hold_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
