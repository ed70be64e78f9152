/* The firehose: every visible room once each, in one order; its lag, its replay, its resumption. */
#include "rooms.h"

static void firehose(struct hall *hall, size_t sub)
{
	assert_int_equal(wsm__firehose_join(&hall->registry, &hall->subs[sub], WSM_LEVEL_NONE), WSM_OK);
}

static struct wsm__named named(struct hall *hall, const char *name, uint64_t offset)
{
	struct wsm__named row = { wsm__room_find(&hall->registry, wsm__str(name)), { { NULL, 0 }, offset }, false };

	if (row.room)
		row.since.epoch = wsm__str(row.room->epoch);
	return row;
}

static void resume(struct hall *hall, size_t sub, struct wsm__named *rows, size_t n)
{
	firehose(hall, sub);
	assert_int_equal(wsm__firehose_resume(&hall->registry, &hall->subs[sub], rows, n, hall->now), WSM_OK);
	control(hall, sub, "greeting");
	refill(hall, sub);
}

static void it_gets_every_visible_room_once(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	firehose(&hall, 0);
	join(&hall, 0, "a"); /* also as a member: still once */
	join(&hall, 0, "logs");
	join(&hall, 0, "@user:u0");
	assert_int_equal(publish(&hall, "a", "a1"), 1);
	assert_int_equal(publish(&hall, "b", "b1"), 1);
	publish(&hall, "@all", "all1");
	assert_int_equal(publish(&hall, "@user:u1", "u1"), 0);
	publish(&hall, "@user:u0", "u0");
	publish(&hall, "logs", "l1");
	assert_int_equal(publish(&hall, "b", "b2", .exclude = "c0"), 0);
	publish(&hall, "b", "plain", .plain = true);
	assert_string_equal(waiting(&hall, 0), "a1 b1 all1 u0 l1 plain");
	leave(&hall, 0, "a"); /* the firehose goes on */
	publish(&hall, "a", "a2");
	assert_string_equal(waiting(&hall, 0), "a1 b1 all1 u0 l1 plain a2");
	hall_fini(&hall);
}

static void nothing_overtakes_in_the_firehose(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	firehose(&hall, 0);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "B1", .priority = WSM_CRITICAL);
	assert_string_equal(waiting(&hall, 0), "a1 B1");
	assert_ptr_equal(hall.registry.urgent, &hall.subs[0]);
	hall_fini(&hall);
}

static void it_lags_and_catches_up_in_the_same_order(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 16);
	firehose(&hall, 0);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	publish(&hall, "a", "a2");
	publish(&hall, "c", "c1");
	assert_true(wsm__sub_lags(&hall.subs[0]));
	assert_int_equal(publish(&hall, "b", "b2"), 1);
	publish(&hall, "logs", "l1");
	publish(&hall, "a", "xx", .exclude = "u0");
	assert_string_equal(flush_all(&hall, 0), "a1 b1 a2 c1 b2");
	assert_int_equal(hall.gaps, 0);
	assert_int_equal(hall.registry.stats.lags, 1);
	hall_fini(&hall);
}

static void it_lags_through_more_than_one_replay(void **state)
{
	struct hall hall;
	char word[16];
	unsigned next = 0;

	(void)state;
	hall_init(&hall, 4096, 4096);
	firehose(&hall, 0);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(word, sizeof(word), "%u", i);
		publish(&hall, i % 3 ? "a" : "b", word);
	}
	while (hall.subs[0].outbox.count || wsm__sub_lags(&hall.subs[0])) {
		char *text = strdup(flush_one(&hall, 0)), *rest = text;

		for (char *part = strtok_r(text, " ", &rest); part; part = strtok_r(NULL, " ", &rest)) {
			snprintf(word, sizeof(word), "%u", next++);
			assert_string_equal(part, word);
		}
		free(text);
	}
	assert_int_equal(next, 3000);
	hall_fini(&hall);
}

static void it_is_told_of_each_room_that_lost_something(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 64, 2);
	hall.tell_gaps = true;
	firehose(&hall, 0);
	publish(&hall, "x", "x1", .size = 58);
	publish(&hall, "a", "a1");
	assert_true(wsm__sub_lags(&hall.subs[0]));
	publish(&hall, "a", "a2");
	publish(&hall, "b", "b1");
	publish(&hall, "a", "a3");
	assert_string_equal(flush_all(&hall, 0), "gap:a:1 x1 a2 b1 a3");
	assert_int_equal(hall.registry.stats.gaps, 1);
	hall_fini(&hall);
}

