#include "store/store.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/worker.h"

#define JOB_BYTES 256u /* what a job costs besides its texts */

static struct wsm__store *make(const struct wsm__store_options *options)
{
	struct wsm__store *store = calloc(1, sizeof(*store));
	pthread_condattr_t clock;

	if (!store)
		return NULL;
	store->options = *options;
	store->path = strdup(options->path);
	store->options.path = store->path;
	store->waiting_end = &store->waiting;
	store->done_end = &store->done;
	store->file.lock = -1;
	store->figures.sync_full = options->sync_full;
	pthread_mutex_init(&store->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&store->wake, &clock);
	pthread_condattr_destroy(&clock);
	return store;
}

static void destroy(struct wsm__store *store)
{
	pthread_cond_destroy(&store->wake);
	pthread_mutex_destroy(&store->lock);
	free(store->path);
	free(store);
}

/* Opens the file now, or finds that another process has it and may go. */
static int begin(struct wsm__store *store, wsm_error *error)
{
	const struct wsm__store_options *options = &store->options;
	wsm_error why = { 0 };
	int status = wsm__store_file_open(&store->file, store->path, options->sync_full, options->hooks, &why);

	if (status == WSM_OK) {
		wsm__store_enter(store, WSM__STORE_UP, "");
		wsm__store_opened(store);
	} else if (status == WSM_ELOCKED && options->wait_ms) {
		wsm__store_enter(store, WSM__STORE_WAITING, why.message);
		store->open_until_us = wsm__mono_us() + options->wait_ms * UINT64_C(1000);
		status = WSM_OK;
	} else {
		wsm__fail(error, status, "%s", why.message);
	}
	return status;
}

/* The thread takes no signal: they are the host's. */
static int start(struct wsm__store *store, wsm_error *error)
{
	sigset_t all, before;
	int failure;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failure = pthread_create(&store->thread, NULL, wsm__store_work, store);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!failure)
		return WSM_OK;
	if (store->usable)
		wsm__store_file_close(&store->file, true);
	return wsm__fail(error, WSM_ESYSTEM, "store: cannot start a thread: %s", strerror(failure));
}

int wsm__store_open(struct wsm__store **out, const struct wsm__store_options *options, wsm_error *error)
{
	struct wsm__store *store = make(options);
	int status = store && store->path ? begin(store, error) : wsm__fail(error, WSM_ENOMEM, "out of memory");

	if (status == WSM_OK)
		status = start(store, error);
	if (status != WSM_OK && store)
		destroy(store);
	*out = status == WSM_OK ? store : NULL;
	return status;
}

void wsm__store_close(struct wsm__store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->lock);
	store->closing = true;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->thread, NULL);
	for (wsm__store_take(store); store->waiting; wsm__store_take(store)) {
		/* A done() has handed in another: nobody runs it. */
		for (struct wsm__store_job *job = store->waiting; job; job = job->next)
			job->status = WSM_EUNAVAILABLE;
		store->done = store->waiting;
		store->waiting = NULL;
		store->waiting_end = &store->waiting;
	}
	destroy(store);
}

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

static size_t charge(const struct wsm__store_job *job)
{
	if (job->kind == WSM__STORE_APPEND) {
		const struct wsm__store_append *append = (const struct wsm__store_append *)job;

		return JOB_BYTES + append->blob.len + append->type.len + append->key.len + append->once.len;
	}
	if (job->kind == WSM__STORE_PUT)
		return JOB_BYTES + ((const struct wsm__store_item *)job)->value.len;
	return JOB_BYTES;
}

void wsm__store_submit(struct wsm__store *store, struct wsm__store_job *job)
{
	bool asleep;

	job->next = NULL;
	job->memory = NULL;
	job->bytes = charge(job);
	atomic_fetch_add_explicit(&store->bytes, job->bytes, memory_order_relaxed);
	pthread_mutex_lock(&store->lock);
	*store->waiting_end = job;
	store->waiting_end = &job->next;
	store->figures.waiting_jobs++;
	asleep = store->asleep;
	store->asleep = false;
	pthread_mutex_unlock(&store->lock);
	if (asleep)
		pthread_cond_signal(&store->wake);
}

void wsm__store_take(struct wsm__store *store)
{
	struct wsm__store_job *job, *next;

	pthread_mutex_lock(&store->lock);
	job = store->done;
	store->done = NULL;
	store->done_end = &store->done;
	store->told = false;
	pthread_mutex_unlock(&store->lock);
	for (; job; job = next) {
		next = job->next;
		job->done(job);
	}
}

void wsm__store_job_fini(struct wsm__store_job *job)
{
	free(job->memory);
	job->memory = NULL;
}

void wsm__store_sent(struct wsm__store *store, uint64_t handle, uint64_t offset)
{
	struct wsm__store_sent *sent;

	pthread_mutex_lock(&store->lock);
	HASH_FIND(hh, store->sent, &handle, sizeof(handle), sent);
	if (!sent && (sent = calloc(1, sizeof(*sent)))) {
		sent->handle = handle;
		if (!store->sent) {
			store->sent_us = wsm__mono_us();
			pthread_cond_signal(&store->wake); /* it waits for less now */
		}
		HASH_ADD(hh, store->sent, handle, sizeof(handle), sent);
	}
	if (sent && offset > sent->offset)
		sent->offset = offset;
	pthread_mutex_unlock(&store->lock);
}

void wsm__store_close_room(struct wsm__store *store, uint64_t handle)
{
	struct wsm__store_open_room *job = calloc(1, sizeof(*job));

	if (!job) /* the handle stays until the store is closed */
		return;
	job->job.kind = WSM__STORE_CLOSE_ROOM;
	job->handle = handle;
	wsm__store_submit(store, &job->job);
}

/* ---- figures ---------------------------------------------------------------------------------------------------- */

size_t wsm__store_waiting(struct wsm__store *store)
{
	return atomic_load_explicit(&store->bytes, memory_order_relaxed);
}

void wsm__store_figures(struct wsm__store *store, struct wsm__store_figures *figures)
{
	pthread_mutex_lock(&store->lock);
	*figures = store->figures;
	pthread_mutex_unlock(&store->lock);
	figures->waiting_bytes = wsm__store_waiting(store);
}
