/*
 * receipt.h - receipts: shared by a host thread and the runtime thread, so counts and state are atomic.
 *
 * State moves PENDING -> DONE, or PENDING -> WATCHED -> DONE; whoever makes the second move of a race sees the first one, so
 * exactly one of "watch() says it is done" and "an event comes" happens.
 *
 * A report is what only those receipts have whose publication asked for it. The runtime thread counts in a tally of its own, and
 * once per turn of its loop it copies what has changed into the report, under the lock: so a delivery costs no lock, and what
 * the host sees always adds up.
 */
#ifndef WSM_HOST_RECEIPT_H
#define WSM_HOST_RECEIPT_H

#include <pthread.h>
#include <stdatomic.h>

#include "ws_manager.h"

wsm_receipt *wsm__receipt_new(wsm_runtime *runtime, unsigned references, bool with_report);

/* Only receipts have one whose publication asked for it. */
struct wsm__report {
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
	struct wsm__report *report; /* NULL: none was asked for */
	bool counted;               /* by the runtime thread alone: there is, or was, a tally */
	wsm_delivery delivery;      /* written before state becomes DONE, read after */
};

enum wsm__receipt_state { WSM__PENDING, WSM__WATCHED, WSM__DONE };

#endif