/* What history has lost stays in the outbox, and nothing that was published before it is put behind it. */
static void an_overflow_takes_back_the_newest_run_only(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 20, 2);
	firehose(&hall, 0);
	publish(&hall, "b", "b1"); /* kept, but older than a2 */
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	publish(&hall, "a", "a3");
	publish(&hall, "a", "a4"); /* history: a3 a4 b1 */
	publish(&hall, "b", "b2");
	assert_string_equal(waiting(&hall, 0), "b1 a1 a2");
	assert_string_equal(flush_all(&hall, 0), "b1 a1 a2 a3 a4 b2");
	assert_int_equal(hall.gaps, 0);
	hall_fini(&hall);
}

/* ---- resuming --------------------------------------------------------------------------------------------------- */

static void it_resumes_from_the_named_positions(void **state)
{
	struct hall hall;
	struct wsm__named rows[2];

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	publish(&hall, "a", "a2");
	publish(&hall, "b", "b2");
	publish(&hall, "a", "a3", .exclude = "u0");
	publish(&hall, "a", "a4");
	rows[0] = named(&hall, "a", 1);
	rows[1] = named(&hall, "b", 1);
	resume(&hall, 0, rows, 2);
	assert_true(rows[0].recovered && rows[1].recovered);
	publish(&hall, "b", "b3");
	assert_string_equal(flush_all(&hall, 0), "greeting a2 b2 a4 b3");
	hall_fini(&hall);
}

static void rooms_not_named_go_on_from_the_newest_named_position(void **state)
{
	struct hall hall;
	struct wsm__named rows[2];

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "a", "a1");
	publish(&hall, "c", "c1");
	publish(&hall, "b", "b1");
	publish(&hall, "c", "c2");
	publish(&hall, "d", "d1");
	publish(&hall, "a", "a2");
	rows[0] = named(&hall, "a", 1);
	rows[1] = named(&hall, "b", 1);
	resume(&hall, 0, rows, 2);
	assert_string_equal(flush_all(&hall, 0), "greeting c2 d1 a2");
	hall_fini(&hall);
}

static void a_named_room_that_cannot_go_on_starts_live(void **state)
{
	struct hall hall;
	struct wsm__named rows[3];

	(void)state;
	hall_init(&hall, 4096, 2);
	for (int i = 0; i < 4; i++)
		publish(&hall, "a", "aa");
	publish(&hall, "b", "b1");
	publish(&hall, "b", "b2");
	rows[0] = named(&hall, "a", 1); /* offset 2 is gone */
	rows[1] = named(&hall, "b", 1);
	rows[2] = named(&hall, "nowhere", 1);
	resume(&hall, 0, rows, 3);
	assert_false(rows[0].recovered);
	assert_true(rows[1].recovered);
	assert_false(rows[2].recovered);
	publish(&hall, "a", "a5");
	assert_string_equal(flush_all(&hall, 0), "greeting b2 a5");
	hall_fini(&hall);
}

static void another_epoch_is_not_recovered(void **state)
{
	struct hall hall;
	struct wsm__named row;

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	row = named(&hall, "a", 0);
	row.since.epoch = wsm__str("another");
	resume(&hall, 0, &row, 1);
	assert_false(row.recovered);
	publish(&hall, "a", "a2");
	assert_string_equal(flush_all(&hall, 0), "greeting a2");
	hall_fini(&hall);
}

static void an_unnamed_room_that_lost_something_is_told(void **state)
{
	struct hall hall;
	struct wsm__named row;

	(void)state;
	hall_init(&hall, 4096, 2);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	publish(&hall, "b", "b2");
	publish(&hall, "b", "b3");
	row = named(&hall, "a", 1);
	resume(&hall, 0, &row, 1);
	assert_true(row.recovered);
	assert_string_equal(hall.gap_text, "b 1 0");
	assert_string_equal(flush_all(&hall, 0), "greeting b2 b3");
	hall_fini(&hall);
}

