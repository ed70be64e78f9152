/* Lagging members: what overflow takes back, what history gives again, `since`, and the gap that is told. */
#include "rooms.h"

/* ---- overflow with history -------------------------------------------------------------------------------------- */

static void a_slow_member_lags_and_catches_up(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 16);
	join(&hall, 0, "a");
	for (int i = 1; i <= 5; i++) {
		char word[16];

		snprintf(word, sizeof(word), "a%d", i);
		assert_int_equal(publish(&hall, "a", word), 1); /* it will get them all */
	}
	assert_true(wsm__sub_lags(&hall.subs[0]));
	assert_int_equal(hall.registry.stats.lags, 1);
	assert_false(hall.subs[0].overflow);
	assert_string_equal(flush_all(&hall, 0), "a1 a2 a3 a4 a5");
	assert_int_equal(hall.gaps, 0);
	publish(&hall, "a", "a6");
	assert_string_equal(waiting(&hall, 0), "a6");
	hall_fini(&hall);
}

static void the_refill_fills_half_of_the_queue(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 9; i++)
		publish(&hall, "a", "xx");
	flush_one(&hall, 0);
	assert_string_equal(waiting(&hall, 0), "xx xx");
	assert_int_equal(hall.subs[0].outbox.bytes, 8);
	hall_fini(&hall);
}

static void only_the_rooms_with_history_are_taken_back(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	join(&hall, 0, "b");
	publish(&hall, "a", "a1");
	publish(&hall, "b", "p1", .plain = true);
	publish(&hall, "b", "b1");
	deliver_to(&hall, 0, "me", (struct how){ .size = 0 });
	publish(&hall, "b", "p2", .plain = true);
	assert_string_equal(waiting(&hall, 0), "p1 me");
	assert_int_equal(hall.subs[0].n_lagging, 2);
	assert_int_equal(hall.registry.stats.lags, 2);
	assert_string_equal(flush_all(&hall, 0), "p1 me a1 b1 p2"); /* p2 not ahead of b1, which is of its room */
	hall_fini(&hall);
}

/* The refill is on its way when the queue overflows again: the position goes back to what waits first. */
static void a_refill_can_be_taken_back_again(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	publish(&hall, "a", "a3");
	publish(&hall, "a", "a4");
	publish(&hall, "a", "a5");
	flush_one(&hall, 0);
	assert_string_equal(waiting(&hall, 0), "a1 a2");
	for (int i = 0; i < 3; i++)
		publish(&hall, "a", "pp", .plain = true);
	assert_string_equal(waiting(&hall, 0), "");
	assert_int_equal(hall.registry.stats.lags, 1); /* still the same one */
	assert_string_equal(flush_all(&hall, 0), "a1 a2 a3 a4 a5 pp pp pp");
	hall_fini(&hall);
}

static void catching_up_skips_what_is_not_for_the_member(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 16);
	join_level(&hall, 0, "logs", WSM_WARNING);
	for (int i = 0; i < 4; i++) {
		publish(&hall, "logs", "w", .level = WSM_WARNING);
		publish(&hall, "logs", "d", .level = WSM_DEBUG);
		publish(&hall, "logs", "x", .level = WSM_ERROR, .exclude = "c0");
	}
	publish(&hall, "logs", "ww", .level = WSM_WARNING);
	publish(&hall, "logs", "d", .level = WSM_DEBUG);
	assert_true(wsm__sub_lags(&hall.subs[0]));
	assert_string_equal(flush_all(&hall, 0), "w w w w ww");
	assert_int_equal(hall.gaps, 0);
	hall_fini(&hall);
}

static void one_message_after_the_other_when_each_is_over_the_bound(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 16);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1", .size = 50);
	publish(&hall, "a", "a2", .size = 50);
	publish(&hall, "a", "a3", .size = 50);
	assert_string_equal(flush_one(&hall, 0), ""); /* taken back, so that it is one run */
	assert_string_equal(flush_one(&hall, 0), "a1");
	assert_string_equal(flush_one(&hall, 0), "a2");
	assert_string_equal(flush_one(&hall, 0), "a3");
	assert_false(wsm__sub_lags(&hall.subs[0]));
	hall_fini(&hall);
}

static void no_room_waits_for_another_for_ever(void **state)
{
	struct hall hall;
	bool came = false;

	(void)state;
	hall_init(&hall, 16, 64);
	join(&hall, 0, "a");
	join(&hall, 0, "b");
	for (int i = 0; i < 4; i++)
		publish(&hall, "a", "aa");
	publish(&hall, "b", "bb");
	/* Room a is filled as fast as the socket drains. */
	for (int i = 0; i < 20 && !came; i++) {
		publish(&hall, "a", "aa");
		publish(&hall, "a", "aa");
		came = strstr(flush_one(&hall, 0), "bb") != NULL;
	}
	assert_true(came);
	hall_fini(&hall);
}

