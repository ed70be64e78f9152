/* worker.h - the thread of a store. */
#ifndef WSM_STORE_WORKER_H
#define WSM_STORE_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/batch.h"

#define WSM__STORE_PACE_US 1000u /* from one transaction to the next, at least */

struct wsm__store {
	struct wsm__store_options options;
	char *path;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* by the monotonic clock */
	atomic_size_t bytes; /* of jobs that are not answered */

	/* Under the lock: */
	struct wsm__store_job *waiting, **waiting_end;
	struct wsm__store_job *done, **done_end;
	struct wsm__store_sent *sent;
	uint64_t sent_us; /* when the first of them was said */
	bool asleep, closing, told;
	struct wsm__store_figures figures;

	/* The thread's: */
	struct wsm__store_file file;
	struct wsm__store_table table;
	struct wsm__store_sweep sweep;
	bool usable;            /* the file is open */
	bool lost;              /* and never will be again */
	bool whole;             /* though lost: only its -wal has no name any more, and goes into the file at the end */
	uint64_t open_until_us; /* store_wait: when it is said that the file was not to be had */
	uint64_t open_next_us;
	bool reviewed;     /* the rules are complete: what they do not want may go */
	uint64_t batch_us; /* begin of the last transaction */
	uint64_t saved_us, looked_us, sweep_us, round_us;
	bool sweeping; /* the last step was a full one */
	uint64_t failure_told_us, failures_untold;
	uint64_t peak_us[2], peaks_us; /* longest transactions of this minute and the last, and when it began */
	uint64_t appended_before;      /* when the rate was last looked at */
};

/* The thread's function; `data` is the store. Ends when the store is closing and nothing waits. */
void *wsm__store_work(void *data);
/* Sets up what depends on the open file. */
void wsm__store_opened(struct wsm__store *store);
/* Under the lock or before the thread: a new state, and since when. */
void wsm__store_enter(struct wsm__store *store, enum wsm__store_state state, const char *reason);

#endif
