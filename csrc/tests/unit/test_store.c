/* The store: rooms that are appended to and read from, their positions over a restart, and small things by key. */
#include "store_scene.h"

static void offsets_are_given_one_by_one_and_go_on_after_a_restart(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room, again;

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders");
	assert_int_equal(room.top, 0);
	assert_int_equal(room.first, 1);
	assert_int_equal(scene_append(scene, room.handle, "a"), 1);
	assert_int_equal(scene_append(scene, room.handle, "b"), 2);
	scene_close(scene);
	scene_open(scene);
	again = scene_room(scene, "orders");
	assert_string_equal(again.epoch, room.epoch);
	assert_int_equal(again.top, 2);
	assert_int_equal(again.first, 1);
	assert_int_equal(scene_append(scene, again.handle, "c"), 3);
	scene_free(scene);
}

static void a_page_has_what_was_appended(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_read page;

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders");
	scene_fill(scene, room.handle, 100, wsm__unix_ms());
	page = scene_read(scene, room.handle, 10, 5);
	assert_int_equal(page.n_rows, 5);
	assert_int_equal(page.first, 1);
	assert_int_equal(page.top, 100);
	assert_string_equal(page.epoch, room.epoch);
	for (size_t i = 0; i < page.n_rows; i++)
		assert_int_equal(page.rows[i].offset, 11 + i);
	assert_true(wsm__slice_is(page.rows[0].blob, "11"));
	assert_true(wsm__slice_is(page.rows[4].blob, "15"));
	wsm__store_job_fini(&page.job);
	page = scene_read(scene, room.handle, 98, 50);
	assert_int_equal(page.n_rows, 2);
	wsm__store_job_fini(&page.job);
	page = scene_read(scene, room.handle, 100, 50);
	assert_int_equal(page.n_rows, 0);
	wsm__store_job_fini(&page.job);
	page = scene_read(scene, room.handle, UINT64_MAX, 50);
	assert_int_equal(page.n_rows, 0);
	wsm__store_job_fini(&page.job);
	scene_free(scene);
}

static void a_page_is_bounded_by_bytes_but_has_one_row_at_least(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_read page = { .limit = 10, .max_bytes = 5 };

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders");
	scene_append(scene, room.handle, "eleven byte");
	scene_append(scene, room.handle, "abc");
	scene_append(scene, room.handle, "de");
	scene_append(scene, room.handle, "f");
	page.handle = room.handle;
	assert_int_equal(scene_ask(scene, WSM__STORE_READ, &page), WSM_OK);
	assert_int_equal(page.n_rows, 1);
	wsm__store_job_fini(&page.job);
	page.after = 1;
	assert_int_equal(scene_ask(scene, WSM__STORE_READ, &page), WSM_OK);
	assert_int_equal(page.n_rows, 2);
	wsm__store_job_fini(&page.job);
	scene_free(scene);
}

static void a_room_without_messages_leaves_nothing_in_the_file(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room one, two;
	struct wsm__store_rooms rooms = { .limit = 10 };

	(void)state;
	scene_open(scene);
	one = scene_room(scene, "probe");
	two = scene_room(scene, "probe");
	assert_string_equal(one.epoch, two.epoch);
	assert_int_not_equal(one.handle, two.handle);
	assert_int_equal(scene_ask(scene, WSM__STORE_ROOMS, &rooms), WSM_OK);
	assert_int_equal(rooms.n_rooms, 0);
	wsm__store_job_fini(&rooms.job);
	assert_int_equal(scene_append(scene, two.handle, "x"), 1);
	assert_int_equal(scene_append(scene, one.handle, "y"), 2);
	scene_close(scene);
	scene_open(scene);
	two = scene_room(scene, "probe");
	assert_string_equal(one.epoch, two.epoch);
	scene_free(scene);
}

static void handles_that_are_none_are_refused(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_append append;
	struct wsm__store_read read = { .handle = 99, .limit = 1 };
	struct wsm__store_job flush = { 0 };

	(void)state;
	scene_open(scene);
	append = scene_append_once(scene, 0, "x", NULL);
	assert_int_equal(append.job.status, WSM_EINVAL);
	assert_int_equal(scene_ask(scene, WSM__STORE_READ, &read), WSM_EINVAL);
	room = scene_room(scene, "orders");
	wsm__store_close_room(scene->store, room.handle);
	assert_int_equal(scene_ask(scene, WSM__STORE_FLUSH, &flush), WSM_OK);
	append = scene_append_once(scene, room.handle, "x", NULL);
	assert_int_equal(append.job.status, WSM_EINVAL);
	scene_free(scene);
}

