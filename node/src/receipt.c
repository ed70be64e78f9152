/*
 * receipt.c - receipts of publications, in batches.
 *
 * Most receipts are never looked at. An object of JavaScript with a finalizer for each would cost more than the publication;
 * so a Receipt is a plain object that names its place in a Batch, and the batch alone is known to the garbage collector.
 * A batch goes when the last Receipt that names it has gone.
 */
#include "receipt.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "value.h"

#define BATCH_SIZE 128u
/* What the garbage collector is told that a batch weighs: the core's receipts hang on it. */
#define BATCH_WEIGHT ((int64_t)(BATCH_SIZE * 256u))

static const napi_type_tag batch_tag = { 0x7a3f5a1de0c94c1bULL, 0x9b1f0d6c52e84e07ULL };

struct batch {
	unsigned refs; /* of the JavaScript object and the seat */
	unsigned n;
	wsm_receipt *at[BATCH_SIZE];
};

void addon_batch_unref(struct batch *batch)
{
	if (!batch || --batch->refs > 0)
		return;
	for (unsigned i = 0; i < batch->n; i++)
		wsm_receipt_unref(batch->at[i]);
	free(batch);
}

static void on_collected(napi_env env, void *data, void *hint)
{
	int64_t weight;

	(void)hint;
	napi_adjust_external_memory(env, -BATCH_WEIGHT, &weight);
	addon_batch_unref(data);
}

int addon_batch_next(const struct seat *seat)
{
	const struct batch *batch = seat->batch;

	return batch && batch->n < BATCH_SIZE ? (int)batch->n : -1;
}

void addon_batch_put(struct seat *seat, wsm_receipt *receipt)
{
	seat->batch->at[seat->batch->n++] = receipt;
}

static napi_value construct(napi_env env, napi_callback_info info)
{
	napi_value receiver;
	struct batch *batch = calloc(1, sizeof(*batch));
	int64_t weight;

	if (!batch)
		return addon_raise(env, WSM_ENOMEM, NULL);
	batch->refs = 1;
	if (!addon_ok(env, napi_get_cb_info(env, info, NULL, NULL, &receiver, NULL)) ||
	    !addon_ok(env, napi_type_tag_object(env, receiver, &batch_tag)) ||
	    !addon_ok(env, napi_wrap(env, receiver, batch, on_collected, NULL, NULL))) {
		addon_batch_unref(batch);
		return NULL;
	}
	napi_adjust_external_memory(env, BATCH_WEIGHT, &weight);
	return receiver;
}

/* The Batch that an argument is; NULL with an exception. */
static struct batch *batch_of(napi_env env, napi_value object)
{
	bool is_batch = false;
	void *data = NULL;

	if (napi_check_object_type_tag(env, object, &batch_tag, &is_batch) != napi_ok || !is_batch) {
		napi_throw_type_error(env, NULL, "that is no Batch");
		return NULL;
	}
	return addon_ok(env, napi_unwrap(env, object, &data)) ? data : NULL;
}

/* Runtime.batch(batch): the receipts of the next publications go there. */
METHOD(batch)
{
	napi_value args[1];
	struct seat *seat = addon_seat(env, info, 1, args);
	struct batch *batch = seat ? batch_of(env, args[0]) : NULL;

	if (!batch)
		return NULL;
	addon_batch_unref(seat->batch);
	seat->batch = batch;
	batch->refs++;
	return NULL;
}

static struct batch *receiver_of(napi_env env, napi_callback_info info, size_t n, napi_value *args)
{
	napi_value receiver;
	void *data = NULL;

	if (!addon_ok(env, napi_get_cb_info(env, info, &n, args, &receiver, NULL)) ||
	    !addon_ok(env, napi_unwrap(env, receiver, &data)))
		return NULL;
	return data;
}

static wsm_receipt *receipt_at(napi_env env, struct batch *batch, napi_value place)
{
	uint32_t at = 0;

	if (!addon_ok(env, napi_get_value_uint32(env, place, &at)))
		return NULL;
	if (at < batch->n)
		return batch->at[at];
	napi_throw_range_error(env, NULL, "there is no receipt at that place");
	return NULL;
}

