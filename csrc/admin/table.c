#include "admin/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rest/call.h"
#include "wire/target.h"

#define CLOCK_EVERY 128u /* items between two looks at the clock */

/* ---- the request ------------------------------------------------------------------------------------------------ */

/* False if it is there and no number up to `max`. */
static bool parse_number(wsm_slice query, const char *name, uint64_t max, uint64_t *out)
{
	char text[24], *end;
	int len = wsm__query_get(query, name, text, sizeof(text));

	if (len == -1)
		return true;
	if (len <= 0 || len > 18 || text[0] < '0' || text[0] > '9')
		return false;
	*out = strtoull(text, &end, 10);
	return *end == '\0' && *out <= max;
}

bool wsm__table_parse(struct wsm__call *call, struct wsm__table_request *request)
{
	wsm_slice query = call->request->query;
	char sort[sizeof(request->sort) + 1];
	int search_len, sort_len;

	memset(request, 0, sizeof(*request));
	request->limit = WSM__TABLE_LIMIT;
	search_len = wsm__query_get(query, "search", request->search, sizeof(request->search));
	sort_len = wsm__query_get(query, "sort", sort, sizeof(sort));
	if (search_len < -1 || sort_len < -1 || (search_len > 0 && memchr(request->search, 0, (size_t)search_len)) ||
	    !parse_number(query, "offset", UINT32_MAX, &request->offset) ||
	    !parse_number(query, "limit", WSM__TABLE_LIMIT_MAX, &request->limit)) {
		wsm__call_refuse(
			call, 400, "bad_request",
			"search is a text of at most 127 bytes, sort the name of a column, offset a number, limit one "
			"of at most 500");
		return false;
	}
	request->search_len = search_len > 0 ? (size_t)search_len : 0;
	for (size_t i = 0; i < request->search_len; i++)
		if (request->search[i] >= 'A' && request->search[i] <= 'Z')
			request->search[i] = (char)(request->search[i] - 'A' + 'a');
	if (sort_len > 0) {
		request->descending = sort[0] == '-';
		memcpy(request->sort, sort + request->descending, (size_t)sort_len + 1 - request->descending);
	}
	return true;
}

int wsm__table_column(const struct wsm__table_request *request, const char *const *names, int n, int otherwise)
{
	if (!*request->sort)
		return otherwise;
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], request->sort))
			return i;
	return -1;
}

/* ---- collecting ------------------------------------------------------------------------------------------------- */

void wsm__table_init(struct wsm__table *table, const struct wsm__table_request *request, uint64_t total)
{
	memset(table, 0, sizeof(*table));
	table->request = request;
	table->total = total;
	table->until_us = wsm__mono_us() + WSM__ADMIN_BUDGET_US;
}

void wsm__table_fini(struct wsm__table *table)
{
	free(table->rows);
}

bool wsm__table_goes_on(struct wsm__table *table)
{
	if (table->failed || (table->looked % CLOCK_EVERY == CLOCK_EVERY - 1 && wsm__mono_us() > table->until_us))
		return false;
	table->looked++;
	return true;
}

static bool equal_nocase(const char *text, const char *search, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != search[i] && !(text[i] >= 'A' && text[i] <= 'Z' && text[i] - 'A' + 'a' == search[i]))
			return false;
	return true;
}

/* memchr() is many times faster than a look at each character. */
static bool has(wsm_slice text, char first, const char *search, size_t len)
{
	const char *end = text.data + text.len, *at = text.data;

	while ((size_t)(end - at) >= len && (at = memchr(at, first, (size_t)(end - at) - len + 1)) != NULL) {
		if (equal_nocase(at + 1, search + 1, len - 1))
			return true;
		at++;
	}
	return false;
}

bool wsm__table_matches(const struct wsm__table *table, wsm_slice text)
{
	const char *search = table->request->search;
	size_t len = table->request->search_len;

	return has(text, search[0], search, len) ||
	       (search[0] >= 'a' && search[0] <= 'z' && has(text, (char)(search[0] - 'a' + 'A'), search, len));
}

