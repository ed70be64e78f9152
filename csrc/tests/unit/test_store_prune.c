/* What a room keeps: by number, by bytes, by time; and what becomes of rooms that nobody wants any more. */
#include <sqlite3.h>

#include "store_scene.h"

/* Rows of messages in the file; the store may be open. */
static long long rows(const struct scene *scene, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *ask;
	long long n;

	assert_int_equal(sqlite3_open_v2(scene->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &ask, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(ask), SQLITE_ROW);
	n = sqlite3_column_int64(ask, 0);
	sqlite3_finalize(ask);
	sqlite3_close(db);
	return n;
}

/* The pruning that goes on by itself gets there. */
static void await_rows(const struct scene *scene, const char *sql, long long n)
{
	while (rows(scene, sql) != n)
		usleep(2000);
}

#define ALL "SELECT count(*) FROM messages"

static void no_more_than_its_size_is_read_and_little_more_is_kept(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_read page;

	(void)state;
	scene->rule.size = 100;
	scene_open(scene);
	room = scene_room(scene, "orders");
	for (size_t i = 0; i < 20; i++)
		scene_fill(scene, room.handle, 50, wsm__unix_ms());
	page = scene_read(scene, room.handle, 0, 5000);
	assert_int_equal(page.first, 901);
	assert_int_equal(page.n_rows, 100);
	assert_int_equal(page.top, 1000);
	wsm__store_job_fini(&page.job);
	assert_in_range(rows(scene, ALL), 100, 100 + 64 + 50); /* without any review */
	scene_review(scene, 0);
	await_rows(scene, ALL, 100);
	scene_close(scene);
	scene_open(scene);
	room = scene_room(scene, "orders");
	assert_int_equal(room.first, 901);
	assert_int_equal(room.top, 1000);
	scene_free(scene);
}

static void a_room_of_size_0_counts_on(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_read page;

	(void)state;
	scene->rule.size = 0;
	scene_open(scene);
	room = scene_room(scene, "orders");
	scene_fill(scene, room.handle, 10, wsm__unix_ms());
	page = scene_read(scene, room.handle, 0, 5000);
	assert_int_equal(page.first, 11);
	assert_int_equal(page.n_rows, 0);
	wsm__store_job_fini(&page.job);
	scene_review(scene, 0);
	await_rows(scene, ALL, 0);
	scene_close(scene);
	scene_open(scene);
	assert_int_equal(scene_append(scene, scene_room(scene, "orders").handle, "x"), 11);
	scene_free(scene);
}

static void no_more_than_its_bytes_is_kept(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_rooms rooms = { .limit = 1 };
	static char big[1000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	scene->rule.bytes = 20000;
	scene_open(scene);
	room = scene_room(scene, "orders");
	for (size_t i = 0; i < 50; i++)
		scene_append(scene, room.handle, big);
	scene_review(scene, 0);
	await_rows(scene, ALL, 20);
	assert_int_equal(scene_ask(scene, WSM__STORE_ROOMS, &rooms), WSM_OK);
	assert_int_equal(rooms.rooms[0].bytes, 20 * 999);
	assert_int_equal(rooms.rooms[0].first, 31);
	wsm__store_job_fini(&rooms.job);
	scene_free(scene);
}

static void what_has_expired_is_not_read_and_goes(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_read page;
	uint64_t now = wsm__unix_ms();

	(void)state;
	scene->rule.ttl_ms = 600000;
	scene_open(scene);
	room = scene_room(scene, "orders");
	scene_fill(scene, room.handle, 1200, now - 700000);
	scene_fill(scene, room.handle, 5, now);
	page = scene_read(scene, room.handle, 0, 5000);
	assert_int_equal(page.first, 1201);
	assert_int_equal(page.n_rows, 5);
	assert_int_equal(page.rows[0].offset, 1201);
	wsm__store_job_fini(&page.job);
	assert_int_equal(rows(scene, ALL), 1205);
	scene_review(scene, 0);
	await_rows(scene, ALL, 5);
	scene_free(scene);
}

static void nothing_goes_before_the_rules_are_known_to_be_complete(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders");
	scene_fill(scene, room.handle, 500, wsm__unix_ms());
	scene_set_rule(scene, (struct wsm__store_rule){ .size = 10 });
	/* The room's row is written by itself: what else goes on by itself has had its time then. */
	await_rows(scene, "SELECT top FROM rooms", 500);
	assert_int_equal(rows(scene, ALL), 500);
	scene_review(scene, 0);
	await_rows(scene, ALL, 10);
	scene_free(scene);
}

static void a_room_that_no_rule_calls_a_disk_room_is_kept_for_some_days(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_item item = {
		.kind = wsm__str("ban"), .key = wsm__str("a"), .value = wsm__str("b"), .expires_ms = 9
	};
	struct wsm__store_open_room room;
	sqlite3 *db;

	(void)state;
	scene->rule.size = 10;
	scene_open(scene);
	room = scene_room(scene, "memory");
	scene_fill(scene, room.handle, 700, wsm__unix_ms());
	wsm__store_close_room(scene->store, room.handle);
	scene_append(scene, scene_room(scene, "other").handle, "x");
	assert_int_equal(scene_ask(scene, WSM__STORE_PUT, &item), WSM_OK);
	scene_close(scene);
	scene_open(scene);
	scene_review(scene, 1);
	await_rows(scene, "SELECT count(*) FROM items", 0); /* it goes when all rooms have been looked at */
	scene_close(scene);
	assert_true(rows(scene, ALL) > 11);
	/* Eight days later. */
	assert_int_equal(sqlite3_open(scene->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE rooms SET gone = gone - 691200000, changed = changed - 691200000",
	                              NULL, NULL, NULL),
	                 SQLITE_OK);
	sqlite3_close(db);
	scene_open(scene);
	scene_review(scene, 1);
	await_rows(scene, "SELECT count(*) FROM rooms", 1);
	assert_int_equal(rows(scene, ALL), 1);
	scene_free(scene);
}

static void small_things_and_once_expire_from_the_file(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_item item = {
		.kind = wsm__str("ban"), .key = wsm__str("a"), .value = wsm__str("b"), .expires_ms = 9
	};

	(void)state;
	scene_open(scene);
	scene_append_once(scene, scene_room(scene, "orders").handle, "x", "id");
	assert_int_equal(scene_ask(scene, WSM__STORE_PUT, &item), WSM_OK);
	assert_int_equal(rows(scene, "SELECT count(*) FROM items"), 1);
	scene_review(scene, 0);
	await_rows(scene, "SELECT count(*) FROM items", 0);
	assert_int_equal(rows(scene, "SELECT count(*) FROM once"), 1); /* its five minutes are not over */
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_its_size_is_read_and_little_more_is_kept),
		cmocka_unit_test(a_room_of_size_0_counts_on),
		cmocka_unit_test(no_more_than_its_bytes_is_kept),
		cmocka_unit_test(what_has_expired_is_not_read_and_goes),
		cmocka_unit_test(nothing_goes_before_the_rules_are_known_to_be_complete),
		cmocka_unit_test(a_room_that_no_rule_calls_a_disk_room_is_kept_for_some_days),
		cmocka_unit_test(small_things_and_once_expire_from_the_file),
	};

	return cmocka_run_group_tests_name("store_prune", tests, NULL, NULL);
}