/* look(place): undefined while it is pending, else [status, recipients, room, epoch, offset, messageId, superseded, stored, duplicate]. */
static napi_value look(napi_env env, napi_callback_info info)
{
	napi_value args[1], array, values[9];
	struct batch *batch = receiver_of(env, info, 1, args);
	wsm_receipt *receipt = batch ? receipt_at(env, batch, args[0]) : NULL;
	wsm_delivery delivery;

	if (!receipt)
		return NULL;
	if (!wsm_receipt_done(receipt, &delivery))
		return addon_undefined(env);
	values[0] = addon_number(env, delivery.status);
	values[1] = addon_number(env, (double)delivery.recipients);
	values[2] = addon_string_value(env, delivery.room, strlen(delivery.room));
	values[3] = addon_string_value(env, delivery.epoch, strlen(delivery.epoch));
	values[4] = addon_number(env, (double)delivery.offset);
	values[5] = addon_string_value(env, delivery.message_id, strlen(delivery.message_id));
	if (!addon_ok(env, napi_get_boolean(env, delivery.superseded, &values[6])) ||
	    !addon_ok(env, napi_get_boolean(env, delivery.stored, &values[7])) ||
	    !addon_ok(env, napi_get_boolean(env, delivery.duplicate, &values[8])) ||
	    !addon_ok(env, napi_create_array_with_length(env, 9, &array)))
		return NULL;
	for (uint32_t i = 0; i < 9; i++)
		if (!values[i] || !addon_ok(env, napi_set_element(env, array, i, values[i])))
			return NULL;
	return array;
}

/*
 * figures(place): undefined if the publication was made without PUBLISH_REPORT, else [deliveries, written, conflated, dropped,
 * lagging, pending, settled].
 */
static napi_value figures(napi_env env, napi_callback_info info)
{
	napi_value args[1], array, values[7];
	struct batch *batch = receiver_of(env, info, 1, args);
	wsm_receipt *receipt = batch ? receipt_at(env, batch, args[0]) : NULL;
	wsm_report report;

	if (!receipt)
		return NULL;
	if (wsm_receipt_report(receipt, &report) != WSM_OK)
		return addon_undefined(env);
	values[0] = addon_number(env, (double)report.deliveries);
	values[1] = addon_number(env, (double)report.written);
	values[2] = addon_number(env, (double)report.conflated);
	values[3] = addon_number(env, (double)report.dropped);
	values[4] = addon_number(env, (double)report.lagging);
	values[5] = addon_number(env, (double)report.pending);
	if (!addon_ok(env, napi_get_boolean(env, report.settled, &values[6])) ||
	    !addon_ok(env, napi_create_array_with_length(env, 7, &array)))
		return NULL;
	for (uint32_t i = 0; i < 7; i++)
		if (!values[i] || !addon_ok(env, napi_set_element(env, array, i, values[i])))
			return NULL;
	return array;
}

/*
 * Runtime.watch(batch, place, token): one EVENT_RECEIPT with that token comes to this Runtime; false if the receipt is done
 * already. Once for each receipt.
 */
METHOD(watch)
{
	napi_value args[3], result;
	struct seat *seat = addon_seat(env, info, 3, args);
	struct batch *batch = seat ? batch_of(env, args[0]) : NULL;
	wsm_receipt *receipt = batch ? receipt_at(env, batch, args[1]) : NULL;
	struct watch *watch;
	unsigned token;
	bool watched;

	if (!receipt || !addon_uint(env, args[2], "token", &token))
		return NULL;
	if (wsm_receipt_data(receipt)) {
		napi_throw_error(env, "internal", "this receipt is being watched already");
		return NULL;
	}
	watch = malloc(sizeof(*watch));
	if (!watch)
		return addon_raise(env, WSM_ENOMEM, NULL);
	watch->place = seat->place.id;
	watch->token = token;
	wsm_receipt_set_data(receipt, watch); /* before the watch: the event may come at once */
	watched = wsm_receipt_watch(receipt);
	if (!watched) {
		wsm_receipt_set_data(receipt, NULL);
		free(watch);
	}
	return addon_ok(env, napi_get_boolean(env, watched, &result)) ? result : NULL;
}

/* Runtime.watchReport(batch, place, token): the same for its report, by EVENT_REPORT; false if that is settled already. */
METHOD(watch_report)
{
	napi_value args[3], result;
	struct seat *seat = addon_seat(env, info, 3, args);
	struct batch *batch = seat ? batch_of(env, args[0]) : NULL;
	wsm_receipt *receipt = batch ? receipt_at(env, batch, args[1]) : NULL;
	unsigned token;
	bool watched;

	if (!receipt || !addon_uint(env, args[2], "token", &token))
		return NULL;
	watched = wsm_receipt_watch_report(receipt, seat->place.id << 32 | token);
	return addon_ok(env, napi_get_boolean(env, watched, &result)) ? result : NULL;
}

bool addon_batch_define(napi_env env, napi_value exports)
{
	const napi_property_descriptor methods[] = {
		{ "look", NULL, look, NULL, NULL, NULL, napi_default_method, NULL },
		{ "figures", NULL, figures, NULL, NULL, NULL, napi_default_method, NULL },
	};
	napi_value class, size = addon_number(env, BATCH_SIZE);

	return size && addon_ok(env, napi_set_named_property(env, exports, "BATCH_SIZE", size)) &&
	       addon_ok(env, napi_define_class(env, "Batch", NAPI_AUTO_LENGTH, construct, NULL, 2, methods, &class)) &&
	       addon_ok(env, napi_set_named_property(env, exports, "Batch", class));
}