/* The socket takes one message at a time, and low ones come faster: what history keeps comes all the same. */
static void low_messages_do_not_keep_history_waiting(void **state)
{
	struct hall hall;
	char came[4096] = "";

	(void)state;
	hall_init(&hall, 32, 64);
	join(&hall, 0, "a");
	for (int i = 0; i < 9; i++)
		publish(&hall, "a", "aa");
	for (int i = 0; i < 60; i++) {
		struct wsm__outbox *outbox = &hall.subs[0].outbox;

		for (int k = 0; k < 3; k++)
			publish(&hall, "a", "ll", .plain = true, .priority = WSM_LOW);
		if (outbox->count) {
			hall.text[0] = '\0';
			add_word(&hall, wsm__outbox_at(outbox, 0));
			strcat(came, hall.text);
			wsm__sub_written(&hall.registry, &hall.subs[0], 1);
		}
		if (wsm__sub_lags(&hall.subs[0]))
			refill(&hall, 0);
	}
	for (char *at = came; (at = strstr(at, "ll")) != NULL;)
		memmove(at, at + 2, strlen(at + 2) + 1);
	assert_string_equal(came, "aaaaaaaaaaaaaaaaaa");
	assert_int_equal(hall.gaps, 0);
	hall_fini(&hall);
}

static void a_low_message_makes_no_room_lag(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 16);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	publish(&hall, "a", "a3");
	assert_int_equal(publish(&hall, "a", "ll", .plain = true, .priority = WSM_LOW), 0);
	assert_string_equal(waiting(&hall, 0), "a1 a2 a3");
	assert_int_equal(fate(&hall, WSM__DROPPED_OVERFLOW), 1);
	assert_int_equal(hall.registry.stats.lags, 0);
	hall_fini(&hall);
}

/* ---- the gap ---------------------------------------------------------------------------------------------------- */

static void what_history_has_lost_meanwhile_is_told(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 3);
	hall.tell_gaps = true;
	hall.registry.max_queue = 64;
	join(&hall, 0, "a");
	publish(&hall, "a", "a1", .size = 58);
	publish(&hall, "a", "a2");
	assert_true(wsm__sub_lags(&hall.subs[0]));
	publish(&hall, "a", "a3");
	publish(&hall, "a", "a4");
	publish(&hall, "a", "a5");
	publish(&hall, "a", "a6");
	assert_string_equal(flush_all(&hall, 0), "gap:a:3 a4 a5 a6");
	assert_string_equal(hall.gap_text, "a 3 3");
	assert_int_equal(hall.registry.stats.gaps, 1);
	hall_fini(&hall);
}

/* What history no longer has is worth more in the outbox than anywhere else. */
static void what_cannot_be_had_again_stays_in_the_outbox(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 20, 2);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	publish(&hall, "a", "a3");
	publish(&hall, "a", "a4");
	publish(&hall, "a", "a5");
	publish(&hall, "a", "a6"); /* history: a5 a6 */
	assert_string_equal(waiting(&hall, 0), "a1 a2 a3 a4");
	assert_true(wsm__sub_lags(&hall.subs[0]));
	assert_string_equal(flush_all(&hall, 0), "a1 a2 a3 a4 a5 a6");
	assert_int_equal(hall.gaps, 0);
	hall_fini(&hall);
}

static void the_time_of_a_lag_can_run_out(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 4; i++)
		publish(&hall, "a", "xx");
	assert_true(wsm__sub_lags(&hall.subs[0]));
	hall.now += TTL_MS;
	assert_string_equal(flush_all(&hall, 0), "");
	assert_string_equal(hall.gap_text, "a 4 4");
	publish(&hall, "a", "a5");
	assert_string_equal(waiting(&hall, 0), "a5");
	hall_fini(&hall);
}

/* ---- since ------------------------------------------------------------------------------------------------------ */

static void since_gives_what_was_missed_and_then_live(void **state)
{
	struct hall hall;
	struct wsm__joined joined;

	(void)state;
	hall_init(&hall, 4096, 16);
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	publish(&hall, "a", "a3");
	joined = join_since(&hall, 0, "a", 1);
	assert_true(joined.recovered);
	assert_int_equal(joined.replayed, 2);
	assert_int_equal(joined.offset, 3);
	control(&hall, 0, "subscribed");
	publish(&hall, "a", "a4"); /* before the refill */
	refill(&hall, 0);
	publish(&hall, "a", "a5");
	assert_string_equal(flush_all(&hall, 0), "subscribed a2 a3 a4 a5");
	assert_int_equal(hall.registry.stats.lags, 0); /* nobody was slow */
	hall_fini(&hall);
}

