/*
 * Receipts: shared by a host thread and the runtime thread, so counts and state are atomic.
 *
 * State moves PENDING -> DONE, or PENDING -> WATCHED -> DONE; whoever makes the second move of a race sees the first one, so
 * exactly one of "watch() says it is done" and "an event comes" happens.
 */
#include <stdlib.h>
#include <string.h>

#include "net/runtime.h"

enum state { PENDING, WATCHED, DONE };

struct wsm_receipt {
	atomic_uint refs;
	atomic_int state;
	wsm_runtime *runtime;
	void *data;
	wsm_delivery delivery; /* written before state becomes DONE, read after */
};

wsm_receipt *wsm__receipt_new(wsm_runtime *runtime, unsigned references)
{
	wsm_receipt *receipt = malloc(sizeof(*receipt));

	if (!receipt)
		return NULL;
	atomic_init(&receipt->refs, references);
	atomic_init(&receipt->state, PENDING);
	receipt->runtime = runtime;
	receipt->data = NULL;
	return receipt;
}

void wsm_receipt_ref(wsm_receipt *receipt)
{
	atomic_fetch_add_explicit(&receipt->refs, 1, memory_order_relaxed);
}

void wsm_receipt_unref(wsm_receipt *receipt)
{
	if (receipt && atomic_fetch_sub_explicit(&receipt->refs, 1, memory_order_acq_rel) == 1)
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

void wsm__receipt_finish(wsm_receipt *receipt, const wsm_delivery *delivery)
{
	struct wsm__event *event;

	if (!receipt)
		return;
	receipt->delivery = *delivery;
	if (atomic_exchange_explicit(&receipt->state, DONE, memory_order_acq_rel) != WATCHED) {
		wsm_receipt_unref(receipt);
		return;
	}
	event = wsm__event_new(WSM_EVENT_RECEIPT, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));
	if (!event) {
		wsm_receipt_unref(receipt);
		return;
	}
	event->event.receipt = receipt; /* the reference goes along */
	wsm__event_post(receipt->runtime, event, true);
}
