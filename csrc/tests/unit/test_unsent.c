/* What the log of a room has, and there was no memory for in the runtime. */
#include "rooms.h"

#include "rooms/page.h"

static void ask(void *context, struct wsm__member *member)
{
	*(struct wsm__member **)context = member;
}

static void what_only_the_log_has_is_read_from_it(void **state)
{
	struct wsm__member *asks = NULL;
	struct wsm__pub *read = word_pub("a2", (struct how){ .size = 0 });
	struct hall hall;

	(void)state;
	hall_init(&hall, 64, 16);
	hall.registry.read = ask;
	hall.registry.log_context = &asks;
	join(&hall, 0, "a");
	publish(&hall, "a", "a1");
	room_of(&hall, "a")->kept_from = 1;
	wsm__room_unsent(&hall.registry, room_of(&hall, "a"), 2);
	assert_true(hall.subs[0].dirty); /* somebody asks, though nothing follows */
	publish(&hall, "a", "a3");
	assert_int_equal(hall.offset, 3);
	assert_string_equal(flush_one(&hall, 0), "a1");
	assert_non_null(asks);
	assert_int_equal(asks->position, 1);
	read->offset = 2;
	wsm__page_take(&hall.registry, asks, &read, 1);
	wsm__pub_unref(read);
	assert_string_equal(flush_all(&hall, 0), "a2 a3");
	assert_int_equal(hall.gaps, 0);
	hall_fini(&hall);
}

static void who_cannot_read_the_log_is_told(void **state)
{
	struct hall hall;

	(void)state;
	hall_init(&hall, 64, 16);
	join(&hall, 0, "a");
	assert_int_equal(wsm__firehose_join(&hall.registry, &hall.subs[1], 0), WSM_OK);
	publish(&hall, "a", "a1");
	wsm__room_unsent(&hall.registry, room_of(&hall, "a"), 2);
	assert_string_equal(hall.gap_text, "a 2 1"); /* the firehose */
	publish(&hall, "a", "a3");
	assert_string_equal(flush_all(&hall, 0), "a1 a3");
	assert_string_equal(hall.gap_text, "a 2 1, a 2 1"); /* it has no log */
	assert_string_equal(flush_all(&hall, 1), "a1 a3");
	hall_fini(&hall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_only_the_log_has_is_read_from_it),
		cmocka_unit_test(who_cannot_read_the_log_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
