#include "log/disk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "host/handle.h"
#include "host/log.h"
#include "host/route.h"
#include "log/blob.h"
#include "policy/config.h"
#include "policy/once.h"
#include "store/store.h"

_Static_assert(WSM__STORE_ONCE_MS == WSM__ONCE_MS, "an id is good as long in every log");

#define AT_HAND 256u /* publications of a stored room that memory holds */

struct disk {
	struct wsm__log *log;
	struct wsm__store *store;
};

/* ---- the store's questions, on its thread ------------------------------------------------------------------------- */

static void answered(void *context)
{
	struct disk *disk = context;

	uv_async_send(&disk->log->wake);
}

static void say(void *context, wsm_level level, const char *text)
{
	struct disk *disk = context;

	wsm__log(disk->log->runtime, level, "%s", text);
}

static void rule(void *context, wsm_slice room, struct wsm__store_rule *to)
{
	const struct disk *disk = context;
	struct wsm__room_settings settings;

	memset(&settings, 0, sizeof(settings));
	disk->log->rule(disk->log->context, room, &settings);
	to->disk = settings.stored;
	to->size = settings.kept.size;
	to->ttl_ms = settings.kept.ttl_ms;
}

/* ---- rooms -------------------------------------------------------------------------------------------------------- */

static struct disk *disk_of(const struct wsm__log *log)
{
	return log->data;
}

static uint64_t handle_of(const struct wsm__room_log *room)
{
	return (uint64_t)(uintptr_t)room->data;
}

struct opening {
	struct wsm__store_open_room job; /* first */
	struct wsm__room_log *room;
};

static void opened(struct wsm__store_job *job)
{
	struct opening *opening = (struct opening *)(void *)job;
	struct wsm__log_state state = { .top = opening->job.top,
	                                .first = opening->job.first,
	                                .sent = opening->job.sent };

	memcpy(state.epoch, opening->job.epoch, sizeof(state.epoch));
	opening->room->data = (void *)(uintptr_t)opening->job.handle;
	wsm__log_opened(opening->room, job->status, &state);
	wsm__store_job_fini(job);
	free(opening);
}

static void open_room(struct wsm__log *log, struct wsm__room_log *room)
{
	struct opening *opening = calloc(1, sizeof(*opening));

	if (!opening) {
		wsm__log_opened(room, WSM_ENOMEM, NULL);
		return;
	}
	opening->room = room;
	opening->job.job.kind = WSM__STORE_OPEN_ROOM;
	opening->job.job.done = opened;
	opening->job.room = wsm__room_name(room->room);
	wsm__store_submit(disk_of(log)->store, &opening->job.job);
}

static void close_room(struct wsm__log *log, struct wsm__room_log *room)
{
	wsm__store_close_room(disk_of(log)->store, handle_of(room));
}

static void was_sent(struct wsm__log *log, struct wsm__room_log *room, uint64_t offset)
{
	wsm__store_sent(disk_of(log)->store, handle_of(room), offset);
}

struct renewal {
	struct wsm__store_renew job; /* first */
	struct wsm__room_log *room;
};

static void renewed(struct wsm__store_job *job)
{
	struct wsm__room_log *room = ((struct renewal *)(void *)job)->room;
	int status = job->status;

	wsm__store_job_fini(job);
	free(job);
	wsm__log_renewed(room, status);
}

static void renew(struct wsm__log *log, struct wsm__room_log *room)
{
	struct renewal *renewal = calloc(1, sizeof(*renewal));

	if (!renewal) {
		wsm__log_renewed(room, WSM_ENOMEM);
		return;
	}
	renewal->room = room;
	renewal->job.job.kind = WSM__STORE_RENEW;
	renewal->job.job.done = renewed;
	renewal->job.room = wsm__room_name(room->room);
	wsm__store_submit(disk_of(log)->store, &renewal->job.job);
}

/* ---- publications ------------------------------------------------------------------------------------------------- */

struct append {
	struct wsm__store_append job; /* first */
	struct wsm__submission *submission;
	struct wsm__buffer blob;
};

static void kept(struct wsm__store_job *job)
{
	struct append *append = (struct append *)(void *)job;
	struct wsm__submission *submission = append->submission;
	struct wsm__room_log *room = submission->room;
	int status = job->status == WSM_EINVAL ? WSM_EUNAVAILABLE : job->status;

	if (!status && !append->job.duplicate && strcmp(append->job.epoch, room->room->epoch) != 0)
		wsm__log_moved(room, append->job.epoch, append->job.offset - 1);
	submission->duplicate = append->job.duplicate;
	wsm__log_answered(submission, status, append->job.offset);
	wsm__buffer_fini(&append->blob);
	wsm__store_job_fini(job);
	free(append);
}

