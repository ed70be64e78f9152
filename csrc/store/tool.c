/* tool.c - what can be asked of a store, and done to it, without a runtime (ws_manager.h). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "store/backup.h"
#include "store/lock.h"
#include "store/mark.h"
#include "store/schema.h"

#define PRUNE_STEP "10000"

static int unreadable(sqlite3 *db, const char *path, wsm_error *error)
{
	return wsm__fail(error, WSM_ECONFIG, "store: cannot read or write %s: %s", path, sqlite3_errmsg(db));
}

/* ---- info ------------------------------------------------------------------------------------------------------- */

static uint64_t size_of(const char *path, const char *end)
{
	char name[PATH_MAX + 8];
	struct stat found;

	snprintf(name, sizeof(name), "%s%s", path, end);
	return stat(name, &found) == 0 ? (uint64_t)found.st_size : 0;
}

static void add_text(struct wsm__buffer *out, const char *name, const char *text)
{
	wsm__buffer_addf(out, ",\"%s\":", name);
	wsm__buffer_add_json(out, wsm__str(text));
}

/* Numbers of the database, by what they are called in the answer. */
static int add_numbers(sqlite3 *db, struct wsm__buffer *out)
{
	static const struct {
		const char *name, *sql;
	} asked[] = {
		{ "schema", "PRAGMA user_version" },
		{ "rooms", "SELECT count(*) FROM rooms" },
		{ "messages", "SELECT count(*) FROM messages" },
		{ "bytes", "SELECT sum(length(blob)) FROM messages" },
		{ "oldest", "SELECT min(at) FROM messages" },
		{ "newest", "SELECT max(at) FROM messages" },
	};
	int code = SQLITE_OK;

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]) && code == SQLITE_OK; i++) {
		sqlite3_int64 number;

		code = wsm__store_number(db, asked[i].sql, 0, &number);
		wsm__buffer_addf(out, ",\"%s\":%lld", asked[i].name, number);
	}
	return code;
}

int wsm_store_info(const char *path, wsm_text *answer, wsm_error *error)
{
	char state[16], mode[16], holder[WSM__STORE_HOLDER];
	struct wsm__buffer out;
	sqlite3 *db;
	char *full;
	int status = wsm__store_look(path, &db, &full, error);

	*answer = (wsm_text){ 0 };
	if (status != WSM_OK)
		return status;
	wsm__buffer_init(&out);
	wsm__buffer_add_str(&out, "{\"path\":");
	wsm__buffer_add_json(&out, wsm__str(full));
	if (wsm__store_mark_get(db, "state", state, sizeof(state)) != SQLITE_OK ||
	    wsm__store_mark_get(db, "mode", mode, sizeof(mode)) != SQLITE_OK || add_numbers(db, &out) != SQLITE_OK)
		status = unreadable(db, path, error);
	add_text(&out, "state", state);
	add_text(&out, "sync", mode);
	add_text(&out, "used_by", wsm__store_holder(full, holder) ? holder : "");
	wsm__buffer_addf(&out, ",\"file_bytes\":%llu,\"wal_bytes\":%llu}", (unsigned long long)size_of(full, ""),
	                 (unsigned long long)size_of(full, "-wal"));
	sqlite3_close(db);
	free(full);
	if (status == WSM_OK && wsm__buffer_steal(&out, answer) != WSM_OK)
		status = wsm__fail(error, WSM_ENOMEM, "out of memory");
	wsm__buffer_fini(&out);
	return status;
}

/* ---- check ------------------------------------------------------------------------------------------------------ */

int wsm_store_check(const char *path, wsm_error *error)
{
	static const char *const holes =
		"SELECT coalesce(name, 'one without a name') FROM (SELECT id >> 39 AS room FROM messages"
		" GROUP BY room HAVING max(id) - min(id) + 1 != count(*) LIMIT 1)"
		" LEFT JOIN rooms ON rooms.id = room";
	char wrong[160];
	sqlite3 *db;
	char *full;
	int status = wsm__store_look(path, &db, &full, error), code;

	if (status != WSM_OK)
		return status;
	code = wsm__store_first_text(db, "PRAGMA integrity_check(1)", wrong, sizeof(wrong));
	if (code != SQLITE_OK || strcmp(wrong, "ok") != 0) {
		status = wsm__fail(error, WSM_ECONFIG, "store: %s is damaged (%s): restore a backup", path,
		                   code == SQLITE_OK ? wrong : sqlite3_errmsg(db));
	} else {
		code = wsm__store_first_text(db, holes, wrong, sizeof(wrong));
		if (code != SQLITE_OK)
			status = unreadable(db, path, error);
		else if (wrong[0])
			status = wsm__fail(
				error, WSM_ECONFIG,
				"store: %s is damaged: messages are missing in the middle of room %s: restore a backup",
				path, wrong);
	}
	sqlite3_close(db);
	free(full);
	return status;
}