static void once_is_kept_once(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room, other;
	struct wsm__store_append append;

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders");
	other = scene_room(scene, "others");
	scene_append(scene, room.handle, "before");
	append = scene_append_once(scene, room.handle, "x", "id-1");
	assert_false(append.duplicate);
	assert_int_equal(append.offset, 2);
	scene_append(scene, room.handle, "between");
	append = scene_append_once(scene, room.handle, "x", "id-1");
	assert_true(append.duplicate);
	assert_int_equal(append.offset, 2);
	assert_string_equal(append.epoch, room.epoch);
	append = scene_append_once(scene, other.handle, "x", "id-1");
	assert_false(append.duplicate);
	scene_close(scene);
	scene_open(scene);
	room = scene_room(scene, "orders");
	assert_int_equal(room.top, 3);
	append = scene_append_once(scene, room.handle, "x", "id-1");
	assert_true(append.duplicate);
	assert_int_equal(append.offset, 2);
	scene_free(scene);
}

static void a_renewed_room_has_another_epoch_and_goes_on(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room, again;
	struct wsm__store_append append;
	struct wsm__store_renew renew = { .room = wsm__str("orders") };

	(void)state;
	scene_open(scene);
	assert_int_equal(scene_ask(scene, WSM__STORE_RENEW, &renew), WSM_OK);
	assert_string_equal(renew.epoch, "");
	room = scene_room(scene, "orders");
	scene_append(scene, room.handle, "a");
	assert_int_equal(scene_ask(scene, WSM__STORE_RENEW, &renew), WSM_OK);
	assert_string_not_equal(renew.epoch, room.epoch);
	assert_true(strlen(renew.epoch) <= 23);
	append = scene_append_once(scene, room.handle, "b", NULL);
	assert_string_equal(append.epoch, renew.epoch);
	assert_int_equal(append.offset, 2);
	scene_close(scene);
	scene_open(scene);
	again = scene_room(scene, "orders");
	assert_string_equal(again.epoch, renew.epoch);
	assert_int_equal(again.top, 2);
	scene_free(scene);
}

static void rooms_that_are_no_disk_rooms_any_more_are_renewed_by_a_review(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room disk, memory, again;

	(void)state;
	scene_open(scene);
	disk = scene_room(scene, "disk");
	memory = scene_room(scene, "memory");
	scene_append(scene, disk.handle, "a");
	scene_append(scene, memory.handle, "a");
	scene_close(scene);
	scene_open(scene);
	scene_review(scene, 1);
	again = scene_room(scene, "disk");
	assert_string_equal(again.epoch, disk.epoch);
	again = scene_room(scene, "memory");
	assert_string_not_equal(again.epoch, memory.epoch);
	assert_int_equal(again.top, 1);
	scene_free(scene);
}

static void how_far_a_room_was_delivered_is_kept(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_job flush = { 0 };

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "@user:1");
	scene_fill(scene, room.handle, 9, wsm__unix_ms());
	wsm__store_sent(scene->store, room.handle, 4);
	wsm__store_sent(scene->store, room.handle, 7);
	wsm__store_sent(scene->store, room.handle, 5);
	assert_int_equal(scene_ask(scene, WSM__STORE_FLUSH, &flush), WSM_OK);
	assert_int_equal(scene_room(scene, "@user:1").sent, 7);
	scene_close(scene);
	scene_open(scene);
	assert_int_equal(scene_room(scene, "@user:1").sent, 7);
	scene_free(scene);
}

static void put(struct scene *scene, const char *kind, const char *key, const char *value, uint64_t expires_ms)
{
	struct wsm__store_item item = { .kind = wsm__str(kind), .key = wsm__str(key), .expires_ms = expires_ms };

	item.value = wsm__str(value);
	assert_int_equal(scene_ask(scene, WSM__STORE_PUT, &item), WSM_OK);
}

static void small_things_are_kept_by_kind_and_key(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_item item = { .kind = wsm__str("ban"), .key = wsm__str("c") };
	struct wsm__store_load load = { .kind = wsm__str("ban"), .limit = 2 };

	(void)state;
	scene_open(scene);
	put(scene, "ban", "a", "1", 0);
	put(scene, "ban", "b", "old", 0);
	put(scene, "ban", "b", "2", UINT64_C(4000000000000));
	put(scene, "ban", "c", "3", 0);
	put(scene, "ban", "d", "4", 0);
	put(scene, "ban", "expired", "5", 1000);
	put(scene, "revocation", "a", "6", 0);
	assert_int_equal(scene_ask(scene, WSM__STORE_DELETE, &item), WSM_OK);
	assert_int_equal(scene_ask(scene, WSM__STORE_DELETE, &item), WSM_OK);
	scene_close(scene);
	scene_open(scene);
	assert_int_equal(scene_ask(scene, WSM__STORE_LOAD, &load), WSM_OK);
	assert_int_equal(load.n_pairs, 2);
	assert_true(load.more);
	assert_true(wsm__slice_is(load.pairs[0].key, "a"));
	assert_true(wsm__slice_is(load.pairs[0].value, "1"));
	assert_true(wsm__slice_is(load.pairs[1].value, "2"));
	assert_int_equal(load.pairs[1].expires_ms, UINT64_C(4000000000000));
	wsm__store_job_fini(&load.job);
	load.after = wsm__str("b");
	assert_int_equal(scene_ask(scene, WSM__STORE_LOAD, &load), WSM_OK);
	assert_int_equal(load.n_pairs, 1);
	assert_false(load.more);
	assert_true(wsm__slice_is(load.pairs[0].key, "d"));
	wsm__store_job_fini(&load.job);
	scene_free(scene);
}

