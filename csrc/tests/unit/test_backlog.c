/* What becomes of a subscriber's backlog, by room: recover, drop_oldest, latest, disconnect; and the order inside a room. */
#include "rooms.h"

static void policy(struct hall *hall, const char *room, enum wsm__backlog backlog)
{
	room_of(hall, room)->settings.backlog = backlog;
}

/* ---- order ------------------------------------------------------------------------------------------------------ */

static void what_has_no_offset_keeps_its_place_among_those_that_have(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 32, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 8; i++)
		publish(&hall, "a", "aa");
	publish(&hall, "a", "a8"); /* and lags */
	publish(&hall, "a", "p1", .plain = true);
	publish(&hall, "a", "a9");
	publish(&hall, "a", "p2", .plain = true);
	deliver_to(&hall, 0, "me", (struct how){ .size = 0 });
	assert_string_equal(waiting(&hall, 0), "me"); /* of another room: does not wait for this one */
	check_sums(&hall);
	assert_string_equal(flush_all(&hall, 0), "me aa aa aa aa aa aa aa aa a8 p1 a9 p2");
	assert_int_equal(fate(&hall, WSM__WRITTEN), 13);
	hall_fini(&hall);
}

static void what_waits_behind_a_recalled_one_goes_with_it(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 24, 16);
	join(&hall, 0, "a");
	join(&hall, 0, "b");
	publish(&hall, "a", "p0", .plain = true);
	publish(&hall, "a", "a1");
	publish(&hall, "a", "p1", .plain = true);
	publish(&hall, "b", "q1", .plain = true);
	publish(&hall, "a", "a2");
	publish(&hall, "a", "p2", .plain = true);
	publish(&hall, "b", "b1"); /* takes back a1 and a2 */
	assert_string_equal(waiting(&hall, 0), "p0 q1 b1");
	check_sums(&hall);
	assert_string_equal(flush_all(&hall, 0), "p0 q1 b1 a1 p1 a2 p2");
	hall_fini(&hall);
}

static void the_firehose_keeps_that_order_too(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	wsm__firehose_join(&hall.registry, &hall.subs[0], WSM_LEVEL_NONE);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "q1", .plain = true);
	publish(&hall, "b", "b1");
	publish(&hall, "a", "a2");
	publish(&hall, "a", "a3"); /* and lags */
	publish(&hall, "b", "q2", .plain = true);
	publish(&hall, "b", "b2");
	check_sums(&hall);
	assert_string_equal(flush_all(&hall, 0), "a1 q1 b1 a2 a3 q2 b2");
	hall_fini(&hall);
}

static void the_firehose_has_a_level(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	wsm__firehose_join(&hall.registry, &hall.subs[0], WSM_WARNING);
	for (int i = 0; i < 4; i++) { /* live, and from history */
		assert_int_equal(publish(&hall, "a", "d", .level = WSM_DEBUG), 0);
		assert_int_equal(publish(&hall, "a", "e", .level = WSM_ERROR, .size = 3), 1);
		assert_int_equal(publish(&hall, "a", "x", .size = 3), 1);
	}
	assert_true(hall.subs[0].firehose_lagging);
	assert_string_equal(flush_all(&hall, 0), "e x e x e x e x");
	hall_fini(&hall);
}

static void of_those_held_back_the_newest_of_a_key_stays(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 5; i++)
		publish(&hall, "a", "aa");
	publish(&hall, "a", "k1", .key = 5);
	publish(&hall, "a", "p1", .plain = true);
	publish(&hall, "a", "a6");
	publish(&hall, "a", "k2", .key = 5);
	assert_int_equal(fate(&hall, WSM__CONFLATED), 1);
	assert_string_equal(flush_all(&hall, 0), "aa aa aa aa aa p1 a6 k2");
	hall_fini(&hall);
}

static void who_leaves_is_owed_nothing_that_was_held_back(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 5; i++)
		publish(&hall, "a", "aa");
	publish(&hall, "a", "p1", .plain = true);
	leave(&hall, 0, "a");
	assert_int_equal(hall.subs[0].held_bytes, 0);
	assert_int_equal(fate(&hall, WSM__DROPPED_LEFT), 6);
	check_sums(&hall);
	assert_string_equal(flush_all(&hall, 0), "");
	hall_fini(&hall);
}

static void a_lag_with_something_critical_is_refilled_first(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	join(&hall, 0, "b");
	for (int i = 0; i < 5; i++)
		publish(&hall, "a", "aa");
	for (int i = 0; i < 2; i++)
		publish(&hall, "b", "bbbbbbbbbb");
	publish(&hall, "b", "B3", .priority = WSM_CRITICAL);
	flush_one(&hall, 0);
	assert_string_equal(waiting(&hall, 0), "bbbbbbbbbb");
	assert_string_equal(flush_all(&hall, 0), "bbbbbbbbbb bbbbbbbbbb B3 aa aa aa aa aa");
	hall_fini(&hall);
}

