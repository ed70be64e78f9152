/*
 * store.h - the store: one SQLite file (option `store`) and the thread that owns it.
 *
 * Who uses it hands jobs in and gets each back by its done(): nobody waits for a disk but the store thread. All jobs that waited
 * while the last transaction ran are one transaction; it ends before any of them is answered, so what is answered with WSM_OK
 * is in the file, and survives the death of the process.
 *
 * Threads.   open() and close() on the host's thread; submit(), take(), sent(), close_room() on one thread, the runtime's;
 *            waiting() and figures() on any. The functions of the options are called on the store thread, which must not be
 *            held up there; log() also by open().
 * Order.     Jobs run, and are answered, in the order of submission.
 * Statuses.  Of every job: WSM_OK; WSM_EUNAVAILABLE: the file cannot be written or read now (full disk, I/O error, another
 *            process has it, it was removed), nothing was changed and no offset given away; WSM_EINVAL: no such handle;
 *            WSM_ENOMEM. Questions are answered also where only writing fails.
 * Memory.    A job and all its slices belong to the store from submit() to done(). What answers point to belongs to the job:
 *            wsm__store_job_fini() frees it.
 */
#ifndef WSM_STORE_STORE_H
#define WSM_STORE_STORE_H

#include "store/jobs.h"

struct wsm__store;

/*
 * Opens the file, or makes it, and starts the thread. The options' texts are copied. With `wait_ms`, a file that another process has
 * is WSM_OK: the store is `waiting` until the other goes. WSM_ELOCKED says who has it; WSM_ECONFIG: it is no store, of a newer version,
 * damaged, or cannot be opened or written; WSM_ESYSTEM, WSM_ENOMEM. A file that is refused is left as it was.
 */
int wsm__store_open(struct wsm__store **out, const struct wsm__store_options *options, wsm_error *error);
/*
 * Runs all that waits, takes the mark "running" from the file and ends the thread. Answers that nobody has taken are given now, on
 * this thread. close(NULL) is fine.
 */
void wsm__store_close(struct wsm__store *store);

/* Hands a job in. Never blocks and never fails; the job's done() says what came of it. */
void wsm__store_submit(struct wsm__store *store, struct wsm__store_job *job);
/* Calls done() of all that is answered. */
void wsm__store_take(struct wsm__store *store);
/* Frees what an answer points to. */
void wsm__store_job_fini(struct wsm__store_job *job);

/* Notes how far a room was delivered. Not answered; the last of several is written with the next transaction. */
void wsm__store_sent(struct wsm__store *store, uint64_t handle, uint64_t offset);
/* Gives a handle back, after all that was submitted with it. Not answered. */
void wsm__store_close_room(struct wsm__store *store, uint64_t handle);

/* Bytes of jobs that are not answered yet (blobs, texts, and a little for each), for the caller to bound. */
size_t wsm__store_waiting(struct wsm__store *store);

/* Any thread. Costs a lock for an instant. */
void wsm__store_figures(struct wsm__store *store, struct wsm__store_figures *figures);

#endif
