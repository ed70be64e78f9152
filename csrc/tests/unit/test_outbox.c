/* What waits for one connection: order, sums, the critical, conflation, removal. */
#include "exact.h"

#include <stdio.h>

#include "rooms/outbox.h"

struct row {
	const char *word;
	uint64_t room;
	uint8_t priority;
	bool control, conflate;
	uint64_t key;
};

static struct wsm__pub *make(struct row row)
{
	struct wsm__pub *pub = wsm__pub_new(WSM__TEXT, wsm__str(row.word), false);

	assert_non_null(pub);
	pub->room_id = row.room;
	if (row.priority)
		pub->priority = row.priority;
	pub->control = row.control;
	pub->conflate = row.conflate;
	pub->key = row.key;
	return pub;
}

static void push(struct wsm__outbox *outbox, struct row row)
{
	struct wsm__pub *pub = make(row);

	if (row.priority == WSM_CRITICAL)
		assert_int_equal(wsm__outbox_push_critical(outbox, pub), WSM_OK);
	else
		assert_int_equal(wsm__outbox_push(outbox, pub), WSM_OK);
	wsm__pub_unref(pub);
}

static enum wsm__replaced replace_within(struct wsm__outbox *outbox, struct row row, size_t max_bytes)
{
	struct wsm__pub *pub = make(row);
	struct wsm__pub *older;
	enum wsm__replaced replaced = wsm__outbox_replace(outbox, pub, max_bytes, &older);

	assert_int_equal(older != NULL, replaced != WSM__REPLACED_NONE);
	wsm__pub_unref(older);
	wsm__pub_unref(pub);
	return replaced;
}

static bool replace(struct wsm__outbox *outbox, struct row row)
{
	return replace_within(outbox, row, SIZE_MAX) == WSM__REPLACED;
}

static const char *words(const struct wsm__outbox *outbox)
{
	static char text[1024];
	size_t bytes = 0;
	uint32_t conflatable = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < outbox->count; i++) {
		const struct wsm__pub *pub = wsm__outbox_at(outbox, i);
		size_t len = strlen(text);

		snprintf(text + len, sizeof(text) - len, "%s%.*s", len ? " " : "", (int)pub->payload_len,
		         wsm__pub_payload(pub).data);
		bytes += pub->frame_len;
		conflatable += pub->conflate;
	}
	assert_int_equal(bytes, outbox->bytes);
	assert_int_equal(conflatable, outbox->conflatable);
	return text;
}

static void first_in_is_first_out_around_the_ring(void **state)
{
	struct wsm__outbox outbox;
	unsigned in = 0, out = 0;

	(void)state;
	wsm__outbox_init(&outbox);
	/* 3 in, 2 out: the head goes round the ring while it grows. */
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 3; i++) {
			char word[16];

			snprintf(word, sizeof(word), "%u", in++);
			push(&outbox, (struct row){ .word = word });
		}
		for (int i = 0; i < 2; i++) {
			char word[16];

			snprintf(word, sizeof(word), "%u", out++);
			assert_true(wsm__slice_is(wsm__pub_payload(wsm__outbox_at(&outbox, 0)), word));
			wsm__outbox_drop_front(&outbox, 1);
		}
		words(&outbox);
	}
	assert_int_equal(outbox.count, 40);
	wsm__outbox_drop_front(&outbox, 40);
	assert_int_equal(outbox.bytes, 0);
	wsm__outbox_fini(&outbox);
}

static void the_critical_overtake_other_rooms_in_their_own_order(void **state)
{
	struct wsm__outbox outbox;

	(void)state;
	wsm__outbox_init(&outbox);
	push(&outbox, (struct row){ .word = "b1", .room = 2 });
	push(&outbox, (struct row){ .word = "b2", .room = 2 });
	push(&outbox, (struct row){ .word = "A1", .room = 1, .priority = WSM_CRITICAL });
	push(&outbox, (struct row){ .word = "C1", .room = 3, .priority = WSM_CRITICAL });
	push(&outbox, (struct row){ .word = "b3", .room = 2 });
	push(&outbox, (struct row){ .word = "A2", .room = 1, .priority = WSM_CRITICAL });
	assert_string_equal(words(&outbox), "A1 C1 A2 b1 b2 b3");
	wsm__outbox_fini(&outbox);
}

