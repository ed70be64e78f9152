#include "clients/storage.h"

#include <string.h>

#include "base/clock.h"
#include "clients/kept.h"
#include "core/core.h"
#include "log/disk.h"
#include "store/store.h"

static const char *const states[] = {
	[WSM__STORE_UP] = "up",
	[WSM__STORE_WAITING] = "waiting",
	[WSM__STORE_DOWN] = "down",
};

/* Members of the statistics, and metrics without "ws_manager_store_"; a counter's has "_total" behind it. */
#define FIGURES(X)                                                                                                     \
	X(file_bytes, false, "Bytes of the store's file.", figures->file_bytes)                                        \
	X(wal_bytes, false, "Bytes of its write-ahead log.", figures->wal_bytes)                                       \
	X(open_rooms, false, "Rooms on disk that are in use.", figures->open_rooms)                                    \
	X(commits, true, "Transactions written.", figures->commits)                                                    \
	X(failed, true, "Transactions that failed.", figures->failed)                                                  \
	X(appended, true, "Messages written.", figures->appended)                                                      \
	X(pruned, true, "Messages whose time was over, or that were more than are kept.", figures->pruned)             \
	X(renewed, true, "Rooms that have got a new epoch.", figures->renewed)                                         \
	X(checkpoints, true, "Checkpoints of the write-ahead log.", figures->checkpoints)                              \
	X(errors, true, "Writes and reads answered with unavailable.", figures->errors)                                \
	X(unavailable, true, "Publications that could not be kept, and were not delivered.", core->log.unavailable)    \
	X(waiting, false, "Writes and reads that wait for the store.", figures->waiting_jobs)                          \
	X(waiting_bytes, false, "Bytes of those.", figures->waiting_bytes)                                             \
	X(unsaved, false, "Revocations and bans that are not written yet.", wsm__kept_unsaved(core))                   \
	X(last_commit_us, false, "Microseconds that the last transaction took.", figures->last_commit_us)              \
	X(average_commit_us, false, "Microseconds of a transaction, of the last ones.", figures->average_commit_us)    \
	X(max_commit_us, false, "Microseconds of the longest transaction of the last minutes.", figures->max_commit_us)

static void add_state(const struct wsm__store_figures *figures, bool reason, struct wsm__buffer *out)
{
	char since[WSM__TIMESTAMP_LEN + 1];

	wsm__timestamp(figures->since_ms, since);
	wsm__buffer_addf(out, "\"state\":\"%s\",\"since\":\"%s\"", states[figures->state], since);
	if (!reason)
		return;
	wsm__buffer_add_str(out, ",\"reason\":");
	wsm__buffer_add_json(out, wsm__str(figures->reason));
}

struct row {
	const char *name;
	bool counter;
	const char *help;
	uint64_t value;
};

#define WSM_X(name, counter, help, value) +1
enum { ROWS = 0 FIGURES(WSM_X) };
#undef WSM_X

static void get_rows(const struct wsm__core *core, const struct wsm__store_figures *figures, struct row rows[ROWS])
{
	const struct row all[] = {
#define WSM_X(name, counter, help, value) { #name, counter, help, value },
		FIGURES(WSM_X)
#undef WSM_X
	};

	memcpy(rows, all, sizeof(all));
}

void wsm__storage_stats(struct wsm__core *core, bool reason, struct wsm__buffer *out)
{
	struct wsm__store_figures figures;
	struct row rows[ROWS];

	wsm__buffer_add_str(out, ",\"store\":");
	if (!wsm__disk_figures(&core->log, &figures)) {
		wsm__buffer_add_str(out, "null");
		return;
	}
	wsm__buffer_add_str(out, "{");
	add_state(&figures, reason, out);
	wsm__buffer_addf(out, ",\"sync\":\"%s\"", figures.sync_full ? "full" : "normal");
	get_rows(core, &figures, rows);
	for (size_t i = 0; i < ROWS; i++) {
		wsm__buffer_addf(out, ",\"%s\":", rows[i].name);
		wsm__buffer_add_uint(out, rows[i].value);
	}
	wsm__buffer_addf(out, ",\"appended_per_s\":%.1f}", figures.appended_per_s);
}

static void add_help(struct wsm__buffer *out, const char *name, bool counter, const char *help)
{
	const char *total = counter ? "_total" : "";

	wsm__buffer_addf(out, "# HELP ws_manager_store_%s%s %s\n# TYPE ws_manager_store_%s%s %s\n", name, total, help,
	                 name, total, counter ? "counter" : "gauge");
}

void wsm__storage_metrics(struct wsm__core *core, struct wsm__buffer *out)
{
	struct wsm__store_figures figures;
	struct row rows[ROWS];

	if (!wsm__disk_figures(&core->log, &figures))
		return;
	get_rows(core, &figures, rows);
	add_help(out, "up", false, "1 while the store takes messages.");
	wsm__buffer_addf(out, "ws_manager_store_up %d\n", figures.state == WSM__STORE_UP);
	for (size_t i = 0; i < ROWS; i++) {
		add_help(out, rows[i].name, rows[i].counter, rows[i].help);
		wsm__buffer_addf(out, "ws_manager_store_%s%s %llu\n", rows[i].name, rows[i].counter ? "_total" : "",
		                 (unsigned long long)rows[i].value);
	}
}

void wsm__storage_health(struct wsm__core *core, bool reason, struct wsm__buffer *out)
{
	struct wsm__store_figures figures;

	if (!wsm__disk_figures(&core->log, &figures))
		return;
	wsm__buffer_add_str(out, ",\"store\":{");
	add_state(&figures, reason && figures.state != WSM__STORE_UP, out);
	wsm__buffer_add_str(out, "}");
}
