/* Rooms and who is in them: finding, joining, leaving, letting go. */
#include "rooms.h"

static void rooms_are_found_by_their_whole_name(void **state)
{
	struct hall hall;
	wsm_slice name = exact("project:7", 9), shorter = exact("project:", 8);
	struct wsm__room *room;

	(void)state;
	hall_init(&hall, 4096, 8);
	assert_null(wsm__room_find(&hall.registry, name));
	room = wsm__room_get(&hall.registry, name, hall.now);
	assert_ptr_equal(wsm__room_get(&hall.registry, name, hall.now), room);
	assert_ptr_equal(wsm__room_find(&hall.registry, wsm__str("project:7")), room);
	assert_null(wsm__room_find(&hall.registry, shorter));
	assert_null(wsm__room_find(&hall.registry, wsm__str("project:70")));
	assert_null(wsm__room_find(&hall.registry, wsm__str("project:8")));
	assert_true(wsm__slice_is(wsm__room_name(room), "project:7"));
	drop(name);
	drop(shorter);
	hall_fini(&hall);
}

static void the_name_says_what_kind_of_room_it_is(void **state)
{
	static const struct {
		const char *name;
		enum wsm__room_kind kind;
		bool visible;
	} cases[] = {
		{ "@all", WSM__ROOM_ALL, true },
		{ "@user:7", WSM__ROOM_USER, false },
		{ "@session:7", WSM__ROOM_SESSION, false },
		{ "logs", WSM__ROOM_PUBLIC, false },
		{ "logs2", WSM__ROOM_PUBLIC, true },
		{ "project:7", WSM__ROOM_PUBLIC, true },
	};
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wsm__room *room = room_of(&hall, cases[i].name);

		assert_int_equal(room->kind, cases[i].kind);
		assert_int_equal(room->visible, cases[i].visible);
	}
	hall_fini(&hall);
}

static void ten_thousand_rooms_are_told_apart(void **state)
{
	struct hall hall;
	char name[32];

	(void)state;
	hall_init(&hall, 4096, 8);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "room:%d", i);
		assert_int_equal(room_of(&hall, name)->id, i + 1);
	}
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "room:%d", i);
		assert_int_equal(wsm__room_find(&hall.registry, wsm__str(name))->id, i + 1);
	}
	hall_fini(&hall);
}

/* ---- members ---------------------------------------------------------------------------------------------------- */

static void check_indexes(const struct wsm__room *room)
{
	for (uint32_t i = 0; i < room->n_members; i++) {
		assert_int_equal(room->members[i]->index, i);
		assert_ptr_equal(room->members[i]->room, room);
	}
}

static void joining_twice_is_joining_once(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	assert_false(join(&hall, 0, "a").already);
	assert_true(join(&hall, 0, "a").already);
	assert_int_equal(room_of(&hall, "a")->n_members, 1);
	assert_int_equal(hall.subs[0].n_members, 1);
	assert_int_equal(hall.registry.n_members, 1);
	publish(&hall, "a", "a1");
	assert_string_equal(waiting(&hall, 0), "a1");
	hall_fini(&hall);
}

static void the_last_member_takes_the_place_of_who_leaves(void **state)
{
	struct hall hall;
	struct wsm__room *room;

	(void)state;
	hall_init(&hall, 4096, 8);
	for (size_t i = 0; i < SUBS; i++)
		join(&hall, i, "a");
	room = room_of(&hall, "a");
	assert_true(leave(&hall, 1, "a"));
	check_indexes(room);
	assert_int_equal(room->n_members, 3);
	assert_ptr_equal(room->members[1]->sub, &hall.subs[3]);
	assert_true(leave(&hall, 2, "a")); /* now the last itself */
	check_indexes(room);
	assert_false(leave(&hall, 2, "a"));
	publish(&hall, "a", "a1");
	assert_int_equal(hall.recipients, 2);
	assert_string_equal(waiting(&hall, 0), "a1");
	assert_string_equal(waiting(&hall, 1), "");
	assert_string_equal(waiting(&hall, 2), "");
	assert_string_equal(waiting(&hall, 3), "a1");
	assert_true(leave(&hall, 0, "a"));
	assert_true(leave(&hall, 3, "a"));
	assert_null(room->members);
	join(&hall, 1, "a");
	check_indexes(room);
	hall_fini(&hall);
}