static void the_critical_never_overtake_their_own_room(void **state)
{
	struct wsm__outbox outbox;

	(void)state;
	wsm__outbox_init(&outbox);
	push(&outbox, (struct row){ .word = "a1", .room = 1 });
	push(&outbox, (struct row){ .word = "b1", .room = 2 });
	push(&outbox, (struct row){ .word = "b2", .room = 2 });
	push(&outbox, (struct row){ .word = "A2", .room = 1, .priority = WSM_CRITICAL });
	assert_string_equal(words(&outbox), "a1 A2 b1 b2");
	wsm__outbox_fini(&outbox);
}

static void the_critical_never_overtake_greeting_and_answers(void **state)
{
	struct wsm__outbox outbox;

	(void)state;
	wsm__outbox_init(&outbox);
	push(&outbox, (struct row){ .word = "greeting", .control = true });
	push(&outbox, (struct row){ .word = "b1", .room = 2 });
	push(&outbox, (struct row){ .word = "A1", .room = 1, .priority = WSM_CRITICAL });
	push(&outbox, (struct row){ .word = "answer", .control = true });
	push(&outbox, (struct row){ .word = "b2", .room = 2 });
	push(&outbox, (struct row){ .word = "A2", .room = 1, .priority = WSM_CRITICAL });
	assert_string_equal(words(&outbox), "greeting A1 b1 answer A2 b2");
	wsm__outbox_fini(&outbox);
}

static void the_critical_find_their_place_across_the_end_of_the_ring(void **state)
{
	struct wsm__outbox outbox;

	(void)state;
	wsm__outbox_init(&outbox);
	for (int i = 0; i < 3; i++)
		push(&outbox, (struct row){ .word = "x", .room = 9 });
	wsm__outbox_drop_front(&outbox, 3);
	push(&outbox, (struct row){ .word = "b1", .room = 2 });
	push(&outbox, (struct row){ .word = "b2", .room = 2 });
	push(&outbox, (struct row){ .word = "b3", .room = 2 });
	push(&outbox, (struct row){ .word = "A1", .room = 1, .priority = WSM_CRITICAL });
	push(&outbox, (struct row){ .word = "C1", .room = 3, .priority = WSM_CRITICAL });
	assert_string_equal(words(&outbox), "A1 C1 b1 b2 b3");
	wsm__outbox_fini(&outbox);
}

static void a_newer_one_of_its_key_takes_its_place(void **state)
{
	struct wsm__outbox outbox;

	(void)state;
	wsm__outbox_init(&outbox);
	assert_false(replace(&outbox, (struct row){ .word = "k", .conflate = true, .key = 5 }));
	push(&outbox, (struct row){ .word = "k1", .room = 1, .conflate = true, .key = 5 });
	push(&outbox, (struct row){ .word = "l1", .room = 1, .conflate = true, .key = 6 });
	push(&outbox, (struct row){ .word = "b1", .room = 2 });
	assert_true(replace(&outbox, (struct row){ .word = "k2-longer", .room = 1, .conflate = true, .key = 5 }));
	assert_string_equal(words(&outbox), "k2-longer l1 b1");
	assert_false(replace(&outbox, (struct row){ .word = "m1", .room = 1, .conflate = true, .key = 7 }));
	/* Without a key there is nothing to compare. */
	push(&outbox, (struct row){ .word = "n1", .room = 1, .conflate = true });
	assert_false(replace(&outbox, (struct row){ .word = "n2", .room = 1, .conflate = true }));
	wsm__outbox_fini(&outbox);
}

/* progress, then complete, then progress of the next run: it must not come before the end of the run before. */
static void a_newer_one_does_not_jump_the_end_of_its_key(void **state)
{
	struct wsm__outbox outbox;

	(void)state;
	wsm__outbox_init(&outbox);
	push(&outbox, (struct row){ .word = "progress", .room = 1, .conflate = true, .key = 5 });
	push(&outbox, (struct row){ .word = "complete", .room = 1, .key = 5 });
	assert_false(replace(&outbox, (struct row){ .word = "again", .room = 1, .conflate = true, .key = 5 }));
	push(&outbox, (struct row){ .word = "again", .room = 1, .conflate = true, .key = 5 });
	assert_true(replace(&outbox, (struct row){ .word = "further", .room = 1, .conflate = true, .key = 5 }));
	assert_string_equal(words(&outbox), "progress complete further");
	wsm__outbox_fini(&outbox);
}