/* ---- drop_oldest ------------------------------------------------------------------------------------------------ */

static void the_oldest_go_and_the_client_stays(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 32, 0);
	policy(&hall, "a", WSM__DROP_OLDEST);
	join(&hall, 0, "a");
	join(&hall, 0, "b");
	publish(&hall, "b", "b0", .plain = true);
	for (int i = 1; i <= 9; i++) {
		char word[3] = { 'a', (char)('0' + i), 0 };

		assert_int_equal(publish(&hall, "a", word, .plain = true), 1);
	}
	/* Down to three quarters of max_queue with each overflow, and not b's. */
	assert_string_equal(waiting(&hall, 0), "b0 a4 a5 a6 a7 a8 a9");
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 3);
	assert_false(hall.subs[0].overflow);
	hall_fini(&hall);
}

static void the_critical_go_last(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 0);
	policy(&hall, "a", WSM__DROP_OLDEST);
	join(&hall, 0, "a");
	publish(&hall, "a", "C1", .plain = true, .priority = WSM_CRITICAL);
	publish(&hall, "a", "a2", .plain = true);
	publish(&hall, "a", "C3", .plain = true, .priority = WSM_CRITICAL);
	publish(&hall, "a", "a4", .plain = true);
	publish(&hall, "a", "a5", .plain = true);
	assert_string_equal(waiting(&hall, 0), "C1 C3 a5");
	for (int i = 6; i <= 8; i++)
		publish(&hall, "a", "CC", .plain = true, .priority = WSM_CRITICAL);
	assert_string_equal(waiting(&hall, 0), "C3 CC CC CC"); /* no other is left: the oldest of them */
	assert_int_equal(publish(&hall, "a", "a9", .plain = true), 0);
	assert_string_equal(waiting(&hall, 0), "C3 CC CC CC");
	assert_false(hall.subs[0].overflow);
	hall_fini(&hall);
}

static void with_offsets_the_client_is_told_of_the_gap(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 32, 64);
	hall.tell_gaps = true;
	policy(&hall, "a", WSM__DROP_OLDEST);
	join(&hall, 0, "a");
	for (int i = 1; i <= 20; i++) {
		char word[16];

		snprintf(word, sizeof(word), "%02d", i);
		publish(&hall, "a", word, .priority = i == 5 ? WSM_CRITICAL : WSM_NORMAL);
	}
	assert_string_equal(waiting(&hall, 0), "");
	check_sums(&hall);
	/* The newest half of a queue, and what is critical among those that are passed over. */
	assert_string_equal(flush_all(&hall, 0), "gap:a:4 05 gap:a:16 17 18 19 20");
	assert_string_equal(hall.gap_text, "a 4 4, a 16 11");
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 15);
	/* Who recovers after a reconnection has not fallen behind: it gets all. */
	join_since(&hall, 1, "a", 0);
	refill(&hall, 1);
	assert_string_equal(flush_all(&hall, 1), "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20");
	assert_int_equal(hall.registry.deliveries.replayed, 20);
	hall_fini(&hall);
}

/* What has been sent ahead of a gap is not taken back: it would come again behind it. */
static void what_waits_ahead_of_a_gap_stays_there(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 64, 64);
	hall.tell_gaps = true;
	policy(&hall, "a", WSM__DROP_OLDEST);
	join(&hall, 0, "a");
	for (int i = 1; i <= 30; i++)
		publish(&hall, "a", i == 2 ? "CC" : "aa", .priority = i == 2 ? WSM_CRITICAL : WSM_NORMAL);
	refill(&hall, 0);
	assert_string_equal(waiting(&hall, 0), "gap:a:1 CC gap:a:22 aa aa aa");
	control(&hall, 0, "an-answer-that-finds-no-room-there"); /* but if something is taken back */
	assert_string_equal(waiting(&hall, 0), "gap:a:1 CC gap:a:22 an-answer-that-finds-no-room-there");
	check_sums(&hall);
	flush_one(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "aa aa aa aa aa aa aa aa");
	hall_fini(&hall);
}

static void dropping_is_for_messages_without_an_offset_that_are_held_back_too(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	policy(&hall, "a", WSM__DROP_OLDEST);
	join(&hall, 0, "a");
	for (int i = 0; i < 5; i++)
		publish(&hall, "a", "aa");
	for (int i = 1; i <= 6; i++) {
		char word[3] = { 'p', (char)('0' + i), 0 };

		assert_int_equal(publish(&hall, "a", word, .plain = true), 1);
	}
	assert_false(hall.subs[0].overflow);
	assert_string_equal(flush_all(&hall, 0), "aa aa p3 p4 p5 p6");
	hall_fini(&hall);
}