/* Joining and leaving cost the same in a crowd: 20,000 leave in the order that would be worst for a search. */
static void a_crowd_comes_and_goes(void **state)
{
	enum { CROWD = 20000 };
	struct hall hall;
	struct wsm__sub *crowd = calloc(CROWD, sizeof(*crowd));
	struct wsm__joined joined;
	struct wsm__room *room;

	(void)state;
	hall_init(&hall, 4096, 8);
	room = room_of(&hall, "a");
	for (int i = 0; i < CROWD; i++) {
		wsm__sub_init(&crowd[i]);
		assert_int_equal(wsm__join(&hall.registry, &crowd[i], room, 0, NULL, hall.now, &joined), WSM_OK);
	}
	assert_int_equal(room->n_members, CROWD);
	for (int i = 0; i < CROWD; i += 2)
		assert_true(wsm__leave(&hall.registry, &crowd[i], room));
	check_indexes(room);
	for (int i = CROWD - 1; i > 0; i -= 2)
		wsm__sub_fini(&hall.registry, &crowd[i]);
	assert_int_equal(room->n_members, 0);
	free(crowd);
	hall_fini(&hall);
}

static void a_subscriber_that_goes_leaves_everything(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, "a");
	join(&hall, 0, "b");
	join(&hall, 1, "a");
	wsm__firehose_join(&hall.registry, &hall.subs[0], WSM_LEVEL_NONE);
	wsm__firehose_join(&hall.registry, &hall.subs[0], WSM_LEVEL_NONE);
	wsm__firehose_join(&hall.registry, &hall.subs[2], WSM_LEVEL_NONE);
	assert_int_equal(hall.registry.n_firehose, 2);
	publish(&hall, "a", "a1");
	wsm__sub_fini(&hall.registry, &hall.subs[0]);
	assert_int_equal(hall.registry.n_firehose, 1);
	assert_ptr_equal(hall.registry.firehose[0], &hall.subs[2]);
	assert_int_equal(hall.subs[2].firehose_index, 0);
	wsm__sub_init(&hall.subs[0]);
	publish(&hall, "a", "a2");
	assert_int_equal(hall.recipients, 2);
	assert_string_equal(waiting(&hall, 1), "a1 a2");
	assert_string_equal(waiting(&hall, 2), "a1 a2");
	hall_fini(&hall);
}

static void the_counts_of_a_subscriber_follow_its_members(void **state)
{
	struct hall hall;
	struct wsm__sub *sub;

	(void)state;
	hall_init(&hall, 4096, 8);
	sub = &hall.subs[0];
	publish(&hall, "a", "a1");
	publish(&hall, "a", "a2");
	join_since(&hall, 0, "a", 1);
	join(&hall, 0, "b");
	sub->members->asked = true;
	sub->n_asked++;
	assert_int_equal(sub->n_lagging, 1);
	assert_int_equal(sub->n_members, 2);
	leave(&hall, 0, "a");
	assert_int_equal(sub->n_lagging, 0);
	assert_int_equal(sub->n_asked, 0);
	assert_int_equal(sub->n_members, 1);
	hall_fini(&hall);
}

