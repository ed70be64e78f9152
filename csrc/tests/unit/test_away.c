/* What is published to a user while nobody is there, and how much memory such rooms may take. */
#include "rooms.h"

static const char *const USER = "@user:u0";

static void what_was_sent_while_away_comes_with_the_next_connection(void **state)
{
	struct hall hall;
	struct wsm__joined joined;

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, USER, "a1");
	publish(&hall, USER, "a2");
	assert_int_equal(hall.recipients, 0);
	joined = join(&hall, 0, USER);
	assert_false(joined.recovered);
	assert_int_equal(joined.offset, 0); /* what comes next is the first after it */
	refill(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "a1 a2");
	publish(&hall, USER, "a3");
	assert_string_equal(flush_all(&hall, 0), "a3");
	hall_fini(&hall);
}

static void it_comes_once(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, USER, "a1");
	join(&hall, 0, USER);
	refill(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "a1");
	join(&hall, 3, USER); /* another device, while the first is there */
	refill(&hall, 3);
	assert_string_equal(flush_all(&hall, 3), "");
	leave(&hall, 0, USER);
	leave(&hall, 3, USER);
	assert_int_equal(join(&hall, 0, USER).offset, 1);
	refill(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "");
	hall_fini(&hall);
}

static void what_never_left_the_outbox_comes_again(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, USER);
	publish(&hall, USER, "a1");
	flush_one(&hall, 0);
	publish(&hall, USER, "a2");
	publish(&hall, USER, "a3");
	wsm__sub_fini(&hall.registry, &hall.subs[0]); /* the socket was full, and is gone */
	assert_int_equal(join(&hall, 3, USER).offset, 1);
	refill(&hall, 3);
	assert_string_equal(flush_all(&hall, 3), "a2 a3");
	wsm__sub_init(&hall.subs[0]);
	hall_fini(&hall);
}

/* A connection that is being closed leaves its rooms first, and is still written what waits. */
static void what_got_out_behind_the_leave_does_not_come_again(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, USER);
	publish(&hall, USER, "a1");
	wsm__sub_leave(&hall.registry, &hall.subs[0]);
	assert_string_equal(flush_one(&hall, 0), "a1");
	wsm__sub_fini(&hall.registry, &hall.subs[0]);
	join(&hall, 3, USER);
	refill(&hall, 3);
	assert_string_equal(flush_all(&hall, 3), "");
	wsm__sub_init(&hall.subs[0]);
	hall_fini(&hall);
}

static void a_lagging_connection_counts_as_far_as_it_got(void **state)
{
	struct hall hall;
	struct how big = { .size = 40 };

	(void)state;
	hall_init(&hall, 60, 8);
	join(&hall, 0, USER);
	publish_how(&hall, USER, "a1", big);
	publish_how(&hall, USER, "a2", big);
	publish_how(&hall, USER, "a3", big);
	assert_true(wsm__sub_lags(&hall.subs[0]));
	flush_one(&hall, 0); /* refills a1 */
	flush_one(&hall, 0);
	leave(&hall, 0, USER);
	join(&hall, 3, USER);
	refill(&hall, 3);
	assert_string_equal(flush_all(&hall, 3), "a2 a3");
	hall_fini(&hall);
}

static void a_position_that_is_named_goes_before(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, USER);
	publish(&hall, USER, "a1");
	flush_one(&hall, 0);
	leave(&hall, 0, USER);
	publish(&hall, USER, "a2");
	assert_true(join_since(&hall, 3, USER, 0).recovered); /* this device has seen nothing yet */
	refill(&hall, 3);
	assert_string_equal(flush_all(&hall, 3), "a1 a2");
	hall_fini(&hall);
}

static void what_is_gone_by_then_is_said(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 2);
	for (int i = 0; i < 4; i++)
		publish(&hall, USER, "a");
	join(&hall, 0, USER);
	refill(&hall, 0);
	assert_string_equal(hall.gap_text, "@user:u0 2 2");
	assert_string_equal(flush_all(&hall, 0), "a a");
	hall_fini(&hall);
}