/* ---- latest ----------------------------------------------------------------------------------------------------- */

static void too_many_keys_are_dropped_oldest_first(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	policy(&hall, "a", WSM__LATEST);
	join(&hall, 0, "a");
	for (int i = 1; i <= 5; i++) {
		char word[3] = { 'k', (char)('0' + i), 0 };

		publish(&hall, "a", word, .key = (uint64_t)i);
	}
	publish(&hall, "a", "K4", .key = 4);
	assert_string_equal(waiting(&hall, 0), "k3 K4 k5");
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 2);
	assert_int_equal(fate(&hall, WSM__CONFLATED), 1);
	assert_false(hall.subs[0].overflow);
	hall_fini(&hall);
}

/* ---- disconnect ------------------------------------------------------------------------------------------------- */

static void who_falls_behind_there_is_closed_though_history_has_it(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	policy(&hall, "a", WSM__DISCONNECT);
	join(&hall, 0, "a");
	wsm__firehose_join(&hall.registry, &hall.subs[1], WSM_LEVEL_NONE);
	for (int i = 0; i < 4; i++)
		assert_int_equal(publish(&hall, "a", "aa"), 2);
	assert_int_equal(publish(&hall, "a", "ll", .priority = WSM_LOW), 1); /* low, but not to be missed in silence */
	assert_true(hall.subs[0].overflow);
	assert_false(hall.subs[1].overflow); /* one room does not close the firehose */
	assert_int_equal(fate(&hall, WSM__DROPPED_CLOSED), 1);
	check_sums(&hall);
	assert_string_equal(flush_all(&hall, 1), "aa aa aa aa ll");
	hall_fini(&hall);
}

static void recovery_is_not_falling_behind(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	policy(&hall, "a", WSM__DISCONNECT);
	for (int i = 0; i < 9; i++)
		publish(&hall, "a", "aa");
	join_since(&hall, 0, "a", 0);
	refill(&hall, 0);
	publish(&hall, "a", "a9");
	assert_false(hall.subs[0].overflow);
	assert_string_equal(flush_all(&hall, 0), "aa aa aa aa aa aa aa aa aa a9");
	hall_fini(&hall);
}

/* ---- the sums --------------------------------------------------------------------------------------------------- */

static void each_end_of_a_delivery_is_counted_as_what_it_was(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 4);
	for (size_t i = 0; i < SUBS; i++)
		join(&hall, i, "a");
	for (int i = 0; i < 4; i++)
		publish(&hall, "a", "aa");
	flush_one(&hall, 0);
	for (int i = 0; i < 4; i++) /* 1, 2 and 3 lag, and the first four are evicted */
		publish(&hall, "a", "bb");
	assert_int_equal(fate(&hall, WSM__WRITTEN), 4);
	assert_int_equal(fate(&hall, WSM__WAITING), 7); /* the first one was evicted before it could be taken back */
	assert_int_equal(fate(&hall, WSM__LAGGING), 12);
	assert_int_equal(fate(&hall, WSM__DROPPED_GAP), 9);
	leave(&hall, 1, "a");
	wsm__sub_leave(&hall.registry, &hall.subs[2]);
	assert_int_equal(fate(&hall, WSM__DROPPED_LEFT), 4);
	assert_int_equal(fate(&hall, WSM__DROPPED_CLOSED), 4);
	join_level(&hall, 3, "a", WSM_ERROR); /* no level: still wanted */
	assert_string_equal(flush_all(&hall, 3), "aa bb bb bb bb");
	flush_all(&hall, 0);
	assert_int_equal(fate(&hall, WSM__WRITTEN), 13);
	assert_int_equal(wsm__deliveries_total(hall.registry.deliveries.fates), 32);
	assert_int_equal(hall.registry.deliveries.replayed, 0);
	hall_fini(&hall);
}

static void a_lagging_member_that_changes_its_level_changes_what_it_is_owed(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join_level(&hall, 0, "logs", WSM_INFO);
	for (int i = 0; i < 5; i++)
		publish(&hall, "logs", "ii", .level = WSM_INFO);
	publish(&hall, "logs", "d1", .level = WSM_DEBUG);
	publish(&hall, "logs", "e1", .level = WSM_ERROR);
	assert_int_equal(fate(&hall, WSM__LAGGING), 6);
	join_level(&hall, 0, "logs", WSM_ERROR);
	assert_int_equal(fate(&hall, WSM__LAGGING), 1);
	assert_int_equal(fate(&hall, WSM__DROPPED_LEFT), 5);
	join_level(&hall, 0, "logs", WSM_DEBUG);
	assert_int_equal(fate(&hall, WSM__LAGGING), 7);
	assert_int_equal(hall.registry.deliveries.replayed, 6);
	check_sums(&hall);
	assert_string_equal(flush_all(&hall, 0), "ii ii ii ii ii d1 e1");
	hall_fini(&hall);
}

