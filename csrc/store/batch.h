/* batch.h - jobs that are one transaction. */
#ifndef WSM_STORE_BATCH_H
#define WSM_STORE_BATCH_H

#include "store/prune.h"

/* How far rooms were delivered: the last that was said of each. */
struct wsm__store_sent {
	UT_hash_handle hh;
	uint64_t handle, offset;
};

struct wsm__store_batch {
	struct wsm__store_job *jobs; /* linked by `next` */
	struct wsm__store_sent *sent;
	size_t save; /* so many rows of rooms that are old are written besides */
	uint64_t appended, refused;
	bool wrote;
};

/*
 * Runs all, and fills in their statuses. Returns 0, or -1: the transaction failed, nothing of it is in the file, its changes are
 * answered WSM_EUNAVAILABLE and its questions by what is in the file without it.
 */
int wsm__store_batch_run(struct wsm__store_table *table, struct wsm__store_sweep *sweep,
                         struct wsm__store_batch *batch);
/* Answers all of them WSM_EUNAVAILABLE. */
void wsm__store_batch_refuse(struct wsm__store_table *table, struct wsm__store_batch *batch);

#endif