void wsm__table_add(struct wsm__table *table, uint64_t key, const char *text, uint64_t number, const void *item)
{
	if (table->n == table->capacity) {
		size_t capacity = table->capacity ? 2 * table->capacity : 256;
		struct wsm__row *rows = realloc(table->rows, capacity * sizeof(*rows));

		if (!rows) {
			table->failed = true;
			return;
		}
		table->rows = rows;
		table->capacity = capacity;
	}
	table->rows[table->n++] = (struct wsm__row){ key, text, number, item };
}

/* ---- order ------------------------------------------------------------------------------------------------------ */

/* Negative: `a` goes first. Smallest first, and of equals the newest. */
static int compare(const struct wsm__row *a, const struct wsm__row *b)
{
	int order = a->text && b->text ? strcmp(a->text, b->text) : (a->key > b->key) - (a->key < b->key);

	return order ? order : (a->number < b->number) - (a->number > b->number);
}

static int ascending(const void *a, const void *b)
{
	return compare(a, b);
}

static int descending(const void *a, const void *b)
{
	return compare(b, a);
}

static void swap(struct wsm__row *a, struct wsm__row *b)
{
	struct wsm__row c = *a;

	*a = *b;
	*b = c;
}

/* Hoare's selection: what belongs before row `nth` stands before it afterwards. No two rows are equal. */
static void select_nth(struct wsm__row *rows, size_t n, size_t nth, int (*order)(const void *, const void *))
{
	size_t low = 0, high = n - 1;

	while (low < high) {
		size_t i = low, j = high, middle = low + (high - low) / 2;
		struct wsm__row pivot;

		/* The median of three, against rows that are in order already. */
		if (order(&rows[middle], &rows[low]) < 0)
			swap(&rows[middle], &rows[low]);
		if (order(&rows[high], &rows[low]) < 0)
			swap(&rows[high], &rows[low]);
		if (order(&rows[high], &rows[middle]) < 0)
			swap(&rows[high], &rows[middle]);
		pivot = rows[middle];
		while (i <= j) {
			while (order(&rows[i], &pivot) < 0)
				i++;
			while (order(&rows[j], &pivot) > 0)
				j--;
			if (i <= j) {
				swap(&rows[i], &rows[j]);
				i++;
				if (!j)
					break;
				j--;
			}
		}
		if (nth <= j)
			high = j;
		else if (nth >= i)
			low = i;
		else
			return;
	}
}

size_t wsm__table_page(struct wsm__table *table)
{
	int (*order)(const void *, const void *) = table->request->descending ? descending : ascending;
	size_t offset = table->request->offset < table->n ? (size_t)table->request->offset : table->n, left, n;

	left = table->n - offset;
	n = left < table->request->limit ? left : (size_t)table->request->limit;
	if (!n)
		return 0;
	if (offset)
		select_nth(table->rows, table->n, offset, order);
	if (n < left)
		select_nth(table->rows + offset, left, n, order);
	qsort(table->rows + offset, n, sizeof(*table->rows), order);
	return n;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

void wsm__table_describe(const struct wsm__table *table, struct wsm__buffer *out)
{
	wsm__buffer_addf(out, "\"total\":%llu,\"looked\":%llu,\"matched\":%zu,\"offset\":%llu,",
	                 (unsigned long long)table->total, (unsigned long long)table->looked, table->n,
	                 (unsigned long long)table->request->offset);
}

void wsm__admin_add_rate(struct wsm__buffer *out, double rate)
{
	uint64_t tenths = rate > 0 ? (uint64_t)(rate * 10 + 0.5) : 0;

	wsm__buffer_addf(out, "%llu.%u", (unsigned long long)(tenths / 10), (unsigned)(tenths % 10));
}
