/*
 * Receipts: shared by a host thread and the runtime thread, so counts and state are atomic.
 *
 * State moves PENDING -> DONE, or PENDING -> WATCHED -> DONE; whoever makes the second move of a race sees the first one, so
 * exactly one of "watch() says it is done" and "an event comes" happens.
 *
 * A report is what only those receipts have whose publication asked for it. The runtime thread counts in a tally of its own, and
 * once per turn of its loop it copies what has changed into the report, under the lock: so a delivery costs no lock, and what
 * the host sees always adds up.
 */
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

enum state { PENDING, WATCHED, DONE };

struct report {
	pthread_mutex_t lock; /* of all that follows */
	wsm_report figures;
	bool watched;
	uint64_t ticket;
};

struct wsm_receipt {
	atomic_uint refs;
	atomic_int state;
	wsm_runtime *runtime;
	void *data;
	struct report *report; /* NULL: none was asked for */
	bool counted;          /* by the runtime thread alone: there is, or was, a tally */
	wsm_delivery delivery; /* written before state becomes DONE, read after */
};

/* The runtime thread's half of a report. */
struct report_tally {
	struct wsm__tally tally; /* first */
	wsm_receipt *receipt;    /* reference */
	bool published;          /* the fan-out is done */
};

wsm_receipt *wsm__receipt_new(wsm_runtime *runtime, unsigned references, bool with_report)
{
	wsm_receipt *receipt = malloc(sizeof(*receipt)); /* for every call of the host: the delivery is not cleared */

	if (!receipt)
		return NULL;
	atomic_init(&receipt->refs, references);
	atomic_init(&receipt->state, PENDING);
	receipt->runtime = runtime;
	receipt->data = NULL;
	receipt->report = NULL;
	receipt->counted = false;
	if (!with_report)
		return receipt;
	receipt->report = calloc(1, sizeof(*receipt->report));
	if (!receipt->report || pthread_mutex_init(&receipt->report->lock, NULL)) {
		free(receipt->report);
		free(receipt);
		return NULL;
	}
	return receipt;
}

void wsm_receipt_ref(wsm_receipt *receipt)
{
	atomic_fetch_add_explicit(&receipt->refs, 1, memory_order_relaxed);
}

void wsm_receipt_unref(wsm_receipt *receipt)
{
	if (!receipt || atomic_fetch_sub_explicit(&receipt->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (receipt->report) {
		pthread_mutex_destroy(&receipt->report->lock);
		free(receipt->report);
	}
	free(receipt);
}

bool wsm_receipt_done(wsm_receipt *receipt, wsm_delivery *delivery)
{
	if (atomic_load_explicit(&receipt->state, memory_order_acquire) != DONE)
		return false;
	if (delivery)
		*delivery = receipt->delivery;
	return true;
}

bool wsm_receipt_watch(wsm_receipt *receipt)
{
	int expected = PENDING;

	return atomic_compare_exchange_strong(&receipt->state, &expected, WATCHED) || expected == WATCHED;
}

void wsm_receipt_set_data(wsm_receipt *receipt, void *data)
{
	receipt->data = data;
}

void *wsm_receipt_data(const wsm_receipt *receipt)
{
	return receipt->data;
}

/* Tells the host of it; the reference goes along. */
static void post(wsm_receipt *receipt, wsm_event_kind kind, uint64_t ticket)
{
	struct wsm__event *event = wsm__event_new(kind, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));

	if (!event) {
		wsm_receipt_unref(receipt);
		return;
	}
	event->event.receipt = receipt;
	event->event.ticket = ticket;
	wsm__event_post(receipt->runtime, event, true);
}

/* ---- reports ---------------------------------------------------------------------------------------------------- */

int wsm_receipt_report(wsm_receipt *receipt, wsm_report *report)
{
	memset(report, 0, sizeof(*report));
	if (!receipt->report)
		return WSM_EINVAL;
	pthread_mutex_lock(&receipt->report->lock);
	*report = receipt->report->figures;
	pthread_mutex_unlock(&receipt->report->lock);
	return WSM_OK;
}

bool wsm_receipt_watch_report(wsm_receipt *receipt, uint64_t ticket)
{
	struct report *report = receipt->report;
	bool watched;

	if (!report)
		return false;
	pthread_mutex_lock(&report->lock);
	watched = !report->figures.settled && !report->watched;
	if (watched) {
		report->watched = true;
		report->ticket = ticket;
	}
	pthread_mutex_unlock(&report->lock);
	return watched;
}

static void tell(wsm_receipt *receipt, const wsm_report *figures)
{
	struct report *report = receipt->report;
	uint64_t ticket;
	bool due;

	pthread_mutex_lock(&report->lock);
	report->figures = *figures;
	due = figures->settled && report->watched;
	ticket = report->ticket;
	pthread_mutex_unlock(&report->lock);
	if (!due)
		return;
	wsm_receipt_ref(receipt);
	post(receipt, WSM_EVENT_REPORT, ticket);
}

static void tally_free(struct wsm__tally *tally)
{
	struct report_tally *counts = (struct report_tally *)(void *)tally;

	wsm_receipt_unref(counts->receipt);
	free(counts);
}

struct wsm__tally *wsm__report_begin(wsm_receipt *receipt)
{
	struct report_tally *counts;

	if (!receipt || !receipt->report || !(counts = calloc(1, sizeof(*counts))))
		return NULL;
	counts->tally.refs = 1;
	counts->tally.free = tally_free;
	counts->receipt = receipt;
	wsm_receipt_ref(receipt);
	receipt->counted = true;
	return &counts->tally;
}

/* Copies the counts into the report. */
static void tell_counts(struct wsm__tally *tally)
{
	const struct report_tally *counts = (const struct report_tally *)(const void *)tally;
	wsm_report figures = {
		.deliveries = wsm__deliveries_total(tally->fates),
		.written = tally->fates[WSM__WRITTEN],
		.conflated = tally->fates[WSM__CONFLATED],
		.dropped = wsm__deliveries_dropped(tally->fates),
		.lagging = tally->fates[WSM__LAGGING],
		.pending = tally->fates[WSM__WAITING],
	};

	if (tally->final)
		return;
	figures.settled = tally->final = counts->published && !figures.lagging && !figures.pending;
	tell(counts->receipt, &figures);
}

void wsm__report_published(struct wsm__tally *tally)
{
	if (!tally)
		return;
	((struct report_tally *)(void *)tally)->published = true;
	tell_counts(tally); /* at once: who sees that the receipt is done sees how many deliveries there are */
	wsm__tally_unref(tally);
}

void wsm__reports_tell(struct wsm__deliveries *deliveries)
{
	struct wsm__tally *tally = deliveries->changed, *next;

	deliveries->changed = NULL;
	for (; tally; tally = next) {
		next = tally->next_changed;
		tally->changed = false;
		tell_counts(tally);
		wsm__tally_unref(tally);
	}
}

/* ---- the outcome ------------------------------------------------------------------------------------------------ */

void wsm__receipt_finish(wsm_receipt *receipt, const wsm_delivery *delivery)
{
	static const wsm_report none = { .settled = true };

	if (!receipt)
		return;
	receipt->delivery = *delivery;
	if (receipt->report && !receipt->counted) /* it was never sent */
		tell(receipt, &none);
	if (atomic_exchange_explicit(&receipt->state, DONE, memory_order_acq_rel) == WATCHED)
		post(receipt, WSM_EVENT_RECEIPT, 0);
	else
		wsm_receipt_unref(receipt);
}