static void rooms_on_file_are_listed_page_by_page(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_rooms rooms = { .limit = 2 };
	static const char *const names[] = { "b", "a", "c" };

	(void)state;
	scene_open(scene);
	for (size_t i = 0; i < 3; i++)
		scene_fill(scene, scene_room(scene, names[i]).handle, 3 + i, wsm__unix_ms());
	assert_int_equal(scene_ask(scene, WSM__STORE_ROOMS, &rooms), WSM_OK);
	assert_int_equal(rooms.n_rooms, 2);
	assert_true(rooms.more);
	assert_true(wsm__slice_is(rooms.rooms[0].room, "a"));
	assert_int_equal(rooms.rooms[0].rows, 4);
	assert_int_equal(rooms.rooms[0].bytes, 4);
	assert_int_equal(rooms.rooms[0].top, 4);
	assert_int_equal(rooms.rooms[0].first, 1);
	assert_true(wsm__slice_is(rooms.rooms[1].room, "b"));
	wsm__store_job_fini(&rooms.job);
	rooms.after = wsm__str("b");
	assert_int_equal(scene_ask(scene, WSM__STORE_ROOMS, &rooms), WSM_OK);
	assert_int_equal(rooms.n_rooms, 1);
	assert_false(rooms.more);
	wsm__store_job_fini(&rooms.job);
	scene_free(scene);
}

struct order {
	struct wsm__store_append append;
	size_t *next, place;
	bool in_turn;
};

static void note_order(struct wsm__store_job *job)
{
	struct order *order = (struct order *)job;

	order->in_turn = order->place == (*order->next)++;
}

static void answers_come_in_the_order_of_submission_and_waiting_is_counted(void **state)
{
	enum { N = 2000 };
	struct scene *scene = scene_new();
	struct order *orders = calloc(N, sizeof(*orders));
	struct wsm__store_open_room room;
	struct wsm__store_figures figures;
	size_t next = 0;

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders");
	for (size_t i = 0; i < N; i++) {
		orders[i] = (struct order){ .next = &next, .place = i };
		orders[i].append.handle = room.handle;
		orders[i].append.blob = wsm__str("0123456789");
		orders[i].append.job = (struct wsm__store_job){ .kind = WSM__STORE_APPEND, .done = note_order };
		wsm__store_submit(scene->store, &orders[i].append.job);
	}
	scene_settle(scene);
	for (size_t i = 0; i < N; i++) {
		assert_true(orders[i].in_turn);
		assert_int_equal(orders[i].append.offset, i + 1);
	}
	assert_int_equal(wsm__store_waiting(scene->store), 0);
	wsm__store_figures(scene->store, &figures);
	assert_int_equal(figures.appended, N);
	assert_true(figures.commits > 0 && figures.commits < N);
	assert_int_equal(figures.state, WSM__STORE_UP);
	free(orders);
	scene_free(scene);
}

static void what_waits_at_the_end_is_run_and_answered(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_append appends[50] = { 0 };

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders");
	for (size_t i = 0; i < 50; i++) {
		appends[i].handle = room.handle;
		appends[i].blob = wsm__str("x");
		appends[i].job = (struct wsm__store_job){ .kind = WSM__STORE_APPEND, .done = scene_done };
		wsm__store_submit(scene->store, &appends[i].job);
	}
	scene_close(scene);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(appends[i].offset, i + 1);
	scene_open(scene);
	assert_int_equal(scene_room(scene, "orders").top, 50);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_given_one_by_one_and_go_on_after_a_restart),
		cmocka_unit_test(a_page_has_what_was_appended),
		cmocka_unit_test(a_page_is_bounded_by_bytes_but_has_one_row_at_least),
		cmocka_unit_test(a_room_without_messages_leaves_nothing_in_the_file),
		cmocka_unit_test(handles_that_are_none_are_refused),
		cmocka_unit_test(once_is_kept_once),
		cmocka_unit_test(a_renewed_room_has_another_epoch_and_goes_on),
		cmocka_unit_test(rooms_that_are_no_disk_rooms_any_more_are_renewed_by_a_review),
		cmocka_unit_test(how_far_a_room_was_delivered_is_kept),
		cmocka_unit_test(small_things_are_kept_by_kind_and_key),
		cmocka_unit_test(rooms_on_file_are_listed_page_by_page),
		cmocka_unit_test(answers_come_in_the_order_of_submission_and_waiting_is_counted),
		cmocka_unit_test(what_waits_at_the_end_is_run_and_answered),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
