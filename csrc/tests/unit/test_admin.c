/* Parts of the admin panel without a runtime: pages of long lists, samples, the tail of publications. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "admin/samples.h"
#include "admin/table.h"
#include "admin/tail.h"
#include "base/clock.h"
#include "base/slice.h"
#include "clients/peers.h"
#include "core/core.h"
#include "host/handle.h"
#include "host/route.h"
#include "policy/config.h"

static struct wsm__core core;

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static unsigned random_below(unsigned *state, unsigned bound)
{
	*state = *state * 1103515245u + 12345u;
	return (*state >> 16) % bound;
}

/* Smallest key first, of equals the greatest number. */
static int by_key(const void *left, const void *right)
{
	const struct wsm__row *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->number > b->number ? -1 : 1;
}

static void each_page_is_a_part_of_the_whole_in_order(void **state)
{
	static struct wsm__row all[700];
	unsigned seed = 7;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		unsigned n = random_below(&seed, 700), keys = 1 + random_below(&seed, round % 3 ? 1000 : 3);
		struct wsm__table_request request = { .descending = round & 1,
		                                      .offset = random_below(&seed, n + 20),
		                                      .limit = random_below(&seed, 60) };
		struct wsm__table table;
		size_t found, expected;

		wsm__table_init(&table, &request, n);
		table.until_us = UINT64_MAX;
		for (unsigned i = 0; i < n; i++) {
			/* In order, in the other order, and in none. */
			unsigned key = round % 5 == 0 ? i : round % 5 == 1 ? n - i : random_below(&seed, keys);

			assert_true(wsm__table_goes_on(&table));
			all[i] = (struct wsm__row){ .key = key, .number = i };
			wsm__table_add(&table, key, NULL, i, NULL);
		}
		qsort(all, n, sizeof(all[0]), by_key);
		found = wsm__table_page(&table);
		expected = request.offset >= n                  ? 0
		           : n - request.offset < request.limit ? n - request.offset
		                                                : request.limit;
		assert_int_equal(found, expected);
		for (size_t i = 0; i < found; i++) {
			size_t at = request.offset + i;

			assert_int_equal(table.rows[at].number, all[request.descending ? n - 1 - at : at].number);
		}
		wsm__table_fini(&table);
	}
}

static void a_list_is_left_when_its_time_is_over(void **state)
{
	struct wsm__table_request request = { .limit = 10 };
	struct wsm__table table;
	uint64_t until = wsm__mono_us() + 10000000, seen = 0;

	(void)state;
	wsm__table_init(&table, &request, UINT64_MAX);
	while (wsm__table_goes_on(&table)) {
		seen++;
		assert_true(wsm__mono_us() < until);
	}
	assert_int_equal(table.looked, seen);
	assert_true(seen > 0);
	wsm__table_fini(&table);
}

