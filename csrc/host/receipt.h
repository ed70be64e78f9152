/*
 * receipt.h - receipts: a host thread and the runtime thread share them, so counts and state are atomic.
 *
 * State moves PENDING -> DONE, or PENDING -> WATCHED -> DONE. In a race the second move sees the first, so either
 * wsm_receipt_watch() returns false, or an event comes, never both.
 *
 * Only a receipt with WSM_PUBLISH_REPORT has a report. The runtime thread counts in its own tally, and copies changes into the report
 * once per turn of its loop, under the lock: so a delivery needs no lock, and the host's figures always add up.
 */
#ifndef WSM_HOST_RECEIPT_H
#define WSM_HOST_RECEIPT_H

#include <pthread.h>
#include <stdatomic.h>

#include "ws_manager.h"

wsm_receipt *wsm__receipt_new(wsm_runtime *runtime, unsigned references, bool with_report);

/* The report of a receipt with WSM_PUBLISH_REPORT. */
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
	struct wsm__report *report; /* NULL: no report */
	bool counted;               /* for the runtime thread alone: it has made a tally */
	wsm_delivery delivery;      /* written before state becomes DONE, read after that */
};

enum wsm__receipt_state { WSM__PENDING, WSM__WATCHED, WSM__DONE };

#endif
