/* Who is in a room: counts, and what is told about coming and going. Time is passed in. */
#include "rooms.h"

#include "rooms/presence.h"

#define GRACE_MS 5000u

static void settle(void *context, wsm_slice name, enum wsm__room_kind kind, struct wsm__room_settings *settings)
{
	(void)context;
	(void)kind;
	settings->presence_events = wsm__slice_starts(name, "told");
}

static void hall_open(struct hall *hall)
{
	hall_init(hall, 4096, 8);
	hall->registry.settle = settle;
	hall->registry.presence_grace_ms = GRACE_MS;
}

/* "+u0 -u1 +c2": what is told now, in order; "" if nothing is. */
static const char *told(struct hall *hall)
{
	struct wsm__presence *presence;
	const struct wsm__present *present;

	hall->text[0] = '\0';
	while ((presence = wsm__presence_due(&hall->registry, hall->now)) != NULL) {
		DL_FOREACH(presence->changes, present) {
			size_t len = strlen(hall->text);

			snprintf(hall->text + len, sizeof(hall->text) - len, "%s%c%.*s", len ? " " : "",
			         present->connections ? '+' : '-', (int)present->len - 1, present->name + 1);
		}
		wsm__presence_told(&hall->registry, presence, hall->now);
	}
	return hall->text;
}

static const char *told_after(struct hall *hall, uint64_t ms)
{
	hall->now += ms;
	return told(hall);
}

static uint32_t users_in(struct hall *hall, const char *room)
{
	struct wsm__presence *presence = wsm__presence_of(&hall->registry, room_of(hall, room));

	assert_non_null(presence);
	return presence->n_users;
}

/* Subscribers 0 and 3 are connections of the same user, u0. */
static void users_are_counted_once_from_the_first_question_on(void **state)
{
	struct hall hall;

	(void)state;
	hall_open(&hall);
	join(&hall, 0, "r");
	join(&hall, 1, "r");
	join(&hall, 3, "r");
	assert_null(room_of(&hall, "r")->presence); /* nobody has asked */
	assert_int_equal(users_in(&hall, "r"), 2);
	join(&hall, 2, "r");
	assert_int_equal(users_in(&hall, "r"), 3);
	leave(&hall, 0, "r");
	assert_int_equal(users_in(&hall, "r"), 3); /* u0 has another connection */
	leave(&hall, 3, "r");
	assert_int_equal(users_in(&hall, "r"), 2);
	wsm__sub_leave(&hall.registry, &hall.subs[1]);
	wsm__sub_leave(&hall.registry, &hall.subs[2]);
	assert_int_equal(users_in(&hall, "r"), 0);
	assert_string_equal(told_after(&hall, 60000), ""); /* no rule says so */
	hall_fini(&hall);
}

static void first_connection_comes_and_last_one_goes(void **state)
{
	struct hall hall;

	(void)state;
	hall_open(&hall);
	join(&hall, 0, "told");
	assert_string_equal(told(&hall), "+u0");
	join(&hall, 3, "told");
	join(&hall, 1, "told");
	assert_string_equal(told_after(&hall, 1000), "+u1");
	leave(&hall, 0, "told");
	assert_string_equal(told_after(&hall, 60000), "");
	leave(&hall, 3, "told");
	assert_string_equal(told_after(&hall, 1000), ""); /* the grace time begins */
	assert_string_equal(told_after(&hall, GRACE_MS - 1), "");
	assert_string_equal(told_after(&hall, 1), "-u0");
	assert_string_equal(told_after(&hall, 60000), "");
	hall_fini(&hall);
}

static void a_short_absence_is_not_told(void **state)
{
	struct hall hall;

	(void)state;
	hall_open(&hall);
	join(&hall, 0, "told");
	told(&hall);
	for (int i = 0; i < 5; i++) {
		leave(&hall, 0, "told");
		assert_string_equal(told_after(&hall, 1000), "");
		assert_string_equal(told_after(&hall, 1000), "");
		join(&hall, 3, "told"); /* with another connection */
		assert_string_equal(told_after(&hall, 60000), "");
		leave(&hall, 3, "told");
		join(&hall, 0, "told");
	}
	assert_string_equal(told_after(&hall, 60000), "");
	hall_fini(&hall);
}

static void who_came_and_went_between_two_turns_was_never_there(void **state)
{
	struct hall hall;

	(void)state;
	hall_open(&hall);
	join(&hall, 0, "told");
	told(&hall);
	join(&hall, 1, "told");
	leave(&hall, 1, "told");
	assert_string_equal(told_after(&hall, 60000), "");
	leave(&hall, 0, "told");
	told_after(&hall, 1); /* the grace time begins */
	hall.now += GRACE_MS;
	join(&hall, 0, "told"); /* back at the last moment */
	assert_string_equal(told(&hall), "");
	hall_fini(&hall);
}

static void leaves_are_told_in_the_order_in_which_they_happened(void **state)
{
	struct hall hall;

	(void)state;
	hall_open(&hall);
	for (size_t i = 0; i < 3; i++)
		join(&hall, i, "told");
	assert_string_equal(told(&hall), "+u0 +u1 +u2");
	leave(&hall, 2, "told");
	leave(&hall, 0, "told");
	assert_string_equal(told_after(&hall, 1000), "");
	leave(&hall, 1, "told");
	assert_string_equal(told_after(&hall, 1000), "");
	assert_string_equal(told_after(&hall, GRACE_MS - 1000), "-u2 -u0");
	assert_string_equal(told_after(&hall, 1000), "-u1");
	hall_fini(&hall);
}