/* A room was published to after the client's newest position, and has been freed: nobody can tell what was missed. */
static void a_freed_room_makes_a_resumption_not_recovered(void **state)
{
	struct hall hall;
	struct wsm__named row;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 1, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	hall.now += TTL_MS;
	publish(&hall, "a", "a2");
	wsm__registry_expire(&hall.registry, hall.now);
	assert_null(wsm__room_find(&hall.registry, wsm__str("b")));
	row = named(&hall, "a", 1);
	resume(&hall, 0, &row, 1);
	assert_false(row.recovered);
	publish(&hall, "a", "a3");
	assert_string_equal(flush_all(&hall, 0), "greeting a3");
	/* A position that is newer than the freed room is good. */
	row = named(&hall, "a", 2);
	resume(&hall, 2, &row, 1);
	assert_true(row.recovered);
	assert_string_equal(flush_all(&hall, 2), "greeting a3");
	hall_fini(&hall);
}

static void resuming_with_nothing_missed_goes_live_at_once(void **state)
{
	struct hall hall;
	struct wsm__named row;

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "a", "a1");
	row = named(&hall, "a", 1);
	resume(&hall, 0, &row, 1);
	assert_true(row.recovered);
	assert_false(wsm__sub_lags(&hall.subs[0]));
	publish(&hall, "a", "a2");
	assert_string_equal(waiting(&hall, 0), "greeting a2");
	hall_fini(&hall);
}

/* The positions differ by room, so an overflow after the replay must not fetch it again by its order. */
static void an_overflow_after_a_resumption_repeats_nothing(void **state)
{
	struct hall hall;
	struct wsm__named rows[2];

	(void)state;
	hall_init(&hall, 64, 16);
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	publish(&hall, "b", "b1");
	publish(&hall, "b", "b2");
	rows[0] = named(&hall, "a", 1);
	rows[1] = named(&hall, "b", 2);
	resume(&hall, 0, rows, 2);
	assert_string_equal(waiting(&hall, 0), "greeting a2");
	assert_false(wsm__sub_lags(&hall.subs[0]));
	publish(&hall, "b", "b3");
	publish(&hall, "b", "b4", .size = 60);
	assert_true(wsm__sub_lags(&hall.subs[0]));
	assert_string_equal(flush_all(&hall, 0), "greeting a2 b3 b4");
	hall_fini(&hall);
}

/* ---- subscribing beside the firehose ---------------------------------------------------------------------------- */

static void since_replays_that_room_and_no_other(void **state)
{
	struct hall hall;
	struct wsm__joined joined;

	(void)state;
	hall_init(&hall, 4096, 16);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	publish(&hall, "a", "a2", .exclude = "u0");
	publish(&hall, "a", "a3");
	firehose(&hall, 0);
	publish(&hall, "b", "b2");
	publish(&hall, "a", "a4");
	joined = join_since(&hall, 0, "a", 1);
	assert_true(joined.recovered);
	assert_int_equal(joined.replayed, 2);
	control(&hall, 0, "subscribed");
	refill(&hall, 0);
	publish(&hall, "b", "b3");
	assert_string_equal(flush_all(&hall, 0), "b2 subscribed a3 a4 b3");
	hall_fini(&hall);
}

static void since_while_the_firehose_lags_loses_and_repeats_nothing(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	publish(&hall, "a", "a1");
	firehose(&hall, 0);
	publish(&hall, "b", "b1");
	publish(&hall, "a", "a2");
	publish(&hall, "b", "b2");
	publish(&hall, "a", "a3");
	publish(&hall, "b", "b3");
	assert_true(wsm__sub_lags(&hall.subs[0]));
	assert_true(join_since(&hall, 0, "a", 0).recovered);
	assert_string_equal(flush_all(&hall, 0), "a1 b1 a2 b2 a3 b3");
	hall_fini(&hall);
}

static void since_during_a_replay_loses_and_repeats_nothing(void **state)
{
	struct hall hall;
	struct wsm__named rows[2];

	(void)state;
	hall_init(&hall, 16, 16);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	publish(&hall, "a", "a2");
	publish(&hall, "b", "b2");
	publish(&hall, "a", "a3");
	publish(&hall, "b", "b3");
	rows[0] = named(&hall, "a", 1);
	rows[1] = named(&hall, "b", 0);
	firehose(&hall, 0);
	wsm__firehose_resume(&hall.registry, &hall.subs[0], rows, 2, hall.now);
	refill(&hall, 0);
	assert_string_equal(waiting(&hall, 0), "b1 a2");
	assert_non_null(hall.subs[0].replay);
	publish(&hall, "c", "c1");
	assert_true(join_since(&hall, 0, "a", 2).recovered); /* a2 waits, but it is named as received */
	assert_string_equal(flush_all(&hall, 0), "b1 b2 a3 b3 c1");
	hall_fini(&hall);
}