static void submit(struct wsm__log *log, struct wsm__room_log *room, struct wsm__submission *submission)
{
	struct append *append = calloc(1, sizeof(*append));

	if (append) {
		wsm__buffer_init(&append->blob);
		wsm__blob_write(&append->blob, submission->publish, submission->stamp);
	}
	if (!append || append->blob.failed) {
		if (append)
			wsm__buffer_fini(&append->blob);
		free(append);
		wsm__log_answered(submission, WSM_ENOMEM, 0);
		return;
	}
	append->submission = submission;
	append->job.job.kind = WSM__STORE_APPEND;
	append->job.job.done = kept;
	append->job.handle = handle_of(room);
	append->job.blob = wsm__slice(append->blob.data, append->blob.len);
	append->job.at_ms = wsm__unix_ms();
	append->job.type = submission->publish->type;
	append->job.key = submission->publish->key;
	append->job.once = submission->publish->once;
	append->job.level = submission->publish->level;
	wsm__store_submit(disk_of(log)->store, &append->job.job);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

struct page {
	struct wsm__store_read job; /* first */
	struct wsm__log_read *read;
};

static void read_rows(struct wsm__store_job *job)
{
	struct page *page = (struct page *)(void *)job;
	struct wsm__log_read *read = page->read;
	const struct wsm__room *room = read->room->room;
	uint64_t now = wsm__unix_ms();
	int status = job->status;

	/* The room may have got another epoch since the question: nobody has a position in the old one. */
	if (!status && strcmp(page->job.epoch, room->epoch) != 0)
		status = WSM_EUNAVAILABLE;
	for (size_t i = 0; !status && i < page->job.n_rows; i++) {
		const struct wsm__store_row *row = &page->job.rows[i];

		if (!wsm__log_row(read, row->offset, now > row->at_ms ? now - row->at_ms : 0, row->blob))
			wsm__log(read->room->log->runtime, WSM_ERROR,
			         "message %llu of the room \"%.*s\" in the store cannot be read, so clients get a gap "
			         "in its place; check the file of option store, and restore a backup if it is damaged",
			         (unsigned long long)row->offset, (int)room->name_len, room->name);
	}
	wsm__log_read_done(read, status, page->job.first);
	wsm__store_job_fini(job);
	free(page);
}

static void read_page(struct wsm__log *log, struct wsm__room_log *room, struct wsm__log_read *read)
{
	struct page *page = calloc(1, sizeof(*page));

	if (!page) {
		wsm__log_read_done(read, WSM_ENOMEM, 0);
		return;
	}
	page->read = read;
	page->job.job.kind = WSM__STORE_READ;
	page->job.job.done = read_rows;
	page->job.handle = handle_of(room);
	page->job.after = read->after;
	page->job.limit = read->limit;
	page->job.max_bytes = read->max_bytes;
	wsm__store_submit(disk_of(log)->store, &page->job.job);
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

static void post(struct disk *disk, enum wsm__store_kind kind, void (*done)(struct wsm__store_job *job), size_t size)
{
	struct wsm__store_job *job = calloc(1, size);

	if (!job)
		return;
	job->kind = kind;
	job->done = done;
	wsm__store_submit(disk->store, job);
}

static void finished(struct wsm__store_job *job)
{
	wsm__store_job_fini(job);
	free(job);
}

static int begin(struct wsm__log *log, wsm_error *error)
{
	const struct wsm_config *config = log->runtime->config;
	struct disk *disk = calloc(1, sizeof(*disk));
	const struct wsm__store_options options = {
		.path = config->store,
		.sync_full = config->store_sync[0] == 'f',
		.wait_ms = (unsigned)(config->store_wait * 1000),
		.context = disk,
		.answered = answered,
		.log = say,
		.rule = rule,
	};
	int status;

	if (!disk)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	disk->log = log;
	status = wsm__store_open(&disk->store, &options, error);
	if (status) {
		free(disk);
		return status;
	}
	log->data = disk;
	post(disk, WSM__STORE_REVIEW, finished, sizeof(struct wsm__store_review));
	return WSM_OK;
}

static void review(struct wsm__log *log)
{
	post(disk_of(log), WSM__STORE_REVIEW, finished, sizeof(struct wsm__store_review));
}

static void end(struct wsm__log *log)
{
	wsm__store_close(disk_of(log)->store);
	free(disk_of(log));
	log->data = NULL;
}

static void take(struct wsm__log *log)
{
	wsm__store_take(disk_of(log)->store);
}

static void settle(struct wsm__log *log, unsigned ms)
{
	const struct timespec pause = { .tv_nsec = 500000 };
	uint64_t until = wsm__mono_us() + (uint64_t)ms * 1000;

	for (take(log); log->under_way && wsm__mono_us() < until; take(log))
		nanosleep(&pause, NULL);
}

bool wsm__disk_figures(const struct wsm__log *log, struct wsm__store_figures *figures)
{
	struct wsm__store *store = wsm__disk_store(log);

	if (store)
		wsm__store_figures(store, figures);
	return store != NULL;
}

struct wsm__store *wsm__disk_store(const struct wsm__log *log)
{
	return log->driver == &wsm__disk && log->data ? disk_of(log)->store : NULL;
}

const struct wsm__log_driver wsm__disk = {
	.at_hand = AT_HAND,
	.begin = begin,
	.end = end,
	.take = take,
	.settle = settle,
	.review = review,
	.open = open_room,
	.submit = submit,
	.read = read_page,
	.sent = was_sent,
	.close = close_room,
	.renew = renew,
};