static void connections_without_a_user_count_for_themselves(void **state)
{
	struct hall hall;

	(void)state;
	hall_open(&hall);
	hall.subs[1].user_id = wsm__str("");
	hall.subs[2].user_id = wsm__str("");
	join(&hall, 1, "told");
	join(&hall, 2, "told");
	assert_string_equal(told(&hall), "+c1 +c2");
	assert_int_equal(users_in(&hall, "told"), 0);
	leave(&hall, 1, "told");
	told_after(&hall, 1);
	assert_string_equal(told_after(&hall, GRACE_MS), "-c1");
	hall_fini(&hall);
}

static void a_room_has_its_turn_at_most_every_interval(void **state)
{
	struct hall hall;

	(void)state;
	hall_open(&hall);
	join(&hall, 0, "told");
	assert_string_equal(told(&hall), "+u0");
	join(&hall, 1, "told");
	assert_string_equal(told_after(&hall, WSM__PRESENCE_INTERVAL_MS - 1), "");
	join(&hall, 2, "told");
	assert_string_equal(told_after(&hall, 1), "+u1 +u2");
	hall_fini(&hall);
}

/* 10,000 join in ten seconds: what that costs in messages. */
static void a_storm_of_joins_costs_each_member_a_message_now_and_then(void **state)
{
	enum { CROWD = 10000 };
	struct wsm__sub *crowd = calloc(CROWD, sizeof(*crowd));
	char (*names)[16] = calloc(CROWD, sizeof(*names));
	struct wsm__presence *presence;
	struct wsm__joined joined;
	uint64_t deliveries = 0, changes = 0;
	struct hall hall;

	(void)state;
	hall_open(&hall);
	for (unsigned i = 0; i < CROWD; i++) {
		snprintf(names[i], sizeof(names[i]), "user-%u", i);
		wsm__sub_init(&crowd[i]);
		crowd[i].client_id = crowd[i].user_id = wsm__str(names[i]);
		wsm__join(&hall.registry, &crowd[i], room_of(&hall, "told"), 0, NULL, hall.now, &joined);
		hall.now++;
		if (i % 100 || !(presence = wsm__presence_due(&hall.registry, hall.now)))
			continue;
		deliveries += presence->room->n_members;
		changes += presence->n_changes;
		wsm__presence_told(&hall.registry, presence, hall.now);
	}
	assert_int_equal(users_in(&hall, "told"), CROWD);
	assert_in_range(changes, CROWD / 2, CROWD);
	assert_in_range(deliveries, 1000, 10 * WSM__PRESENCE_PER_SECOND); /* and not 50,000,000 */
	for (unsigned i = 0; i < CROWD; i++)
		wsm__sub_fini(&hall.registry, &crowd[i]);
	assert_int_equal(users_in(&hall, "told"), 0);
	hall_fini(&hall);
	free(crowd);
	free(names);
}

/* ---- rules, and the end of rooms ------------------------------------------------------------------------------------- */

static bool on;

static void settle_by_switch(void *context, wsm_slice name, enum wsm__room_kind kind,
                             struct wsm__room_settings *settings)
{
	(void)context;
	(void)name;
	(void)kind;
	settings->presence_events = on;
}

static void a_rule_may_come_while_they_are_there(void **state)
{
	struct hall hall;
	atomic_uint version;

	(void)state;
	atomic_init(&version, 0);
	on = false;
	hall_open(&hall);
	hall.registry.settle = settle_by_switch;
	hall.registry.settings_version = &version;
	join(&hall, 0, "r");
	users_in(&hall, "r");
	on = true;
	atomic_fetch_add(&version, 1);
	join(&hall, 1, "r");
	assert_string_equal(told(&hall), "+u1"); /* who was there already has not just come */
	leave(&hall, 0, "r");
	told_after(&hall, 1);
	assert_string_equal(told_after(&hall, GRACE_MS), "-u0");
	on = false;
	atomic_fetch_add(&version, 1);
	leave(&hall, 1, "r");
	assert_string_equal(told_after(&hall, 60000), "");
	assert_int_equal(users_in(&hall, "r"), 0);
	hall_fini(&hall);
}

static void a_room_that_goes_takes_its_presence_along(void **state)
{
	struct hall hall;

	(void)state;
	hall_open(&hall);
	join(&hall, 0, "told");
	join(&hall, 1, "told-too");
	told(&hall);
	leave(&hall, 0, "told");
	leave(&hall, 1, "told-too");
	hall.now += TTL_MS;
	wsm__registry_expire(&hall.registry, hall.now);
	assert_null(wsm__room_find(&hall.registry, wsm__str("told")));
	assert_null(hall.registry.presence_leaving);
	assert_null(hall.registry.presence_changed);
	assert_string_equal(told_after(&hall, 60000), "");
	hall_fini(&hall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_counted_once_from_the_first_question_on),
		cmocka_unit_test(first_connection_comes_and_last_one_goes),
		cmocka_unit_test(a_short_absence_is_not_told),
		cmocka_unit_test(who_came_and_went_between_two_turns_was_never_there),
		cmocka_unit_test(leaves_are_told_in_the_order_in_which_they_happened),
		cmocka_unit_test(connections_without_a_user_count_for_themselves),
		cmocka_unit_test(a_room_has_its_turn_at_most_every_interval),
		cmocka_unit_test(a_storm_of_joins_costs_each_member_a_message_now_and_then),
		cmocka_unit_test(a_rule_may_come_while_they_are_there),
		cmocka_unit_test(a_room_that_goes_takes_its_presence_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
