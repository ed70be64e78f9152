/*
 * table.h - a page of a long list: what was found is collected, put in order as far as the page needs it, and written by its
 * owner. No item is looked at once the time is over: then the table says that it did not look at all.
 */
#ifndef WSM_ADMIN_TABLE_H
#define WSM_ADMIN_TABLE_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__call;

#define WSM__ADMIN_BUDGET_US 4000u /* for one table; what was not looked at by then is said to be missing */
#define WSM__TABLE_LIMIT 50u       /* rows of a page, if the call does not say */
#define WSM__TABLE_LIMIT_MAX 500u  /* at most */
#define WSM__TABLE_SEARCH_MAX 128u

/* What is asked for: search=, sort= (with '-' before it: largest first), offset=, limit=. */
struct wsm__table_request {
	char search[WSM__TABLE_SEARCH_MAX]; /* small letters */
	size_t search_len;
	char sort[24];
	bool descending;
	uint64_t offset, limit;
};

struct wsm__row {
	uint64_t key;     /* what is sorted by: a number, */
	const char *text; /* or a text; NULL: the number */
	uint64_t number;  /* where that is the same: the newer one goes first */
	const void *item;
};

struct wsm__table {
	const struct wsm__table_request *request;
	struct wsm__row *rows;
	size_t n, capacity;
	uint64_t total, looked; /* items there are, and that were looked at */
	uint64_t until_us;
	bool failed; /* out of memory */
};

/* False if a parameter is malformed: the call is refused then. */
bool wsm__table_parse(struct wsm__call *call, struct wsm__table_request *request);
/* The number of the column that is sorted by among `n`; `otherwise` if the call does not say, -1 if there is none of that name. */
int wsm__table_column(const struct wsm__table_request *request, const char *const *names, int n, int otherwise);
void wsm__table_init(struct wsm__table *table, const struct wsm__table_request *request, uint64_t total);
void wsm__table_fini(struct wsm__table *table);
/* Before each item: whether there is time to look at it. */
bool wsm__table_goes_on(struct wsm__table *table);
static inline bool wsm__table_searches(const struct wsm__table *table)
{
	return table->request->search_len > 0;
}
/* Whether the text has what is searched for in it, small and large ASCII letters alike. */
bool wsm__table_matches(const struct wsm__table *table, wsm_slice text);
void wsm__table_add(struct wsm__table *table, uint64_t key, const char *text, uint64_t number, const void *item);
/* Puts the page in order; its rows are rows[offset] to rows[offset + the result - 1]. */
size_t wsm__table_page(struct wsm__table *table);
/* Appends "total":…,"looked":…,"matched":…,"offset":…, */
void wsm__table_describe(const struct wsm__table *table, struct wsm__buffer *out);

/* A rate with one decimal, whatever the host's locale. */
void wsm__admin_add_rate(struct wsm__buffer *out, double rate);

#endif