static void since_reaches_exactly_as_far_as_history(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 2);
	for (int i = 0; i < 5; i++)
		publish(&hall, "a", "xx");
	assert_false(join_since(&hall, 0, "a", 2).recovered); /* offset 3 is gone */
	assert_true(join_since(&hall, 1, "a", 3).recovered);
	assert_true(join_since(&hall, 2, "a", 5).recovered);
	assert_int_equal(join_since(&hall, 2, "a", 5).replayed, 0);
	assert_false(wsm__sub_lags(&hall.subs[2]));
	assert_false(join_since(&hall, 3, "a", 6).recovered); /* of the future */
	assert_int_equal(join_since(&hall, 3, "a", UINT64_MAX).recovered, false);
	refill(&hall, 1);
	assert_string_equal(waiting(&hall, 1), "xx xx");
	assert_string_equal(waiting(&hall, 0), "");
	hall_fini(&hall);
}

static void since_in_another_epoch_gives_nothing(void **state)
{
	struct hall hall;
	struct wsm__since since = { wsm__str("another"), 1 };
	struct wsm__joined joined;

	(void)state;
	hall_init(&hall, 4096, 16);
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	wsm__join(&hall.registry, &hall.subs[0], room_of(&hall, "a"), 0, &since, hall.now, &joined);
	assert_false(joined.recovered);
	assert_int_equal(joined.offset, 2);
	refill(&hall, 0);
	publish(&hall, "a", "a3");
	assert_string_equal(flush_all(&hall, 0), "a3");
	hall_fini(&hall);
}

static void since_after_the_time_of_history_is_not_recovered(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 16);
	publish(&hall, "a", "a1");
	hall.now += TTL_MS;
	assert_false(join_since(&hall, 0, "a", 0).recovered);
	assert_true(join_since(&hall, 1, "a", 1).recovered);
	hall_fini(&hall);
}

static void the_replay_leaves_out_what_is_not_for_the_member(void **state)
{
	struct hall hall;
	struct wsm__room *room;
	struct wsm__since since;
	struct wsm__joined joined;

	(void)state;
	hall_init(&hall, 4096, 16);
	publish(&hall, "logs", "d1", .level = WSM_DEBUG);
	publish(&hall, "logs", "w1", .level = WSM_WARNING);
	publish(&hall, "logs", "x1", .level = WSM_ERROR, .exclude = "u0");
	publish(&hall, "logs", "e1", .level = WSM_ERROR);
	room = room_of(&hall, "logs");
	since.epoch = wsm__str(room->epoch);
	since.offset = 0;
	wsm__join(&hall.registry, &hall.subs[0], room, WSM_WARNING, &since, hall.now, &joined);
	assert_int_equal(joined.replayed, 2);
	refill(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "w1 e1");
	hall_fini(&hall);
}

/* Subscribing again, with `since`, while messages of the room wait: they come once. */
static void since_takes_back_what_waits_already(void **state)
{
	struct hall hall;
	struct wsm__joined joined;

	(void)state;
	hall_init(&hall, 4096, 16);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	flush_one(&hall, 0);
	publish(&hall, "a", "a2");
	publish(&hall, "a", "a3");
	publish(&hall, "a", "plain", .plain = true);
	joined = join_since(&hall, 0, "a", 1);
	assert_true(joined.already);
	assert_int_equal(joined.replayed, 2);
	control(&hall, 0, "subscribed");
	refill(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "plain subscribed a2 a3");
	hall_fini(&hall);
}

static void since_the_newest_ends_a_lag(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 4; i++)
		publish(&hall, "a", "xx");
	assert_true(wsm__sub_lags(&hall.subs[0]));
	assert_true(join_since(&hall, 0, "a", 4).recovered); /* it has read them elsewhere, and says so */
	assert_string_equal(flush_all(&hall, 0), "");
	publish(&hall, "a", "a5");
	assert_string_equal(flush_all(&hall, 0), "a5");
	hall_fini(&hall);
}

/* Without `since`, or with one that cannot be continued from, the answer names where the member's messages go on. */
static void the_answer_names_the_position_of_a_lagging_member(void **state)
{
	struct hall hall;
	struct wsm__joined joined;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 6; i++)
		publish(&hall, "a", "xx");
	flush_one(&hall, 0);
	assert_string_equal(waiting(&hall, 0), "xx xx");
	joined = join(&hall, 0, "a");
	assert_false(joined.recovered);
	assert_int_equal(joined.offset, 2);
	joined = join_since(&hall, 0, "a", 99);
	assert_false(joined.recovered);
	assert_int_equal(joined.offset, 2);
	assert_string_equal(flush_all(&hall, 0), "xx xx xx xx xx xx");
	assert_int_equal(join(&hall, 0, "a").offset, 6);
	hall_fini(&hall);
}