/* ---- what needs the file for itself ----------------------------------------------------------------------------- */

/* Runs something on a store that nobody else has. */
static int alone(const char *path, int (*work)(sqlite3 *db, void *data), void *data, wsm_error *error)
{
	sqlite3 *db;
	char *full;
	int lock = -1, status = wsm__store_look(path, &db, &full, error);

	if (status != WSM_OK)
		return status;
	status = wsm__store_lock(full, &lock, error);
	if (status == WSM_OK && (wsm__store_add_epoch(db) != SQLITE_OK || work(db, data) != SQLITE_OK))
		status = unreadable(db, path, error);
	sqlite3_close(db);
	free(full);
	if (lock >= 0)
		close(lock);
	return status;
}

static int renew(sqlite3 *db, void *data)
{
	return wsm__store_renew_all(db, data);
}

int wsm_store_new_epoch(const char *path, uint64_t *rooms, wsm_error *error)
{
	*rooms = 0;
	return alone(path, renew, rooms, error);
}

struct prune {
	wsm_slice room;
	uint64_t before_ms, *messages;
};

/* Of one room: from its first message on, so that what stays is contiguous. The row's `top` outlives its messages. */
static const char *const prune_rooms =
	"CREATE TEMP TABLE chosen AS SELECT id << 39 AS low, (id + 1) << 39 AS high FROM rooms"
	" WHERE length(?1) = 0 OR name = ?1 OR (?2 AND substr(name, 1, length(?1)) = ?1)";
static const char *const prune_ends =
	"CREATE TEMP TABLE ends AS SELECT low, coalesce((SELECT min(id) FROM messages WHERE id BETWEEN low AND high - 1"
	" AND at >= ?1), high) AS stop FROM chosen";
static const char *const prune_tops =
	"UPDATE rooms SET bytes = 0, top = max(top, coalesce((SELECT max(m.id) & 549755813887 FROM messages m"
	" WHERE m.id BETWEEN rooms.id << 39 AND ((rooms.id + 1) << 39) - 1), 0))";
static const char *const prune_step =
	"DELETE FROM messages WHERE id IN (SELECT m.id FROM ends JOIN messages m ON m.id >= low AND m.id < stop"
	" LIMIT " PRUNE_STEP ")";
static const char *const prune_bytes = "UPDATE rooms SET bytes = coalesce((SELECT sum(length(blob)) FROM messages m"
				       " WHERE m.id BETWEEN rooms.id << 39 AND ((rooms.id + 1) << 39) - 1), 0)";

static int bind_and_run(sqlite3 *db, const char *sql, const struct prune *prune, uint64_t before_ms)
{
	bool prefix = prune->room.len && prune->room.data[prune->room.len - 1] == '*';
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code != SQLITE_OK)
		return code;
	if (before_ms) {
		sqlite3_bind_int64(statement, 1, (sqlite3_int64)before_ms);
	} else {
		sqlite3_bind_blob64(statement, 1, prune->room.len ? prune->room.data : "", prune->room.len - prefix,
		                    SQLITE_STATIC);
		sqlite3_bind_int(statement, 2, prefix);
	}
	sqlite3_step(statement);
	return sqlite3_finalize(statement);
}

static int prune(sqlite3 *db, void *data)
{
	const struct prune *prune = data;
	int code = bind_and_run(db, prune_rooms, prune, 0), n = 1;

	if (code == SQLITE_OK)
		code = bind_and_run(db, prune_ends, prune, prune->before_ms ? prune->before_ms : 1);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, prune_tops, NULL, NULL, NULL);
	while (code == SQLITE_OK && n) {
		code = sqlite3_exec(db, prune_step, NULL, NULL, NULL);
		n = sqlite3_changes(db);
		*prune->messages += (uint64_t)n;
	}
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, prune_bytes, NULL, NULL, NULL);
	return code;
}

int wsm_store_prune(const char *path, wsm_slice room, uint64_t before_ms, uint64_t *messages, wsm_error *error)
{
	struct prune what = { room, before_ms, messages };

	*messages = 0;
	return alone(path, prune, &what, error);
}