static void an_audience_is_a_member_or_the_firehose(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	assert_false(wsm__room_has_audience(&hall.registry, room_of(&hall, "a")));
	join(&hall, 0, "a");
	assert_true(wsm__room_has_audience(&hall.registry, room_of(&hall, "a")));
	wsm__firehose_join(&hall.registry, &hall.subs[1], WSM_LEVEL_NONE);
	assert_true(wsm__room_has_audience(&hall.registry, room_of(&hall, "b")));
	assert_true(wsm__room_has_audience(&hall.registry, room_of(&hall, "@all")));
	assert_false(wsm__room_has_audience(&hall.registry, room_of(&hall, "logs")));
	assert_false(wsm__room_has_audience(&hall.registry, room_of(&hall, "@user:7")));
	hall_fini(&hall);
}

/* ---- letting go ------------------------------------------------------------------------------------------------- */

static struct wsm__room *find(struct hall *hall, const char *name)
{
	return wsm__room_find(&hall->registry, wsm__str(name));
}

static void expire_at(struct hall *hall, uint64_t at)
{
	hall->now = at;
	wsm__registry_expire(&hall->registry, at);
}

static void an_empty_room_goes_after_the_ttl(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	room_of(&hall, "a");
	publish(&hall, "b", "b1");
	expire_at(&hall, 1000 + TTL_MS - 1);
	assert_non_null(find(&hall, "a"));
	assert_non_null(find(&hall, "b"));
	expire_at(&hall, 1000 + TTL_MS);
	assert_null(find(&hall, "a"));
	assert_null(find(&hall, "b"));
	hall_fini(&hall);
}

static void a_member_or_a_publication_keeps_a_room(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	publish(&hall, "b", "b1");
	hall.now = 1000 + TTL_MS / 2;
	publish(&hall, "b", "b2");
	expire_at(&hall, 1000 + TTL_MS + 10);
	assert_int_equal(find(&hall, "a")->history.count,
	                 0); /* the publication is gone, the room and its position are not */
	assert_int_equal(find(&hall, "a")->history.last, 1);
	assert_non_null(find(&hall, "b"));
	expire_at(&hall, 1000 + TTL_MS / 2 + TTL_MS);
	assert_null(find(&hall, "b"));
	/* Looked at again after another TTL, member or not. */
	leave(&hall, 0, "a");
	expire_at(&hall, 1000 + 3 * TTL_MS + 10);
	assert_null(find(&hall, "a"));
	hall_fini(&hall);
}

/* Names cost a client nothing: a trail of rooms that it has left is let go of before their time. */
static void rooms_that_were_only_passed_through_go_first(void **state)
{
	struct hall hall;
	char name[32], other[32], epoch[24];

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "published", "p1");
	join(&hall, 0, "published");
	leave(&hall, 0, "published");
	join(&hall, 1, "occupied");
	for (int i = 0; i < 5 * WSM__VACANT_MAX; i++) {
		snprintf(name, sizeof(name), "room:%d", i);
		join(&hall, 0, name);
		leave(&hall, 0, name);
		assert_non_null(find(&hall, name));
	}
	assert_int_equal(HASH_COUNT(hall.registry.rooms), WSM__VACANT_MAX + 2);
	assert_null(find(&hall, "room:0"));
	assert_non_null(find(&hall, "published"));
	/* One that is come back to in time is the same one, and what was published to it keeps it. */
	snprintf(name, sizeof(name), "room:%d", 4 * WSM__VACANT_MAX);
	memcpy(epoch, find(&hall, name)->epoch, sizeof(epoch));
	join(&hall, 0, name);
	publish(&hall, name, "x1");
	leave(&hall, 0, name);
	for (int i = 0; i < 2 * WSM__VACANT_MAX; i++) {
		snprintf(other, sizeof(other), "other:%d", i);
		join(&hall, 0, other);
		leave(&hall, 0, other);
	}
	assert_string_equal(find(&hall, name)->epoch, epoch);
	flush_all(&hall, 0);
	expire_at(&hall, 1000 + 2 * TTL_MS);
	assert_int_equal(HASH_COUNT(hall.registry.rooms), 1); /* the occupied one */
	assert_int_equal(hall.registry.n_vacant, 0);
	hall_fini(&hall);
}