static void a_search_knows_no_case_and_no_bounds(void **state)
{
	static const struct {
		const char *search, *text;
		bool found;
	} cases[] = {
		{ "abc", "xxABCxx", true },
		{ "abc", "abxabc", true },
		{ "abc", "aabbcc", false },
		{ "abc", "ab", false },
		{ "abc", "", false },
		{ "abc", "ab\0abC", true },
		{ "\xc3\xa9", "Caf\xc3\xa9", true },
		{ "é", "CAFÉ", false },
		{ "1.2", "11.2", true },
		{ "z", "Z", true },
		{ "[", "{", false },
		{ "c", "abc", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wsm__table_request request = { .search_len = strlen(cases[i].search) };
		struct wsm__table table = { .request = &request };
		size_t len = strlen(cases[i].text);

		if (i == 5)
			len = 6;
		memcpy(request.search, cases[i].search, request.search_len);
		if (wsm__table_matches(&table, wsm__slice(cases[i].text, len)) != cases[i].found)
			fail_msg("\"%s\" in \"%s\"", cases[i].search, cases[i].text);
	}
}

/* ---- the tail --------------------------------------------------------------------------------------------------- */

static struct wsm__pub *make(size_t bytes)
{
	char *text = malloc(bytes);
	struct wsm__pub *pub;

	assert_non_null(text);
	memset(text, 'a', bytes);
	pub = wsm__pub_new(WSM__TEXT, wsm__slice(text, bytes), false);
	free(text);
	assert_non_null(pub);
	return pub;
}

/* As core/publish.c does. */
static void tell(const struct wsm__publish *publish, struct wsm__pub *pub)
{
	if (core.published)
		core.published(&core, publish, wsm__str("r"), pub, 1);
}

static void note(size_t bytes)
{
	struct wsm__publish publish = { .type = wsm__str("x"), .payload = wsm__str("{}") };
	struct wsm__pub *pub = make(bytes);

	tell(&publish, pub);
	wsm__pub_unref(pub);
}

static json_t *answer(uint64_t after)
{
	struct wsm__buffer out;
	json_t *found;

	wsm__buffer_init(&out);
	wsm__tail_answer(&core, after, &out);
	assert_false(out.failed);
	found = json_loadb(out.data, out.len, 0, NULL);
	wsm__buffer_fini(&out);
	assert_non_null(found);
	return found;
}

static json_int_t number(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

static void publications_are_held_while_somebody_watches(void **state)
{
	struct wsm__pub *pub = make(100);
	struct wsm__publish publish = { .type = wsm__str("x") };

	(void)state;
	core.now_ms = 1000;
	tell(&publish, pub);
	assert_int_equal(pub->refs, 1); /* nobody does */
	assert_true(wsm__tail_watch(&core));
	tell(&publish, pub);
	assert_int_equal(pub->refs, 2);
	core.now_ms += WSM__TAIL_WATCH_MS;
	wsm__tail_tick(&core);
	assert_non_null(core.tail);
	core.now_ms++;
	wsm__tail_tick(&core);
	assert_null(core.tail);
	assert_int_equal(pub->refs, 1);
	wsm__pub_unref(pub);
}

static void the_tail_is_bounded_by_number_and_bytes(void **state)
{
	json_t *found;

	(void)state;
	assert_true(wsm__tail_watch(&core));
	for (unsigned i = 0; i < 2 * WSM__TAIL_SIZE; i++)
		note(10);
	found = answer(0);
	assert_int_equal(number(found, "last"), 2 * WSM__TAIL_SIZE);
	assert_int_equal(number(found, "skipped"), 0); /* who has just come has missed nothing */
	assert_true(json_array_size(json_object_get(found, "rows")) <= WSM__TAIL_SIZE);
	json_decref(found);
	found = answer(1);
	assert_int_equal(number(found, "skipped") + (json_int_t)json_array_size(json_object_get(found, "rows")),
	                 2 * WSM__TAIL_SIZE - 1);
	json_decref(found);
	for (unsigned i = 0; i < 9; i++)
		note(WSM__TAIL_BYTES / 4 - 100);
	found = answer(2 * WSM__TAIL_SIZE);
	assert_int_equal(json_array_size(json_object_get(found, "rows")), 4);
	assert_int_equal(number(found, "skipped"), 5);
	json_decref(found);
	note(WSM__TAIL_BYTES + 1); /* noted, but not held */
	found = answer(2 * WSM__TAIL_SIZE + 9);
	assert_true(json_is_null(json_object_get(json_array_get(json_object_get(found, "rows"), 0), "text")));
	json_decref(found);
	found = answer(UINT64_MAX); /* the number of another process */
	assert_true(json_array_size(json_object_get(found, "rows")) > 0);
	json_decref(found);
	wsm__tail_end(&core);
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

static void samples_of_the_last_minutes(void **state)
{
	static struct wsm__peers peers;
	struct wsm__samples *samples = calloc(1, sizeof(*samples));
	static wsm_runtime runtime;
	struct wsm__buffer out;
	json_t *found, *rows;

	(void)state;
	wsm__queue_init(&runtime.commands, 1);
	core.peers = &peers;
	core.runtime = &runtime;
	for (unsigned i = 0; i < WSM__SAMPLES + 50; i++) {
		core.counters.broadcasts = i;
		wsm__samples_note(samples, &core);
	}
	wsm__buffer_init(&out);
	for (int i = 0; i < 3; i++) {
		static const uint64_t since[] = { 0, WSM__SAMPLES + 49, UINT64_MAX };
		static const unsigned first[] = { 50, WSM__SAMPLES + 49, 50 };

		wsm__buffer_clear(&out);
		wsm__samples_answer(samples, since[i], &out);
		found = json_loadb(out.data, out.len, 0, NULL);
		rows = json_object_get(found, "rows");
		assert_int_equal(json_array_size(rows), WSM__SAMPLES + 50 - first[i]);
		assert_int_equal(json_integer_value(json_array_get(json_array_get(rows, 0), 1)), first[i]);
		json_decref(found);
	}
	wsm__buffer_fini(&out);
	wsm__queue_fini(&runtime.commands);
	free(samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_page_is_a_part_of_the_whole_in_order),
		cmocka_unit_test(a_list_is_left_when_its_time_is_over),
		cmocka_unit_test(a_search_knows_no_case_and_no_bounds),
		cmocka_unit_test(publications_are_held_while_somebody_watches),
		cmocka_unit_test(the_tail_is_bounded_by_number_and_bytes),
		cmocka_unit_test(samples_of_the_last_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
