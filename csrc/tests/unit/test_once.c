/* Ids by room, for five minutes, and a bounded number of them. */
#include "exact.h"

#include <stdio.h>

#include "policy/once.h"
#include "wire/name.h"

static const uint8_t sip_key[16] = { 7 };

static void put(struct wsm__once *once, const char *room, const char *id, uint64_t offset, uint64_t now)
{
	const struct wsm__once_place place = { .offset = offset, .epoch = "e" };
	wsm_slice exact_room = exact(room, strlen(room)), exact_id = exact(id, strlen(id));

	wsm__once_put(once, exact_room, exact_id, &place, now);
	drop(exact_room);
	drop(exact_id);
}

/* -1: it is not known. */
static long long offset_of(struct wsm__once *once, const char *room, const char *id, uint64_t now)
{
	wsm_slice exact_room = exact(room, strlen(room)), exact_id = exact(id, strlen(id));
	const struct wsm__once_place *place = wsm__once_find(once, exact_room, exact_id, now);

	drop(exact_room);
	drop(exact_id);
	return place ? (long long)place->offset : -1;
}

static void a_pair_of_room_and_id_is_one(void **state)
{
	struct wsm__once once;

	(void)state;
	wsm__once_init(&once, sip_key, 16);
	put(&once, "a", "bc", 1, 0);
	put(&once, "ab", "c", 2, 0);
	assert_int_equal(offset_of(&once, "a", "bc", 0), 1);
	assert_int_equal(offset_of(&once, "ab", "c", 0), 2);
	assert_int_equal(offset_of(&once, "a", "c", 0), -1);
	put(&once, "a", "bc", 3, 0);
	assert_int_equal(offset_of(&once, "a", "bc", 0), 3);
	assert_int_equal(wsm__once_count(&once), 2);
	wsm__once_drop(&once, wsm__str("a"), wsm__str("bc"));
	wsm__once_drop(&once, wsm__str("a"), wsm__str("bc"));
	assert_int_equal(offset_of(&once, "a", "bc", 0), -1);
	assert_int_equal(wsm__once_count(&once), 1);
	wsm__once_fini(&once);
}

static void it_is_forgotten_after_five_minutes(void **state)
{
	struct wsm__once once;

	(void)state;
	wsm__once_init(&once, sip_key, 16);
	put(&once, "a", "1", 1, 1000);
	put(&once, "a", "2", 2, 2000);
	assert_int_equal(offset_of(&once, "a", "1", 1000 + WSM__ONCE_MS - 1), 1);
	assert_int_equal(offset_of(&once, "a", "1", 1000 + WSM__ONCE_MS), -1);
	wsm__once_sweep(&once, 1000 + WSM__ONCE_MS);
	assert_int_equal(wsm__once_count(&once), 1);
	put(&once, "a", "3", 3, 2000 + WSM__ONCE_MS); /* a newcomer sweeps, too */
	assert_int_equal(wsm__once_count(&once), 1);
	assert_int_equal(once.forgotten, 0);
	wsm__once_fini(&once);
}

static void what_is_put_again_is_young_again(void **state)
{
	struct wsm__once once;

	(void)state;
	wsm__once_init(&once, sip_key, 16);
	put(&once, "a", "1", 1, 0);
	put(&once, "a", "2", 2, 1);
	put(&once, "a", "1", 1, 2);
	wsm__once_sweep(&once, 1 + WSM__ONCE_MS);
	assert_int_equal(wsm__once_count(&once), 1);
	assert_int_equal(offset_of(&once, "a", "1", 1 + WSM__ONCE_MS), 1);
	wsm__once_fini(&once);
}

static void beyond_the_limit_the_oldest_goes_and_is_counted(void **state)
{
	const struct wsm__once_place stored = { .offset = 1, .stored = true };
	struct wsm__once once;
	char id[16];

	(void)state;
	wsm__once_init(&once, sip_key, 16);
	for (int i = 1; i <= 17; i++) {
		snprintf(id, sizeof(id), "%d", i);
		put(&once, "a", id, (uint64_t)i, 0);
	}
	assert_int_equal(wsm__once_count(&once), 16);
	assert_int_equal(once.forgotten, 1);
	assert_int_equal(offset_of(&once, "a", "1", 0), -1);
	assert_int_equal(offset_of(&once, "a", "2", 0), 2);
	for (int i = 0; i < 17; i++) {
		snprintf(id, sizeof(id), "s%d", i);
		wsm__once_put(&once, wsm__str("disk"), wsm__str(id), &stored, 0);
	}
	assert_int_equal(wsm__once_count(&once), 16);
	assert_int_equal(once.forgotten, 17); /* and not the one that the store has */
	wsm__once_fini(&once);
}

static void the_longest_fit(void **state)
{
	struct wsm__once once;
	char room[WSM__ROOM_SIZE], id[WSM__ONCE_MAX + 1];

	(void)state;
	memset(room, 'r', sizeof(room));
	memset(id, 'i', sizeof(id));
	room[WSM__ROOM_SIZE - 1] = id[WSM__ONCE_MAX] = '\0';
	wsm__once_init(&once, sip_key, 16);
	put(&once, room, id, 5, 0);
	assert_int_equal(offset_of(&once, room, id, 0), 5);
	wsm__once_fini(&once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_of_room_and_id_is_one),
		cmocka_unit_test(it_is_forgotten_after_five_minutes),
		cmocka_unit_test(what_is_put_again_is_young_again),
		cmocka_unit_test(beyond_the_limit_the_oldest_goes_and_is_counted),
		cmocka_unit_test(the_longest_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