static void a_touch_counts_from_its_time(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	room_of(&hall, "a");
	room_of(&hall, "b");
	hall.now += TTL_MS - 1;
	room_of(&hall, "a");
	expire_at(&hall, hall.now + 1);
	assert_non_null(find(&hall, "a"));
	assert_null(find(&hall, "b"));
	hall_fini(&hall);
}

/* Every room is kept by a member and none is young: the sweep looks at each once. */
static void the_sweep_ends_when_nothing_can_go(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 4096, 8);
	hall.registry.history.ttl_ms = 0;
	join(&hall, 0, "a");
	join(&hall, 0, "b");
	join(&hall, 0, "c");
	expire_at(&hall, 5000);
	assert_non_null(find(&hall, "a"));
	assert_non_null(find(&hall, "c"));
	hall_fini(&hall);
}

static void a_room_that_begins_anew_has_another_epoch(void **state)
{
	struct hall hall;
	char epoch[24];
	struct wsm__since since;
	struct wsm__joined joined;

	(void)state;
	hall_init(&hall, 4096, 8);
	publish(&hall, "a", "a1");
	memcpy(epoch, room_of(&hall, "a")->epoch, sizeof(epoch));
	assert_memory_equal(epoch, "epochepo", 8);
	assert_string_not_equal(epoch, room_of(&hall, "b")->epoch);
	expire_at(&hall, 1000 + TTL_MS);
	assert_string_not_equal(room_of(&hall, "a")->epoch, epoch);
	publish(&hall, "a", "a1-again");
	assert_int_equal(hall.offset, 1);
	since.epoch = wsm__str(epoch);
	since.offset = 1;
	wsm__join(&hall.registry, &hall.subs[0], room_of(&hall, "a"), 0, &since, hall.now, &joined);
	assert_false(joined.recovered);
	assert_int_equal(joined.offset, 1);
	hall_fini(&hall);
}

/* A firehose subscriber that lags is still to be told what of the room it cannot have any more. */
static void a_room_that_a_lagging_firehose_still_wants_stays(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 12, 8);
	wsm__firehose_join(&hall.registry, &hall.subs[0], WSM_LEVEL_NONE);
	for (int i = 0; i < 4; i++)
		publish(&hall, "a", "xx");
	assert_true(wsm__sub_lags(&hall.subs[0]));
	expire_at(&hall, 1000 + 2 * TTL_MS);
	assert_non_null(find(&hall, "a"));
	flush_all(&hall, 0);
	assert_string_equal(hall.gap_text, "a 4 0");
	expire_at(&hall, 1000 + 4 * TTL_MS);
	assert_null(find(&hall, "a"));
	hall_fini(&hall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rooms_are_found_by_their_whole_name),
		cmocka_unit_test(the_name_says_what_kind_of_room_it_is),
		cmocka_unit_test(ten_thousand_rooms_are_told_apart),
		cmocka_unit_test(joining_twice_is_joining_once),
		cmocka_unit_test(the_last_member_takes_the_place_of_who_leaves),
		cmocka_unit_test(a_crowd_comes_and_goes),
		cmocka_unit_test(a_subscriber_that_goes_leaves_everything),
		cmocka_unit_test(the_counts_of_a_subscriber_follow_its_members),
		cmocka_unit_test(an_audience_is_a_member_or_the_firehose),
		cmocka_unit_test(an_empty_room_goes_after_the_ttl),
		cmocka_unit_test(a_member_or_a_publication_keeps_a_room),
		cmocka_unit_test(rooms_that_were_only_passed_through_go_first),
		cmocka_unit_test(a_touch_counts_from_its_time),
		cmocka_unit_test(the_sweep_ends_when_nothing_can_go),
		cmocka_unit_test(a_room_that_begins_anew_has_another_epoch),
		cmocka_unit_test(a_room_that_a_lagging_firehose_still_wants_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
