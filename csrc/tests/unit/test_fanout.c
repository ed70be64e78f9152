/* How a publication gets into outboxes, and what happens when one overflows. */
#include "rooms.h"

/* ---- whom it reaches -------------------------------------------------------------------------------------------- */

static void members_get_what_is_published_in_order(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, "a");
	join(&hall, 1, "a");
	join(&hall, 1, "b");
	assert_int_equal(publish(&hall, "a", "a1"), 2);
	assert_int_equal(hall.offset, 1);
	assert_int_equal(publish(&hall, "b", "b1"), 1);
	assert_int_equal(publish(&hall, "a", "a2"), 2);
	assert_int_equal(hall.offset, 2);
	assert_int_equal(publish(&hall, "c", "c1"), 0);
	assert_string_equal(waiting(&hall, 0), "a1 a2");
	assert_string_equal(waiting(&hall, 1), "a1 b1 a2");
	assert_string_equal(waiting(&hall, 2), "");
	assert_int_equal(hall.registry.stats.published, 4);
	assert_int_equal(wsm__deliveries_total(hall.registry.deliveries.fates), 5);
	hall_fini(&hall);
}

static void a_publication_without_history_has_no_offset(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "a", "plain", .plain = true);
	assert_int_equal(hall.offset, 0);
	publish(&hall, "a", "a2");
	assert_int_equal(hall.offset, 2);
	assert_string_equal(waiting(&hall, 0), "a1 plain a2");
	hall_fini(&hall);
}

static void a_level_keeps_the_lower_ones_away(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join_level(&hall, 0, "logs", WSM_WARNING);
	join(&hall, 1, "logs");
	assert_int_equal(publish(&hall, "logs", "debug", .level = WSM_DEBUG), 1);
	assert_int_equal(publish(&hall, "logs", "warning", .level = WSM_WARNING), 2);
	assert_int_equal(publish(&hall, "logs", "critical", .level = WSM_LEVEL_CRITICAL), 2);
	assert_int_equal(publish(&hall, "logs", "none"), 2);
	assert_string_equal(waiting(&hall, 0), "warning critical none");
	assert_string_equal(waiting(&hall, 1), "debug warning critical none");
	join_level(&hall, 0, "logs", WSM_DEBUG); /* asks for more from now on */
	publish(&hall, "logs", "info", .level = WSM_INFO);
	assert_string_equal(waiting(&hall, 0), "warning critical none info");
	hall_fini(&hall);
}

static void the_excluded_get_nothing(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	for (size_t i = 0; i < SUBS; i++)
		join(&hall, i, "a");
	assert_int_equal(publish(&hall, "a", "a1", .exclude = "u0"), 2); /* two connections of that user */
	assert_int_equal(publish(&hall, "a", "a2", .exclude = "c1"), 3);
	assert_string_equal(waiting(&hall, 0), "a2");
	assert_string_equal(waiting(&hall, 1), "a1");
	assert_string_equal(waiting(&hall, 2), "a1 a2");
	assert_string_equal(waiting(&hall, 3), "a2");
	hall_fini(&hall);
}

static void critical_goes_ahead_of_other_rooms_and_is_urgent(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, "a");
	join(&hall, 0, "b");
	control(&hall, 0, "greeting");
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	assert_ptr_equal(hall.registry.dirty, &hall.subs[0]);
	publish(&hall, "b", "B2", .priority = WSM_CRITICAL);
	assert_string_equal(waiting(&hall, 0), "greeting a1 b1 B2");
	publish(&hall, "c", "c1");
	join(&hall, 0, "c");
	publish(&hall, "c", "C2", .priority = WSM_CRITICAL);
	assert_string_equal(waiting(&hall, 0), "greeting a1 b1 B2 C2");
	assert_null(hall.registry.dirty);
	assert_ptr_equal(hall.registry.urgent, &hall.subs[0]);
	flush_one(&hall, 0);
	publish(&hall, "a", "a2");
	publish(&hall, "c", "C3", .priority = WSM_CRITICAL);
	assert_string_equal(waiting(&hall, 0), "C3 a2");
	hall_fini(&hall);
}

static void conflation_keeps_the_newest_of_a_key(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, "a");
	join(&hall, 1, "a");
	publish(&hall, "a", "10%", .key = 5);
	publish(&hall, "a", "x", .key = 6);
	flush_one(&hall, 1);
	assert_int_equal(publish(&hall, "a", "20%", .key = 5), 2);
	assert_string_equal(waiting(&hall, 0), "20% x");
	assert_string_equal(waiting(&hall, 1), "20%");
	assert_int_equal(fate(&hall, WSM__CONFLATED), 1);
	publish(&hall, "a", "done", .key = 5, .final = true);
	publish(&hall, "a", "0%", .key = 5);
	publish(&hall, "a", "1%", .key = 5);
	assert_string_equal(waiting(&hall, 0), "20% x done 1%");
	hall_fini(&hall);
}