static void an_overflow_after_since_loses_and_repeats_nothing(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 32, 16);
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	firehose(&hall, 0);
	publish(&hall, "b", "b1");
	join_since(&hall, 0, "a", 0);
	refill(&hall, 0);
	assert_string_equal(waiting(&hall, 0), "b1 a1 a2");
	publish(&hall, "b", "b2");
	publish(&hall, "b", "b3", .size = 30);
	assert_true(wsm__sub_lags(&hall.subs[0]));
	assert_string_equal(flush_all(&hall, 0), "b1 a1 a2 b2 b3");
	hall_fini(&hall);
}

static void the_answer_names_where_the_firehose_stands_in_the_room(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 16, 16);
	firehose(&hall, 0);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	publish(&hall, "a", "a2");
	publish(&hall, "b", "b2");
	publish(&hall, "a", "a3");
	assert_int_equal(join(&hall, 0, "a").offset, 0); /* lagging from the start */
	flush_one(&hall, 0);
	assert_string_equal(waiting(&hall, 0), "a1 b1");
	assert_int_equal(join(&hall, 0, "a").offset, 1);
	assert_int_equal(join(&hall, 0, "b").offset, 1);
	flush_all(&hall, 0);
	assert_int_equal(join(&hall, 0, "a").offset, 3);
	hall_fini(&hall);
}

static void an_overflow_leaves_what_is_ahead_of_an_answer(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 20, 16);
	firehose(&hall, 0);
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	assert_int_equal(join(&hall, 0, "a").offset, 1);
	control(&hall, 0, "su");
	publish(&hall, "a", "a2");
	publish(&hall, "b", "b2");
	publish(&hall, "a", "a3");
	assert_string_equal(waiting(&hall, 0), "a1 b1 su");
	assert_string_equal(flush_all(&hall, 0), "a1 b1 su a2 b2 a3");
	hall_fini(&hall);
}

static void who_goes_during_a_replay_leaves_nothing_behind(void **state)
{
	struct hall hall;
	struct wsm__named row;

	(void)state;
	hall_init(&hall, 16, 16);
	for (int i = 0; i < 9; i++)
		publish(&hall, "a", "xx");
	row = named(&hall, "a", 0);
	resume(&hall, 0, &row, 1);
	assert_non_null(hall.subs[0].replay);
	hall_fini(&hall); /* the address sanitizer sees what is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gets_every_visible_room_once),
		cmocka_unit_test(nothing_overtakes_in_the_firehose),
		cmocka_unit_test(it_lags_and_catches_up_in_the_same_order),
		cmocka_unit_test(it_lags_through_more_than_one_replay),
		cmocka_unit_test(it_is_told_of_each_room_that_lost_something),
		cmocka_unit_test(an_overflow_takes_back_the_newest_run_only),
		cmocka_unit_test(it_resumes_from_the_named_positions),
		cmocka_unit_test(rooms_not_named_go_on_from_the_newest_named_position),
		cmocka_unit_test(a_named_room_that_cannot_go_on_starts_live),
		cmocka_unit_test(another_epoch_is_not_recovered),
		cmocka_unit_test(an_unnamed_room_that_lost_something_is_told),
		cmocka_unit_test(a_freed_room_makes_a_resumption_not_recovered),
		cmocka_unit_test(resuming_with_nothing_missed_goes_live_at_once),
		cmocka_unit_test(an_overflow_after_a_resumption_repeats_nothing),
		cmocka_unit_test(since_replays_that_room_and_no_other),
		cmocka_unit_test(since_while_the_firehose_lags_loses_and_repeats_nothing),
		cmocka_unit_test(since_during_a_replay_loses_and_repeats_nothing),
		cmocka_unit_test(an_overflow_after_since_loses_and_repeats_nothing),
		cmocka_unit_test(the_answer_names_where_the_firehose_stands_in_the_room),
		cmocka_unit_test(an_overflow_leaves_what_is_ahead_of_an_answer),
		cmocka_unit_test(who_goes_during_a_replay_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
