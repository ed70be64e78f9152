#include "store/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "store/items.h"
#include "store/wal.h"

#define SECOND_US 1000000u
#define BATCH_JOBS 8192u
#define SENT_US 50000u   /* so long `sent` may wait for a transaction to go along with */
#define SAVE_US 500000u  /* and the rows of rooms */
#define SAVE_ROOMS 256u  /* of one transaction */
#define OPEN_US 50000u   /* between two tries to get the file from another process */
#define STEP_US 50000u   /* between two steps of the sweep */
#define REST_US 5000000u /* between two rounds of it, or as long as 20 times the last one took */
#define TOLD_US (60 * (uint64_t)SECOND_US)
#define ITEMS_STEP 500u

static void say(struct wsm__store *store, wsm_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void say(struct wsm__store *store, wsm_level level, const char *format, ...)
{
	char line[600];
	va_list args;

	if (!store->options.log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	store->options.log(store->options.context, level, line);
}

/* ---- states ----------------------------------------------------------------------------------------------------- */

void wsm__store_enter(struct wsm__store *store, enum wsm__store_state state, const char *reason)
{
	struct wsm__store_figures *figures = &store->figures;

	if (figures->state != state || !figures->since_ms)
		figures->since_ms = wsm__unix_ms();
	figures->state = state;
	snprintf(figures->reason, sizeof(figures->reason), "%.199s", reason);
}

static void enter(struct wsm__store *store, enum wsm__store_state state, const char *reason)
{
	pthread_mutex_lock(&store->lock);
	wsm__store_enter(store, state, reason);
	pthread_mutex_unlock(&store->lock);
}

void wsm__store_opened(struct wsm__store *store)
{
	const struct wsm__store_mark *mark = &store->file.mark;

	store->usable = true;
	wsm__store_table_init(&store->table, &store->file, &store->options);
	store->table.renewed = mark->renewed;
	if (mark->renewed)
		say(store, WSM_WARNING,
		    "store: %s: %llu rooms have got new epochs, since %s. What is kept can be read as before; clients "
		    "with older "
		    "positions are told that they may have missed something",
		    store->file.path, (unsigned long long)mark->renewed, mark->reason);
	if (store->file.half_checked)
		say(store, WSM_INFO,
		    "store: %s is too big to be checked in %u s: `python -m ws_manager store check` does it whole",
		    store->file.path, WSM__STORE_CHECK_MS / 1000);
}

/* The last transaction failed. */
static void failed(struct wsm__store *store, uint64_t now_us)
{
	/* The numbers of messages are given here alone: whoever else has given one has our file, past the lock. */
	if (strstr(store->file.reason, "constraint failed")) {
		store->lost = true;
		enter(store, WSM__STORE_DOWN, "another process writes the file");
		say(store, WSM_LEVEL_CRITICAL,
		    "store: another process writes %s as well: its rooms answer `unavailable` here until the server is "
		    "started "
		    "again. End the other first; nothing may remove %s-lock",
		    store->file.path, store->file.path);
		return;
	}
	enter(store, WSM__STORE_DOWN, store->file.reason);
	if (store->failure_told_us && now_us - store->failure_told_us < TOLD_US) {
		store->failures_untold++;
		return;
	}
	say(store, WSM_ERROR,
	    "store: cannot write %s (%s): what is published to its rooms is refused with `unavailable` until it works "
	    "again; "
	    "rooms in memory go on%s",
	    store->file.path, store->file.reason,
	    store->failures_untold ? " (it has failed more often than is said here)" : "");
	store->failure_told_us = now_us;
	store->failures_untold = 0;
}

static void works(struct wsm__store *store)
{
	if (store->figures.state == WSM__STORE_UP) /* only this thread writes it */
		return;
	enter(store, WSM__STORE_UP, "");
	say(store, WSM_INFO, "store: %s works again", store->file.path);
}

/* The path leads to another file or to none: what is written now would be gone. */
static bool is_lost(struct wsm__store *store)
{
	const char *what = store->lost ? NULL : wsm__store_file_lost(&store->file);
	char reason[60];

	if (!what)
		return store->lost;
	store->lost = true;
	store->whole = strcmp(what, "-wal") == 0;
	snprintf(reason, sizeof(reason), "the file%s%s was removed or replaced", *what ? "'s " : "", what);
	enter(store, WSM__STORE_DOWN, reason);
	say(store, WSM_LEVEL_CRITICAL,
	    "store: %s%s was removed or replaced while it was in use: its rooms answer `unavailable` until the server "
	    "is "
	    "started "
	    "again. Nothing may move it meanwhile; to copy it, use `python -m ws_manager store backup`",
	    store->file.path, what);
	return true;
}

/* ---- opening later ---------------------------------------------------------------------------------------------- */

static void try_to_open(struct wsm__store *store, uint64_t now_us)
{
	wsm_error error = { 0 };
	int status;

	if (store->lost || now_us < store->open_next_us)
		return;
	status =
		wsm__store_file_open(&store->file, store->path, store->options.sync_full, store->options.hooks, &error);
	if (status == WSM_OK) {
		wsm__store_opened(store);
		works(store);
		return;
	}
	store->open_next_us = now_us + OPEN_US;
	if (status != WSM_ELOCKED) {
		store->lost = true;
		enter(store, WSM__STORE_DOWN, error.message);
		say(store, WSM_LEVEL_CRITICAL, "%s", error.message);
	} else if (store->open_until_us && now_us >= store->open_until_us) {
		store->open_until_us = 0;
		enter(store, WSM__STORE_DOWN, error.message);
		say(store, WSM_ERROR, "%s (store_wait is over; it is still tried)", error.message);
	}
}

/* ---- a transaction ---------------------------------------------------------------------------------------------- */

static void measure(struct wsm__store *store, const struct wsm__store_batch *batch, int result, uint64_t took_us,
                    uint64_t now_us)
{
	struct wsm__store_figures *figures = &store->figures;

	if (now_us - store->peaks_us > TOLD_US) {
		store->peaks_us = now_us;
		store->peak_us[1] = store->peak_us[0];
		store->peak_us[0] = 0;
	}
	if (batch->wrote && took_us > store->peak_us[0])
		store->peak_us[0] = took_us;
	pthread_mutex_lock(&store->lock);
	if (batch->wrote && result == 0) {
		figures->commits++;
		figures->last_commit_us = took_us;
		figures->average_commit_us += (uint64_t)(((int64_t)took_us - (int64_t)figures->average_commit_us) / 16);
		if (figures->commits == 1)
			figures->average_commit_us = took_us;
	}
	figures->max_commit_us = store->peak_us[store->peak_us[1] > store->peak_us[0]];
	figures->failed += result != 0;
	figures->appended += batch->appended;
	figures->errors += batch->refused;
	figures->pruned = store->sweep.pruned;
	figures->renewed = store->table.renewed;
	pthread_mutex_unlock(&store->lock);
}

static void run(struct wsm__store *store, struct wsm__store_batch *batch, uint64_t now_us)
{
	int result = -1;
	uint64_t end_us;

	store->batch_us = now_us;
	if (!store->usable || is_lost(store)) {
		wsm__store_batch_refuse(&store->table, batch);
		measure(store, batch, 0, 0, now_us);
		return;
	}
	if (now_us - store->saved_us >= SAVE_US) {
		batch->save = SAVE_ROOMS;
		store->saved_us = now_us;
	}
	result = wsm__store_batch_run(&store->table, &store->sweep, batch);
	end_us = wsm__mono_us();
	if (result != 0)
		failed(store, end_us);
	else if (batch->wrote)
		works(store);
	for (const struct wsm__store_job *job = batch->jobs; job; job = job->next)
		if (job->kind == WSM__STORE_REVIEW && job->status == WSM_OK) {
			store->reviewed = true;
			store->sweep_us = 0;
		}
	measure(store, batch, result, end_us - now_us, end_us);
}

/* Hands the answers to who takes them. */
static void answer(struct wsm__store *store, struct wsm__store_job *jobs)
{
	struct wsm__store_job *job, *next, **end = NULL;
	size_t bytes = 0, n = 0;
	bool tell;

	if (!jobs)
		return;
	pthread_mutex_lock(&store->lock);
	for (job = jobs; job; job = next) {
		next = job->next;
		bytes += job->bytes;
		n++;
		job->next = NULL;
		if (job->kind == WSM__STORE_CLOSE_ROOM) {
			free(job);
			continue;
		}
		*store->done_end = job;
		store->done_end = end = &job->next;
	}
	tell = store->done && !store->told && end;
	store->told |= tell;
	store->figures.waiting_jobs -= n;
	pthread_mutex_unlock(&store->lock);
	atomic_fetch_sub_explicit(&store->bytes, bytes, memory_order_relaxed);
	if (tell && store->options.answered)
		store->options.answered(store->options.context);
}

/* ---- what is done besides --------------------------------------------------------------------------------------- */

/* One step of the sweep, as a transaction of its own. */
static void sweep(struct wsm__store *store, uint64_t now_us)
{
	uint64_t now_ms = wsm__unix_ms(), pruned = store->sweep.pruned, renewed = store->table.renewed;
	sqlite3_int64 after = store->sweep.after;
	bool round = false, ok;

	if (!store->reviewed || now_us < store->sweep_us)
		return;
	if (wsm__store_begin(&store->file, true) != 0) {
		store->sweep_us = now_us + SECOND_US;
		return;
	}
	ok = wsm__store_prune_step(&store->table, &store->sweep, now_ms, &round) == 0 &&
	     (!round || wsm__store_items_prune(&store->file, now_ms, ITEMS_STEP) == 0) &&
	     wsm__store_save(&store->table, 0) == 0;
	ok = wsm__store_end(&store->file, ok) == 0 && ok;
	wsm__store_table_end(&store->table, ok);
	if (!ok) {
		store->sweep = (struct wsm__store_sweep){ .after = after, .pruned = pruned };
		store->table.renewed = renewed;
	}
	store->sweeping = ok && store->sweep.pruned - pruned >= WSM__STORE_STEP;
	store->sweep_us = wsm__mono_us() + (ok ? STEP_US : SECOND_US);
	if (round) {
		uint64_t took_us = now_us - store->round_us;

		store->sweep_us += took_us * 20 > REST_US ? took_us * 20 : REST_US;
		store->round_us = store->sweep_us;
	} else if (store->sweeping) {
		store->sweep_us = 0;
	}
}

static void look(struct wsm__store *store, uint64_t now_us)
{
	struct wsm__store_figures *figures = &store->figures;
	double seconds = (double)(now_us - store->looked_us) / SECOND_US;
	char wal[4200];
	struct stat file, log;

	if (now_us - store->looked_us < SECOND_US)
		return;
	store->looked_us = now_us;
	if (is_lost(store))
		return;
	/* Nobody may be publishing: find out whether it works again. */
	if (figures->state == WSM__STORE_DOWN) {
		sqlite3_stmt *probe = wsm__store_sql(&store->file, WSM__SQL_PROBE);

		wsm__store_bind_number(probe, 1, wsm__unix_ms());
		if (wsm__store_run(&store->file, probe) == 0)
			works(store);
		else
			failed(store, now_us);
	}
	snprintf(wal, sizeof(wal), "%s-wal", store->file.path);
	memset(&file, 0, sizeof(file));
	memset(&log, 0, sizeof(log));
	(void)!stat(store->file.path, &file);
	(void)!stat(wal, &log);
	pthread_mutex_lock(&store->lock);
	figures->file_bytes = (uint64_t)file.st_size;
	figures->wal_bytes = (uint64_t)log.st_size;
	figures->open_rooms = HASH_COUNT(store->table.rooms);
	figures->appended_per_s = (double)(figures->appended - store->appended_before) / seconds;
	store->appended_before = figures->appended;
	pthread_mutex_unlock(&store->lock);
	if (now_us - store->batch_us > SECOND_US)
		wsm__store_shrink(&store->file);
}

static void attend(struct wsm__store *store, uint64_t now_us)
{
	if (!store->usable) {
		try_to_open(store, now_us);
		return;
	}
	look(store, now_us);
	if (store->lost)
		return;
	sweep(store, now_us);
	if (wsm__store_checkpoint(&store->file, now_us - store->batch_us)) {
		pthread_mutex_lock(&store->lock);
		store->figures.checkpoints++;
		pthread_mutex_unlock(&store->lock);
	}
}

/* ---- the loop --------------------------------------------------------------------------------------------------- */

/* When there is something to do though nobody hands a job in. Under the lock. */
static uint64_t next_time(const struct wsm__store *store, uint64_t now_us)
{
	uint64_t next = store->looked_us + SECOND_US;

	if (!store->usable)
		return store->lost ? now_us + SECOND_US : store->open_next_us;
	if (store->lost)
		return now_us + SECOND_US;
	if (store->sent && store->sent_us + SENT_US < next)
		next = store->sent_us + SENT_US;
	if (store->table.dirty && store->saved_us + SAVE_US < next)
		next = store->saved_us + SAVE_US;
	if (store->reviewed && store->sweep_us < next)
		next = store->sweep_us;
	if (store->file.wal_frames && store->batch_us + SECOND_US / 4 < next)
		next = store->batch_us + SECOND_US / 4;
	return next;
}

static void wait_until(struct wsm__store *store, uint64_t until_us)
{
	struct timespec until = { (time_t)(until_us / SECOND_US), (long)(until_us % SECOND_US * 1000) };

	store->asleep = true;
	pthread_cond_timedwait(&store->wake, &store->lock, &until);
	store->asleep = false;
}

/* What has been handed in: a list of its first BATCH_JOBS. Under the lock. */
static void take(struct wsm__store *store, struct wsm__store_batch *batch)
{
	struct wsm__store_job **end = &store->waiting;

	batch->jobs = store->waiting;
	for (size_t n = 0; *end && n < BATCH_JOBS; n++)
		end = &(*end)->next;
	store->waiting = *end;
	*end = NULL;
	if (!store->waiting)
		store->waiting_end = &store->waiting;
	batch->sent = store->sent;
	store->sent = NULL;
}

/* Waits for jobs or for something else to be due. False: nothing of either will come any more. */
static bool next_batch(struct wsm__store *store, struct wsm__store_batch *batch)
{
	uint64_t now_us = wsm__mono_us(), next_us;
	bool more;

	*batch = (struct wsm__store_batch){ 0 };
	pthread_mutex_lock(&store->lock);
	next_us = next_time(store, now_us);
	while (!store->waiting && !store->closing && now_us < next_us) {
		wait_until(store, next_us);
		now_us = wsm__mono_us();
		next_us = next_time(store, now_us);
	}
	/* Small transactions cost as much as big ones: let some more come. */
	while (store->waiting && !store->closing && now_us < store->batch_us + WSM__STORE_PACE_US) {
		pthread_mutex_unlock(&store->lock);
		nanosleep(&(struct timespec){ 0, (long)(store->batch_us + WSM__STORE_PACE_US - now_us) * 1000 }, NULL);
		pthread_mutex_lock(&store->lock);
		now_us = wsm__mono_us();
	}
	more = !store->closing || store->waiting;
	take(store, batch);
	pthread_mutex_unlock(&store->lock);
	return more;
}

static void free_sent(struct wsm__store_sent *all)
{
	struct wsm__store_sent *sent, *next;

	HASH_ITER(hh, all, sent, next) {
		HASH_DEL(all, sent);
		free(sent);
	}
}

void *wsm__store_work(void *data)
{
	struct wsm__store *store = data;
	struct wsm__store_batch batch;
	bool more = true;

	while (more) {
		more = next_batch(store, &batch);
		if (batch.jobs || batch.sent ||
		    (store->usable && !store->lost && store->table.dirty &&
		     wsm__mono_us() - store->saved_us >= SAVE_US))
			run(store, &batch, wsm__mono_us());
		answer(store, batch.jobs);
		free_sent(batch.sent);
		if (more)
			attend(store, wsm__mono_us());
	}
	if (store->usable && !store->lost) {
		batch = (struct wsm__store_batch){ .save = SIZE_MAX };
		if (store->table.dirty)
			wsm__store_batch_run(&store->table, &store->sweep, &batch);
	}
	wsm__store_table_fini(&store->table);
	if (store->usable)
		wsm__store_file_close(&store->file, !store->lost || store->whole);
	return NULL;
}
