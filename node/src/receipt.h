/* receipt.h - receipts of publications, in batches. */
#ifndef WSM_NODE_RECEIPT_H
#define WSM_NODE_RECEIPT_H

#include "seat.h"

METHOD(batch);
METHOD(watch);
METHOD(watch_report);

bool addon_batch_define(napi_env env, napi_value exports);
/* The place of the next receipt of a seat, which is its number; -1: the batch is full, or there is none. */
int addon_batch_next(const struct seat *seat);
void addon_batch_put(struct seat *seat, wsm_receipt *receipt);
void addon_batch_unref(struct batch *batch);

#endif
