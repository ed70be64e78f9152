/* The crossing point between threads: order, bound, closing, and many producers at once. */
#include "exact.h"

#include <sched.h>
#include <stdio.h>

#include "base/queue.h"

struct item {
	struct wsm__node node; /* first, so that a node is its item */
	unsigned producer, number;
};

static void nodes_come_out_in_the_order_they_went_in(void **state)
{
	struct wsm__queue queue;
	struct item nodes[3];
	struct wsm__node *node;

	(void)state;
	assert_int_equal(wsm__queue_init(&queue, 0), WSM_OK);
	assert_null(wsm__queue_take(&queue));
	assert_int_equal(wsm__queue_add(&queue, &nodes[0].node, 1, false), WSM__QUEUED_FIRST);
	assert_int_equal(wsm__queue_add(&queue, &nodes[1].node, 2, false), WSM__QUEUED);
	assert_int_equal(wsm__queue_add(&queue, &nodes[2].node, 3, false), WSM__QUEUED);
	assert_int_equal(wsm__queue_bytes(&queue), 6);
	node = wsm__queue_take(&queue);
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(node, &nodes[i].node);
		node = node->next;
	}
	assert_null(node);
	assert_int_equal(wsm__queue_bytes(&queue), 0);
	wsm__queue_fini(&queue);
}

static void each_change_from_empty_is_reported_once(void **state)
{
	struct wsm__queue queue;
	struct item nodes[4];

	(void)state;
	wsm__queue_init(&queue, 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(wsm__queue_add(&queue, &nodes[0].node, 0, false), WSM__QUEUED_FIRST);
		assert_int_equal(wsm__queue_add(&queue, &nodes[1].node, 0, false), WSM__QUEUED);
		assert_ptr_equal(wsm__queue_take(&queue), &nodes[0].node);
		assert_null(wsm__queue_take(&queue));
	}
	wsm__queue_fini(&queue);
}

static void a_full_queue_refuses_until_it_is_taken(void **state)
{
	struct wsm__queue queue;
	struct item nodes[4];

	(void)state;
	wsm__queue_init(&queue, 10);
	assert_int_equal(wsm__queue_add(&queue, &nodes[0].node, 11, false), WSM__QUEUE_FULL);
	assert_int_equal(wsm__queue_add(&queue, &nodes[0].node, SIZE_MAX, false), WSM__QUEUE_FULL);
	assert_int_equal(wsm__queue_add(&queue, &nodes[0].node, 10, false), WSM__QUEUED_FIRST);
	assert_int_equal(wsm__queue_add(&queue, &nodes[1].node, 1, false), WSM__QUEUE_FULL);
	assert_int_equal(queue.count, 1);
	assert_ptr_equal(wsm__queue_take(&queue), &nodes[0].node);
	assert_int_equal(wsm__queue_add(&queue, &nodes[1].node, 1, false), WSM__QUEUED_FIRST);
	wsm__queue_fini(&queue);
}

static void a_forced_append_passes_the_bound_and_counts(void **state)
{
	struct wsm__queue queue;
	struct item nodes[3];

	(void)state;
	wsm__queue_init(&queue, 10);
	assert_int_equal(wsm__queue_add(&queue, &nodes[0].node, 50, true), WSM__QUEUED_FIRST);
	assert_int_equal(wsm__queue_add(&queue, &nodes[1].node, 0, false), WSM__QUEUE_FULL);
	assert_int_equal(wsm__queue_add(&queue, &nodes[2].node, 5, true), WSM__QUEUED);
	assert_int_equal(wsm__queue_bytes(&queue), 55);
	wsm__queue_fini(&queue);
}

