/* The newest publications of a room: a contiguous run that ends at `last`. */
#include "exact.h"

#include <stdio.h>

#include "rooms/history.h"

static void add(struct wsm__history *history, uint64_t at_ms, size_t size, const struct wsm__history_limits *limits)
{
	wsm_slice payload = wsm__slice(calloc(1, size + 1), size);
	struct wsm__pub *pub = wsm__pub_new(WSM__BINARY, payload, false);

	drop(payload);
	pub->offset = history->last + 1;
	pub->seq = pub->offset * 10;
	pub->at_ms = at_ms;
	assert_int_equal(wsm__history_add(history, pub, limits), WSM_OK);
	wsm__pub_unref(pub);
}

static void check(const struct wsm__history *history)
{
	size_t bytes = 0;

	for (uint64_t offset = wsm__history_first(history); offset <= history->last; offset++) {
		assert_int_equal(wsm__history_at(history, offset)->offset, offset);
		bytes += wsm__history_at(history, offset)->frame_len;
	}
	assert_int_equal(history->bytes, bytes);
	assert_int_equal(history->evicted_seq, 10 * (wsm__history_first(history) - 1));
	assert_int_equal(history->last_seq, 10 * history->last);
}

static void offsets_begin_at_1_and_the_newest_are_kept(void **state)
{
	struct wsm__history history;
	struct wsm__history_limits limits = { 5, 1 << 20, 1000 };

	(void)state;
	wsm__history_init(&history, NULL);
	assert_int_equal(wsm__history_first(&history), 1);
	for (uint64_t n = 1; n <= 23; n++) {
		add(&history, 0, 10, &limits);
		assert_int_equal(history.last, n);
		assert_int_equal(history.count, n < 5 ? n : 5);
		check(&history);
	}
	assert_int_equal(wsm__history_first(&history), 19);
	wsm__history_fini(&history);
}

static void bytes_are_limited_but_the_newest_is_kept(void **state)
{
	struct wsm__history history;
	struct wsm__history_limits limits = { 100, 36, 1000 }; /* three frames of 2 + 10 */

	(void)state;
	wsm__history_init(&history, NULL);
	for (int i = 0; i < 3; i++)
		add(&history, 0, 10, &limits);
	assert_int_equal(history.count, 3);
	add(&history, 0, 10, &limits);
	assert_int_equal(history.count, 3);
	add(&history, 0, 11, &limits); /* one byte too many for three */
	assert_int_equal(history.count, 2);
	add(&history, 0, 100, &limits);
	assert_int_equal(history.count, 1);
	check(&history);
	add(&history, 0, 10, &limits);
	assert_int_equal(history.count, 1);
	check(&history);
	wsm__history_fini(&history);
}

static void the_old_go_when_their_time_is_over(void **state)
{
	struct wsm__history history;
	struct wsm__history_limits limits = { 100, 1 << 20, 1000 };

	(void)state;
	wsm__history_init(&history, NULL);
	add(&history, 100, 1, &limits);
	add(&history, 600, 1, &limits);
	add(&history, 600, 1, &limits);
	wsm__history_expire(&history, 1099, 1000);
	assert_int_equal(history.count, 3);
	wsm__history_expire(&history, 1100, 1000);
	assert_int_equal(history.count, 2);
	check(&history);
	add(&history, 1600, 1, &limits); /* adding looks at the time too */
	assert_int_equal(history.count, 1);
	assert_int_equal(wsm__history_first(&history), 4);
	wsm__history_expire(&history, 5000, 1000);
	assert_int_equal(history.count, 0);
	check(&history);
	wsm__history_fini(&history);
}

static void the_position_outlives_what_was_kept(void **state)
{
	struct wsm__history history;
	struct wsm__history_limits limits = { 4, 1 << 20, 1000 };

	(void)state;
	wsm__history_init(&history, NULL);
	for (int i = 0; i < 7; i++)
		add(&history, 0, 1, &limits);
	wsm__history_clear(&history);
	assert_null(history.ring);
	assert_int_equal(history.last, 7);
	assert_int_equal(wsm__history_first(&history), 8);
	check(&history);
	add(&history, 0, 1, &limits);
	assert_int_equal(history.last, 8);
	assert_int_equal(history.count, 1);
	check(&history);
	wsm__history_fini(&history);
}

/* WEBSOCKET_HISTORY_SIZE=0 */
static void a_history_of_size_0_keeps_nothing_and_counts_on(void **state)
{
	struct wsm__history history;
	struct wsm__history_limits limits = { 0, 1 << 20, 1000 };

	(void)state;
	wsm__history_init(&history, NULL);
	for (uint64_t n = 1; n <= 3; n++) {
		add(&history, 0, 1, &limits);
		assert_int_equal(history.count, 0);
		assert_int_equal(history.last, n);
		check(&history);
	}
	wsm__history_fini(&history);
}

/* An outbox asks whether it may let go of a publication: only what history really still has can be had again. */
static void a_publication_knows_whether_it_is_kept(void **state)
{
	struct wsm__history history;
	struct wsm__history_limits limits = { 1, 1 << 20, 1000 };
	struct wsm__pub *pub = wsm__pub_new(WSM__TEXT, wsm__str("x"), false);

	(void)state;
	wsm__history_init(&history, NULL);
	assert_false(pub->kept);
	pub->offset = 1;
	pub->seq = 10;
	wsm__history_add(&history, pub, &limits);
	assert_true(pub->kept);
	add(&history, 0, 1, &limits);
	assert_false(pub->kept);
	wsm__pub_unref(pub);
	pub = wsm__pub_ref(wsm__history_at(&history, 2));
	assert_true(pub->kept);
	wsm__history_clear(&history);
	assert_false(pub->kept);
	wsm__pub_unref(pub);
	wsm__history_fini(&history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_begin_at_1_and_the_newest_are_kept),
		cmocka_unit_test(bytes_are_limited_but_the_newest_is_kept),
		cmocka_unit_test(the_old_go_when_their_time_is_over),
		cmocka_unit_test(the_position_outlives_what_was_kept),
		cmocka_unit_test(a_history_of_size_0_keeps_nothing_and_counts_on),
		cmocka_unit_test(a_publication_knows_whether_it_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
