#include "host/receipt.h"

#include <stdlib.h>
#include <string.h>

wsm_receipt *wsm__receipt_new(wsm_runtime *runtime, unsigned references, bool with_report)
{
	wsm_receipt *receipt = malloc(sizeof(*receipt)); /* not calloc(), for speed: `delivery` stays uninitialised */

	if (!receipt)
		return NULL;
	atomic_init(&receipt->refs, references);
	atomic_init(&receipt->state, WSM__PENDING);
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
	if (atomic_load_explicit(&receipt->state, memory_order_acquire) != WSM__DONE)
		return false;
	if (delivery)
		*delivery = receipt->delivery;
	return true;
}

bool wsm_receipt_watch(wsm_receipt *receipt)
{
	int expected = WSM__PENDING;

	return atomic_compare_exchange_strong(&receipt->state, &expected, WSM__WATCHED) || expected == WSM__WATCHED;
}

void wsm_receipt_set_data(wsm_receipt *receipt, void *data)
{
	receipt->data = data;
}

void *wsm_receipt_data(const wsm_receipt *receipt)
{
	return receipt->data;
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