static void a_closed_queue_refuses_even_forced_appends_and_keeps_its_content(void **state)
{
	struct wsm__queue queue;
	struct item nodes[2];

	(void)state;
	wsm__queue_init(&queue, 0);
	wsm__queue_add(&queue, &nodes[0].node, 1, false);
	wsm__queue_close(&queue, true);
	assert_int_equal(wsm__queue_add(&queue, &nodes[1].node, 1, false), WSM__QUEUE_CLOSED);
	assert_int_equal(wsm__queue_add(&queue, &nodes[1].node, 1, true), WSM__QUEUE_CLOSED);
	assert_ptr_equal(wsm__queue_take(&queue), &nodes[0].node);
	wsm__queue_close(&queue, false);
	assert_int_equal(wsm__queue_add(&queue, &nodes[1].node, 1, false), WSM__QUEUED_FIRST);
	wsm__queue_fini(&queue);
}

static struct item items[16];
static unsigned n_dropped;

/* Queues items[i], and drops from the queue what it must. */
static enum wsm__queue_result offer(struct wsm__queue *queue, unsigned i, size_t bytes, unsigned rank)
{
	struct wsm__node *dropped;
	enum wsm__queue_result result = wsm__queue_offer(queue, &items[i].node, bytes, rank, &dropped);

	for (n_dropped = 0; dropped; dropped = dropped->next)
		n_dropped++;
	return result;
}

/* Takes all; their numbers, in order. */
static const char *taken(struct wsm__queue *queue)
{
	static char text[64];
	struct wsm__node *node = wsm__queue_take(queue);

	text[0] = '\0';
	for (; node; node = node->next)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", *text ? " " : "",
		         (int)((struct item *)node - items));
	return text;
}

static void the_oldest_of_the_highest_rank_are_dropped_first(void **state)
{
	struct wsm__queue queue;

	(void)state;
	wsm__queue_init(&queue, 80);
	offer(&queue, 0, 10, 2);
	offer(&queue, 1, 10, 3);
	offer(&queue, 2, 10, 2);
	offer(&queue, 3, 10, 1);
	offer(&queue, 4, 10, 3);
	offer(&queue, 5, 10, 3);
	offer(&queue, 6, 10, 0);
	offer(&queue, 7, 10, 2);
	assert_int_equal(offer(&queue, 8, 15, 2), WSM__QUEUED); /* drops 1 and 4 */
	assert_int_equal(n_dropped, 2);
	assert_int_equal(offer(&queue, 9, 30, 2), WSM__QUEUED); /* 5, and of its own rank 0 and 2 */
	assert_int_equal(n_dropped, 3);
	assert_int_equal(offer(&queue, 10, 10, 3),
	                 WSM__QUEUE_FULL); /* none of its rank is left, and others do not go for it */
	assert_int_equal(n_dropped, 0);
	assert_int_equal(wsm__queue_bytes(&queue), 75);
	assert_string_equal(taken(&queue), "3 6 7 8 9");
	offer(&queue, 1, 80, 3);
	assert_int_equal(offer(&queue, 2, 80, 3), WSM__QUEUED_FIRST); /* all of it was dropped: as from empty */
	assert_string_equal(taken(&queue), "2");
	wsm__queue_fini(&queue);
}

static void the_lowest_ranks_have_a_reserve(void **state)
{
	struct wsm__queue queue;

	(void)state;
	wsm__queue_init(&queue, 80);
	offer(&queue, 0, 40, 1);
	offer(&queue, 1, 20, 2);
	offer(&queue, 2, 20, 3);
	assert_int_equal(offer(&queue, 3, 30, 1), WSM__QUEUED);
	assert_int_equal(n_dropped, 2);
	assert_int_equal(offer(&queue, 4, 20, 0), WSM__QUEUED); /* 90 of 80 + 10 */
	assert_int_equal(n_dropped, 0);
	assert_int_equal(offer(&queue, 5, 1, 0), WSM__QUEUE_FULL);
	assert_int_equal(offer(&queue, 6, 1, 2), WSM__QUEUE_FULL);
	assert_int_equal(offer(&queue, 7, 5, 1), WSM__QUEUED); /* its own oldest go last */
	assert_int_equal(n_dropped, 1);
	assert_string_equal(taken(&queue), "3 4 7");
	for (unsigned i = 0; i < 9; i++) /* 90 */
		assert_int_equal(offer(&queue, i, 10, 1), i ? WSM__QUEUED : WSM__QUEUED_FIRST);
	offer(&queue, 9, 10, 1); /* one goes, not two: the reserve is theirs */
	assert_int_equal(n_dropped, 1);
	assert_string_equal(taken(&queue), "1 2 3 4 5 6 7 8 9");
	wsm__queue_fini(&queue);
}