static void a_message_to_one_client_says_whether_it_was_queued(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 20, 8); /* five frames of 2 + 2 */
	assert_true(deliver_to(&hall, 0, "l1", (struct how){ .priority = WSM_LOW }));
	assert_true(deliver_to(&hall, 0, "m1", (struct how){ .size = 0 }));
	assert_true(deliver_to(&hall, 0, "m2", (struct how){ .size = 0 }));
	assert_true(deliver_to(&hall, 0, "m3", (struct how){ .size = 0 }));
	assert_true(deliver_to(&hall, 0, "m4", (struct how){ .size = 0 }));
	/* The place is made by dropping l1; m5 itself is queued. */
	assert_true(deliver_to(&hall, 0, "m5", (struct how){ .size = 0 }));
	assert_string_equal(waiting(&hall, 0), "m1 m2 m3 m4 m5");
	assert_false(deliver_to(&hall, 0, "l2", (struct how){ .priority = WSM_LOW }));
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 2);
	assert_false(hall.subs[0].overflow);
	assert_false(deliver_to(&hall, 0, "m6", (struct how){ .size = 0 }));
	assert_true(hall.subs[0].overflow);
	assert_false(deliver_to(&hall, 0, "m7", (struct how){ .size = 0 }));
	hall_fini(&hall);
}

/* ---- max_queue -------------------------------------------------------------------------------------------------- */

static void the_queue_holds_exactly_max_queue(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 0);
	join(&hall, 0, "a");
	join(&hall, 1, "a");
	for (int i = 0; i < 3; i++)
		publish(&hall, "a", "xx", .plain = true);
	assert_int_equal(hall.subs[0].outbox.bytes, 12);
	assert_false(hall.subs[0].overflow);
	flush_one(&hall, 1);
	assert_int_equal(publish(&hall, "a", "y", .plain = true), 1); /* the one that is to be closed does not count */
	assert_true(hall.subs[0].overflow);
	assert_false(hall.subs[1].overflow);
	assert_int_equal(hall.subs[0].outbox.bytes, 12);
	hall_fini(&hall);
}

static void a_message_over_max_queue_goes_alone(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 8);
	join(&hall, 0, "a");
	join(&hall, 1, "a");
	publish(&hall, "a", "big", .size = 100, .plain = true);
	assert_string_equal(waiting(&hall, 0), "big");
	flush_one(&hall, 1);
	publish(&hall, "a", "x", .plain = true, .priority = WSM_LOW);
	assert_string_equal(waiting(&hall, 0), "big");
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 1);
	publish(&hall, "a", "a1"); /* this can be had again */
	assert_false(hall.subs[0].overflow);
	assert_string_equal(flush_all(&hall, 0), "big a1");
	hall_fini(&hall);
}

static void the_low_without_an_offset_go_first(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 8);
	join(&hall, 0, "a");
	publish(&hall, "a", "l1", .priority = WSM_LOW, .plain = true);
	publish(&hall, "a", "a1");
	publish(&hall, "a", "l2", .priority = WSM_LOW, .plain = true);
	publish(&hall, "a", "a2", .priority = WSM_LOW); /* low, but it has an offset */
	publish(&hall, "a", "a3");
	assert_string_equal(waiting(&hall, 0), "a1 a2 a3");
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 2);
	assert_int_equal(hall.registry.stats.lags, 0);
	hall_fini(&hall);
}

static void a_low_one_that_finds_no_place_is_dropped_and_not_counted_as_received(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 0);
	join(&hall, 0, "a");
	for (int i = 0; i < 3; i++)
		publish(&hall, "a", "xx", .plain = true);
	assert_int_equal(publish(&hall, "a", "ll", .plain = true, .priority = WSM_LOW), 0);
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 1);
	assert_false(hall.subs[0].overflow);
	hall_fini(&hall);
}

static void control_messages_make_room_like_others(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 8);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	publish(&hall, "a", "a3");
	control(&hall, 0, "beat");
	assert_false(hall.subs[0].overflow);
	assert_string_equal(flush_all(&hall, 0), "beat a1 a2 a3");
	control(&hall, 0, "one");
	control(&hall, 0, "two");
	control(&hall, 0, "three");
	assert_true(hall.subs[0].overflow);
	assert_ptr_equal(hall.registry.urgent, &hall.subs[0]); /* to be closed soon */
	hall_fini(&hall);
}