static void sessions_too_and_public_rooms_not(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "@session:s", "s1");
	publish(&hall, "p", "p1");
	publish(&hall, "@all", "x1");
	join(&hall, 0, "@session:s");
	join(&hall, 0, "p");
	join(&hall, 0, "@all");
	refill(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "s1");
	hall_fini(&hall);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void history_of_the_room_least_recently_published_to_goes_first(void **state)
{
	struct hall hall;
	size_t one;

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "a", "a1");
	one = hall.registry.history_bytes;
	assert_true(one > sizeof(struct wsm__room) + sizeof(struct wsm__pub));
	hall.registry.max_history_bytes = 3 * one;
	publish(&hall, "b", "b1");
	publish(&hall, "c", "c1");
	assert_int_equal(hall.registry.history_bytes, 3 * one);
	publish(&hall, "d", "d1");
	assert_int_equal(hall.registry.stats.evicted, 1);
	assert_int_equal(room_of(&hall, "a")->history.count, 0);
	assert_int_equal(room_of(&hall, "a")->history.last, 1); /* its position stays: who comes back is told */
	assert_int_equal(room_of(&hall, "b")->history.count, 1);
	assert_false(join_since(&hall, 0, "a", 0).recovered);
	publish(&hall, "a", "a2");
	assert_int_equal(room_of(&hall, "b")->history.count, 0);
	assert_int_equal(hall.registry.history_bytes, 3 * one);
	hall_fini(&hall);
	assert_int_equal(hall.registry.history_bytes, 0);
}

static void a_single_room_keeps_its_history(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	hall.registry.max_history_bytes = 1;
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	assert_int_equal(room_of(&hall, "a")->history.count, 2);
	assert_int_equal(hall.registry.stats.evicted, 0);
	hall_fini(&hall);
}

static void memory_is_counted_down_as_messages_grow_old(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	wsm__registry_expire(&hall.registry, hall.now + TTL_MS);
	assert_int_equal(hall.registry.history_bytes, 0);
	hall_fini(&hall);
}

/* ---- settings of a room ------------------------------------------------------------------------------------------ */

static atomic_uint version;
static uint32_t size_of_p;

static void settle(void *context, wsm_slice name, enum wsm__room_kind kind, struct wsm__room_settings *settings)
{
	(void)context;
	if (wsm__slice_is(name, "p"))
		settings->history.size = size_of_p;
	if (kind == WSM__ROOM_USER)
		settings->history.ttl_ms = 10 * TTL_MS;
}

static void a_room_keeps_as_much_as_its_rule_says(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	hall.registry.settle = settle;
	hall.registry.settings_version = &version;
	size_of_p = 2;
	for (int i = 0; i < 5; i++) {
		publish(&hall, "p", "p");
		publish(&hall, "q", "q");
	}
	assert_int_equal(room_of(&hall, "p")->history.count, 2);
	assert_int_equal(room_of(&hall, "q")->history.count, 5);
	size_of_p = 4; /* another rule, while the room is there */
	atomic_fetch_add(&version, 1);
	for (int i = 0; i < 5; i++)
		publish(&hall, "p", "p");
	assert_int_equal(room_of(&hall, "p")->history.count, 4);
	hall_fini(&hall);
}

static void rooms_of_each_age_are_let_go_in_their_time(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	hall.registry.settle = settle;
	hall.registry.settings_version = &version;
	publish(&hall, USER, "a1"); /* older, and to be kept longer */
	publish(&hall, "q", "q1");
	wsm__registry_expire(&hall.registry, hall.now + TTL_MS);
	assert_null(wsm__room_find(&hall.registry, wsm__str("q")));
	assert_non_null(wsm__room_find(&hall.registry, wsm__str(USER)));
	wsm__registry_expire(&hall.registry, hall.now + 10 * TTL_MS);
	assert_null(wsm__room_find(&hall.registry, wsm__str(USER)));
	hall_fini(&hall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sent_while_away_comes_with_the_next_connection),
		cmocka_unit_test(it_comes_once),
		cmocka_unit_test(what_never_left_the_outbox_comes_again),
		cmocka_unit_test(what_got_out_behind_the_leave_does_not_come_again),
		cmocka_unit_test(a_lagging_connection_counts_as_far_as_it_got),
		cmocka_unit_test(a_position_that_is_named_goes_before),
		cmocka_unit_test(what_is_gone_by_then_is_said),
		cmocka_unit_test(sessions_too_and_public_rooms_not),
		cmocka_unit_test(history_of_the_room_least_recently_published_to_goes_first),
		cmocka_unit_test(a_single_room_keeps_its_history),
		cmocka_unit_test(memory_is_counted_down_as_messages_grow_old),
		cmocka_unit_test(a_room_keeps_as_much_as_its_rule_says),
		cmocka_unit_test(rooms_of_each_age_are_let_go_in_their_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