static void what_can_not_fit_drops_nothing(void **state)
{
	struct wsm__queue queue;

	(void)state;
	wsm__queue_init(&queue, 80);
	offer(&queue, 0, 30, 2);
	offer(&queue, 1, 30, 1);
	assert_int_equal(offer(&queue, 2, 81, 2), WSM__QUEUE_FULL);
	assert_int_equal(offer(&queue, 3, 51, 2), WSM__QUEUE_FULL);
	assert_int_equal(offer(&queue, 4, SIZE_MAX, 1), WSM__QUEUE_FULL);
	assert_string_equal(taken(&queue), "0 1");
	wsm__queue_add(&queue, &items[5].node, 200, true);
	assert_int_equal(offer(&queue, 6, 1, 1), WSM__QUEUE_FULL);
	assert_string_equal(taken(&queue), "5");
	wsm__queue_close(&queue, true);
	assert_int_equal(offer(&queue, 0, 1, 1), WSM__QUEUE_CLOSED);
	wsm__queue_fini(&queue);
}

#define PRODUCERS 4u
#define ITEMS 20000u

struct producer {
	pthread_t thread;
	struct wsm__queue *queue;
	struct item *items;
	unsigned number;
	unsigned firsts;
};

static void *produce(void *data)
{
	struct producer *self = data;

	for (unsigned i = 0; i < ITEMS; i++) {
		enum wsm__queue_result result;

		self->items[i].producer = self->number;
		self->items[i].number = i;
		while ((result = wsm__queue_add(self->queue, &self->items[i].node, 1, false)) == WSM__QUEUE_FULL)
			sched_yield();
		self->firsts += result == WSM__QUEUED_FIRST;
	}
	return NULL;
}

/* Under ThreadSanitizer this is the proof that an item's content is handed over with it. */
static void producers_race_and_nothing_is_lost_or_reordered(void **state)
{
	static struct item all[PRODUCERS][ITEMS];
	struct producer producers[PRODUCERS];
	unsigned next[PRODUCERS] = { 0 }, received = 0, takes = 0, firsts = 0;
	struct wsm__queue queue;

	(void)state;
	wsm__queue_init(&queue, 1000);
	for (unsigned i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){ .queue = &queue, .items = all[i], .number = i };
		assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
	}
	while (received < PRODUCERS * ITEMS) {
		struct wsm__node *node = wsm__queue_take(&queue);

		takes += node != NULL;
		if (!node)
			sched_yield();
		for (unsigned batch = 0; node; node = node->next, batch++) {
			struct item *item = (struct item *)node;

			assert_true(batch < 1000);
			assert_int_equal(item->number, next[item->producer]++);
			received++;
		}
	}
	for (unsigned i = 0; i < PRODUCERS; i++) {
		pthread_join(producers[i].thread, NULL);
		firsts += producers[i].firsts;
	}
	assert_int_equal(firsts, takes); /* one wake for each batch */
	assert_null(wsm__queue_take(&queue));
	wsm__queue_fini(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_come_out_in_the_order_they_went_in),
		cmocka_unit_test(each_change_from_empty_is_reported_once),
		cmocka_unit_test(a_full_queue_refuses_until_it_is_taken),
		cmocka_unit_test(a_forced_append_passes_the_bound_and_counts),
		cmocka_unit_test(a_closed_queue_refuses_even_forced_appends_and_keeps_its_content),
		cmocka_unit_test(the_oldest_of_the_highest_rank_are_dropped_first),
		cmocka_unit_test(the_lowest_ranks_have_a_reserve),
		cmocka_unit_test(what_can_not_fit_drops_nothing),
		cmocka_unit_test(producers_race_and_nothing_is_lost_or_reordered),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