static void an_overflowed_subscriber_gets_nothing_more(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 8);
	join(&hall, 0, "a");
	for (int i = 0; i < 4; i++)
		publish(&hall, "a", "xx", .plain = true);
	assert_true(hall.subs[0].overflow);
	assert_int_equal(publish(&hall, "a", "a1"), 0);
	control(&hall, 0, "beat");
	assert_string_equal(waiting(&hall, 0), "xx xx xx");
	hall_fini(&hall);
}

/* What could not be queued is missing; whatever came after it would hide that until the connection is closed. */
static void nothing_is_refilled_behind_an_overflow(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 8);
	join(&hall, 0, "a");
	hall.gap_fails = true;
	for (int i = 0; i < 20; i++) /* more than history keeps */
		publish(&hall, "a", "xx");
	assert_string_equal(waiting(&hall, 0), "");
	wsm__refill(&hall.registry, &hall.subs[0], hall.now);
	assert_true(hall.subs[0].overflow);
	assert_string_equal(waiting(&hall, 0), "");
	hall_fini(&hall);
}

/* Keys by the hundred, each replaced by something larger: the bound holds for what takes a place, too. */
static void conflation_stays_within_max_queue(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 8);
	join(&hall, 0, "a");
	publish(&hall, "a", "k1", .key = 5, .priority = WSM_LOW);
	publish(&hall, "a", "l1", .key = 6, .priority = WSM_LOW);
	publish(&hall, "a", "xx", .plain = true);
	publish(&hall, "a", "k2", .key = 5, .priority = WSM_LOW);
	assert_string_equal(waiting(&hall, 0), "k2 l1 xx");
	publish(&hall, "a", "k3", .key = 5, .priority = WSM_LOW, .size = 2);
	assert_string_equal(waiting(&hall, 0), "xx k3"); /* at the place of others that are low, l1 */
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 1);
	publish(&hall, "a", "k4", .key = 5, .priority = WSM_LOW, .size = 20);
	assert_string_equal(waiting(&hall, 0),
	                    "xx"); /* the newest of the key finds no place: dropped like any low one */
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 2);
	hall_fini(&hall);
}

/* Alone, one may have any size; it is not alone while others are held back, until their room has come as far. */
static void conflation_counts_what_is_held_back(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 8);
	join(&hall, 0, "a");
	publish(&hall, "a", "k1", .key = 5);
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	publish(&hall, "a", "xx", .plain = true);
	assert_string_equal(waiting(&hall, 0), "k1"); /* a1 and a2 are in history, xx is held back */
	publish(&hall, "a", "k2", .key = 5, .priority = WSM_LOW, .size = 20);
	assert_true(hall.subs[0].outbox.bytes + hall.subs[0].held_bytes <= 12);
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 1);
	assert_string_equal(flush_all(&hall, 0), "a1 a2 xx");
	publish(&hall, "a", "k3", .key = 5);
	publish(&hall, "a", "k4", .key = 5, .size = 20);
	assert_int_equal(hall.subs[0].outbox.count, 1); /* nothing else waits */
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 1);
	hall_fini(&hall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_get_what_is_published_in_order),
		cmocka_unit_test(a_publication_without_history_has_no_offset),
		cmocka_unit_test(a_level_keeps_the_lower_ones_away),
		cmocka_unit_test(the_excluded_get_nothing),
		cmocka_unit_test(critical_goes_ahead_of_other_rooms_and_is_urgent),
		cmocka_unit_test(conflation_keeps_the_newest_of_a_key),
		cmocka_unit_test(a_message_to_one_client_says_whether_it_was_queued),
		cmocka_unit_test(the_queue_holds_exactly_max_queue),
		cmocka_unit_test(a_message_over_max_queue_goes_alone),
		cmocka_unit_test(the_low_without_an_offset_go_first),
		cmocka_unit_test(a_low_one_that_finds_no_place_is_dropped_and_not_counted_as_received),
		cmocka_unit_test(control_messages_make_room_like_others),
		cmocka_unit_test(an_overflowed_subscriber_gets_nothing_more),
		cmocka_unit_test(nothing_is_refilled_behind_an_overflow),
		cmocka_unit_test(conflation_stays_within_max_queue),
		cmocka_unit_test(conflation_counts_what_is_held_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