static void only_what_comes_anew_is_a_replay(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 6; i++)
		publish(&hall, "a", "aa");
	flush_one(&hall, 0); /* nothing was sent: all of it went back to history, of which two wait now */
	assert_string_equal(waiting(&hall, 0), "aa aa");
	join_since(&hall, 0, "a", 0); /* it has nothing, as we know: all of it comes again, and is the same delivery */
	assert_int_equal(hall.registry.deliveries.replayed, 0);
	assert_int_equal(wsm__deliveries_total(hall.registry.deliveries.fates), 6);
	join_since(&hall, 0, "a", 4); /* it has got four, elsewhere */
	assert_int_equal(fate(&hall, WSM__DROPPED_LEFT), 4);
	refill(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "aa aa");
	join_since(&hall, 0, "a", 3); /* and wants three again */
	assert_int_equal(hall.registry.deliveries.replayed, 3);
	hall_fini(&hall);
}

static unsigned freed;
static void tally_freed(struct wsm__tally *tally)
{
	(void)tally;
	freed++;
}

static void a_tally_counts_its_publications_alone(void **state)
{
	struct wsm__tally tally = { .refs = 1, .free = tally_freed };
	struct hall hall;
	struct wsm__pub *pub;

	(void)state;
	freed = 0;
	hall_init(&hall, 16, 4);
	for (size_t i = 0; i < SUBS; i++)
		join(&hall, i, "a");
	publish(&hall, "a", "other");
	pub = word_pub("mine", (struct how){ .size = 0 });
	pub->tally = &tally;
	tally.refs++;
	wsm__room_publish(&hall.registry, room_of(&hall, "a"), pub, room_of(&hall, "a")->history.last + 1, hall.now);
	wsm__pub_unref(pub);
	flush_one(&hall, 0);
	publish(&hall, "a", "wide", .size = 3); /* the others lag */
	leave(&hall, 1, "a");
	wsm__sub_leave(&hall.registry, &hall.subs[2]);
	assert_int_equal(wsm__deliveries_total(tally.fates), 4);
	assert_int_equal(tally.fates[WSM__WRITTEN], 1);
	assert_int_equal(tally.fates[WSM__DROPPED_LEFT], 1);
	assert_int_equal(tally.fates[WSM__DROPPED_CLOSED], 1);
	assert_int_equal(tally.fates[WSM__LAGGING], 1);
	assert_true(tally.changed);
	assert_ptr_equal(hall.registry.deliveries.changed, &tally);
	hall.registry.deliveries.changed = NULL;
	tally.changed = false;
	wsm__tally_unref(&tally); /* the list's */
	for (int i = 0; i < 4; i++)
		publish(&hall, "a", "next"); /* history has moved on */
	assert_int_equal(tally.fates[WSM__DROPPED_GAP], 1);
	assert_int_equal(tally.fates[WSM__LAGGING], 0);
	assert_int_equal(tally.refs, 2); /* its publication is gone */
	hall.registry.deliveries.changed = NULL;
	wsm__tally_unref(&tally);
	wsm__tally_unref(&tally);
	assert_int_equal(freed, 1);
	hall_fini(&hall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_no_offset_keeps_its_place_among_those_that_have),
		cmocka_unit_test(what_waits_behind_a_recalled_one_goes_with_it),
		cmocka_unit_test(the_firehose_keeps_that_order_too),
		cmocka_unit_test(the_firehose_has_a_level),
		cmocka_unit_test(of_those_held_back_the_newest_of_a_key_stays),
		cmocka_unit_test(who_leaves_is_owed_nothing_that_was_held_back),
		cmocka_unit_test(a_lag_with_something_critical_is_refilled_first),
		cmocka_unit_test(the_oldest_go_and_the_client_stays),
		cmocka_unit_test(the_critical_go_last),
		cmocka_unit_test(with_offsets_the_client_is_told_of_the_gap),
		cmocka_unit_test(dropping_is_for_messages_without_an_offset_that_are_held_back_too),
		cmocka_unit_test(too_many_keys_are_dropped_oldest_first),
		cmocka_unit_test(who_falls_behind_there_is_closed_though_history_has_it),
		cmocka_unit_test(recovery_is_not_falling_behind),
		cmocka_unit_test(each_end_of_a_delivery_is_counted_as_what_it_was),
		cmocka_unit_test(a_lagging_member_that_changes_its_level_changes_what_it_is_owed),
		cmocka_unit_test(what_waits_ahead_of_a_gap_stays_there),
		cmocka_unit_test(only_what_comes_anew_is_a_replay),
		cmocka_unit_test(a_tally_counts_its_publications_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