/* An answer has named the position: what waits ahead of it must not come behind it. */
static void an_overflow_leaves_what_is_ahead_of_an_answer(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 20, 16);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	assert_int_equal(join(&hall, 0, "a").offset, 2);
	control(&hall, 0, "su");
	publish(&hall, "a", "a3");
	publish(&hall, "a", "a4");
	publish(&hall, "a", "a5");
	assert_string_equal(waiting(&hall, 0), "a1 a2 su");
	assert_string_equal(flush_all(&hall, 0), "a1 a2 su a3 a4 a5");
	hall_fini(&hall);
}

/* ---- leaving ---------------------------------------------------------------------------------------------------- */

static void who_leaves_while_messages_wait_gets_those(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 16);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	leave(&hall, 0, "a");
	control(&hall, 0, "unsubscribed");
	publish(&hall, "a", "a3");
	assert_string_equal(flush_all(&hall, 0), "a1 a2 unsubscribed");
	hall_fini(&hall);
}

static void who_leaves_while_lagging_gets_no_more(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 6; i++)
		publish(&hall, "a", "xx");
	flush_one(&hall, 0);
	leave(&hall, 0, "a");
	assert_false(wsm__sub_lags(&hall.subs[0]));
	assert_string_equal(flush_all(&hall, 0), "xx xx");
	hall_fini(&hall);
}

/* The old membership's messages are before the answer; an overflow must not bring them behind it. */
static void an_overflow_does_not_mix_two_memberships(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 24, 16);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	leave(&hall, 0, "a");
	control(&hall, 0, "un");
	publish(&hall, "a", "a3");
	assert_int_equal(join(&hall, 0, "a").offset, 3);
	control(&hall, 0, "su");
	publish(&hall, "a", "a4");
	publish(&hall, "a", "a5");
	publish(&hall, "a", "a6");
	assert_string_equal(flush_all(&hall, 0), "a1 a2 un su a4 a5 a6");
	hall_fini(&hall);
}

/* As above, but the client comes back with `since` before the old messages have been sent: they come once. */
static void coming_back_with_since_repeats_nothing(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 16);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	flush_one(&hall, 0);
	publish(&hall, "a", "a2");
	leave(&hall, 0, "a");
	control(&hall, 0, "un");
	publish(&hall, "a", "a3");
	assert_false(join_since(&hall, 0, "a", 1).already);
	control(&hall, 0, "su");
	refill(&hall, 0);
	assert_string_equal(flush_all(&hall, 0), "un su a2 a3");
	hall_fini(&hall);
}

static void what_is_owed_to_who_left_can_overflow(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 16);
	join(&hall, 0, "a");
	for (int i = 0; i < 3; i++)
		publish(&hall, "a", "xx");
	leave(&hall, 0, "a");
	control(&hall, 0, "un");
	assert_true(hall.subs[0].overflow);
	hall_fini(&hall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_member_lags_and_catches_up),
		cmocka_unit_test(the_refill_fills_half_of_the_queue),
		cmocka_unit_test(only_the_rooms_with_history_are_taken_back),
		cmocka_unit_test(a_refill_can_be_taken_back_again),
		cmocka_unit_test(catching_up_skips_what_is_not_for_the_member),
		cmocka_unit_test(one_message_after_the_other_when_each_is_over_the_bound),
		cmocka_unit_test(no_room_waits_for_another_for_ever),
		cmocka_unit_test(low_messages_do_not_keep_history_waiting),
		cmocka_unit_test(a_low_message_makes_no_room_lag),
		cmocka_unit_test(what_history_has_lost_meanwhile_is_told),
		cmocka_unit_test(what_cannot_be_had_again_stays_in_the_outbox),
		cmocka_unit_test(the_time_of_a_lag_can_run_out),
		cmocka_unit_test(since_gives_what_was_missed_and_then_live),
		cmocka_unit_test(since_reaches_exactly_as_far_as_history),
		cmocka_unit_test(since_in_another_epoch_gives_nothing),
		cmocka_unit_test(since_after_the_time_of_history_is_not_recovered),
		cmocka_unit_test(the_replay_leaves_out_what_is_not_for_the_member),
		cmocka_unit_test(since_takes_back_what_waits_already),
		cmocka_unit_test(since_the_newest_ends_a_lag),
		cmocka_unit_test(the_answer_names_the_position_of_a_lagging_member),
		cmocka_unit_test(an_overflow_leaves_what_is_ahead_of_an_answer),
		cmocka_unit_test(who_leaves_while_messages_wait_gets_those),
		cmocka_unit_test(who_leaves_while_lagging_gets_no_more),
		cmocka_unit_test(an_overflow_does_not_mix_two_memberships),
		cmocka_unit_test(coming_back_with_since_repeats_nothing),
		cmocka_unit_test(what_is_owed_to_who_left_can_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