static void a_larger_one_takes_the_place_only_within_the_bound(void **state)
{
	struct wsm__outbox outbox;
	struct row larger = { .word = "larger", .room = 1, .conflate = true, .key = 5 };

	(void)state;
	wsm__outbox_init(&outbox);
	push(&outbox, (struct row){ .word = "k1", .room = 1, .conflate = true, .key = 5 });
	assert_int_equal(replace_within(&outbox, larger, 7), WSM__REPLACED_GONE);
	push(&outbox, (struct row){ .word = "a1", .room = 1 });
	push(&outbox, (struct row){ .word = "k1", .room = 1, .conflate = true, .key = 5 });
	push(&outbox, (struct row){ .word = "a2", .room = 1 });
	assert_int_equal(replace_within(&outbox, larger, 16), WSM__REPLACED);
	assert_string_equal(words(&outbox), "a1 larger a2");
	assert_int_equal(replace_within(&outbox, larger, 15), WSM__REPLACED_GONE);
	assert_string_equal(words(&outbox), "a1 a2");
	assert_int_equal(replace_within(&outbox, larger, 15), WSM__REPLACED_NONE);
	wsm__outbox_fini(&outbox);
}

static bool of_room(struct wsm__pub *pub, void *context)
{
	return pub->room_id == *(const uint64_t *)context;
}

static void removal_keeps_the_order_of_the_rest(void **state)
{
	struct wsm__outbox outbox;
	uint64_t room = 2;

	(void)state;
	wsm__outbox_init(&outbox);
	assert_int_equal(wsm__outbox_remove(&outbox, of_room, &room), 0);
	push(&outbox, (struct row){ .word = "x", .room = 9 });
	wsm__outbox_drop_front(&outbox, 1);
	push(&outbox, (struct row){ .word = "b1", .room = 2, .conflate = true, .key = 1 });
	push(&outbox, (struct row){ .word = "a1", .room = 1 });
	push(&outbox, (struct row){ .word = "b2", .room = 2 });
	push(&outbox, (struct row){ .word = "a2", .room = 1 });
	push(&outbox, (struct row){ .word = "b3", .room = 2 });
	assert_int_equal(wsm__outbox_remove(&outbox, of_room, &room), 3);
	assert_string_equal(words(&outbox), "a1 a2");
	push(&outbox, (struct row){ .word = "a3", .room = 1 });
	assert_string_equal(words(&outbox), "a1 a2 a3");
	wsm__outbox_fini(&outbox);
}

static void an_idle_outbox_gives_its_memory_back(void **state)
{
	struct wsm__outbox outbox;

	(void)state;
	wsm__outbox_init(&outbox);
	assert_null(outbox.ring);
	for (int i = 0; i < 5; i++)
		push(&outbox, (struct row){ .word = "x", .room = 1 });
	wsm__outbox_shrink(&outbox);
	assert_non_null(outbox.ring); /* not while something waits */
	wsm__outbox_drop_front(&outbox, 5);
	wsm__outbox_shrink(&outbox);
	assert_null(outbox.ring);
	push(&outbox, (struct row){ .word = "y", .room = 1 });
	assert_string_equal(words(&outbox), "y");
	wsm__outbox_fini(&outbox);
}

static void each_holds_a_reference(void **state)
{
	struct wsm__outbox one, two;
	struct wsm__pub *pub = make((struct row){ .word = "shared", .room = 1, .conflate = true, .key = 5 });

	(void)state;
	wsm__outbox_init(&one);
	wsm__outbox_init(&two);
	wsm__outbox_push(&one, pub);
	wsm__outbox_push_critical(&two, pub);
	assert_int_equal(pub->refs, 3);
	assert_true(replace(&one, (struct row){ .word = "newer", .room = 1, .conflate = true, .key = 5 }));
	assert_int_equal(pub->refs, 2);
	wsm__outbox_fini(&two);
	assert_int_equal(pub->refs, 1);
	assert_int_equal(two.count, 0);
	wsm__outbox_fini(&one);
	wsm__pub_unref(pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_in_is_first_out_around_the_ring),
		cmocka_unit_test(the_critical_overtake_other_rooms_in_their_own_order),
		cmocka_unit_test(the_critical_never_overtake_their_own_room),
		cmocka_unit_test(the_critical_never_overtake_greeting_and_answers),
		cmocka_unit_test(the_critical_find_their_place_across_the_end_of_the_ring),
		cmocka_unit_test(a_newer_one_of_its_key_takes_its_place),
		cmocka_unit_test(a_newer_one_does_not_jump_the_end_of_its_key),
		cmocka_unit_test(a_larger_one_takes_the_place_only_within_the_bound),
		cmocka_unit_test(removal_keeps_the_order_of_the_rest),
		cmocka_unit_test(an_idle_outbox_gives_its_memory_back),
		cmocka_unit_test(each_holds_a_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
