#include "host/report.h"

#include <stdlib.h>

#include "base/slice.h"
#include "host/events.h"
#include "host/receipt.h"
#include "rooms/deliveries.h"

/* The runtime thread's half of a report. */
struct report_tally {
	struct wsm__tally tally; /* first */
	wsm_receipt *receipt;    /* reference */
	bool published;          /* the fan-out is done */
};

/* Posts an event, which takes over the reference. */
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

bool wsm_receipt_watch_report(wsm_receipt *receipt, uint64_t ticket)
{
	struct wsm__report *report = receipt->report;
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
	struct wsm__report *report = receipt->report;
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
	tell_counts(tally); /* now, so that the report has its counts when the receipt is done */
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

void wsm__receipt_finish(wsm_receipt *receipt, const wsm_delivery *delivery)
{
	static const wsm_report none = { .settled = true };

	if (!receipt)
		return;
	receipt->delivery = *delivery;
	if (receipt->report && !receipt->counted) /* it was never sent */
		tell(receipt, &none);
	if (atomic_exchange_explicit(&receipt->state, WSM__DONE, memory_order_acq_rel) == WSM__WATCHED)
		post(receipt, WSM_EVENT_RECEIPT, 0);
	else
		wsm_receipt_unref(receipt);
}
