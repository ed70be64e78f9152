#include "store/schema.h"

#include <stdio.h>

#include "base/error.h"
#include "base/ids.h"
#include "store/hooks.h"

#define EPOCH_LEN 22 /* 131 bits */

/*
 * Each leads from the version of its place to the next. What was released once is never changed.
 *
 * rooms.top and rooms.bytes are written now and then: messages behind `top` are counted when a room is looked at first. rooms.gone: since
 * when no rule calls it a disk room.
 */
static const char *const scripts[] = {
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE rooms(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, epoch TEXT NOT NULL, top INTEGER NOT "
	"NULL,"
	" bytes INTEGER NOT NULL, sent INTEGER NOT NULL, changed INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE messages(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, level INTEGER, type BLOB, key BLOB,"
	" blob BLOB NOT NULL);"
	"CREATE TABLE once(room INTEGER, id BLOB, place INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY(room, "
	"id))"
	" WITHOUT ROWID;"
	"CREATE INDEX once_until ON once(until);"
	"CREATE TABLE items(kind BLOB, key BLOB, value BLOB NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(kind, key))"
	" WITHOUT ROWID;",
};

static const char *const *all(const struct wsm__store_hooks *hooks, int *count)
{
	bool own = !hooks || !hooks->migrations;

	*count = own ? (int)(sizeof(scripts) / sizeof(scripts[0])) : (int)hooks->n_migrations;
	return own ? scripts : hooks->migrations;
}

int wsm__store_number(sqlite3 *db, const char *sql, sqlite3_int64 fallback, sqlite3_int64 *number)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	*number = fallback;
	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
		*number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int unreadable(sqlite3 *db, const char *path, int code, wsm_error *error)
{
	if (code == SQLITE_NOTADB)
		return wsm__fail(error, WSM_ECONFIG,
		                 "store: %s is no store (and no SQLite file): name another, or move it away", path);
	if (code == SQLITE_CORRUPT)
		return wsm__fail(error, WSM_ECONFIG, "store: %s is damaged (%s): restore a backup, or move it away",
		                 path, sqlite3_errmsg(db));
	return wsm__fail(error, WSM_ECONFIG, "store: cannot read %s: %s", path, sqlite3_errmsg(db));
}

int wsm__store_version(sqlite3 *db, const char *path, const struct wsm__store_hooks *hooks, int *version,
                       wsm_error *error)
{
	sqlite3_int64 application, stored, tables;
	int code, newest;

	all(hooks, &newest);
	code = wsm__store_number(db, "SELECT count(*) FROM sqlite_schema", 0, &tables);
	if (code == SQLITE_OK)
		code = wsm__store_number(db, "PRAGMA application_id", 0, &application);
	if (code == SQLITE_OK)
		code = wsm__store_number(db, "PRAGMA user_version", 0, &stored);
	if (code != SQLITE_OK)
		return unreadable(db, path, code & 0xff, error);
	*version = (int)stored;
	if (application == 0 && stored == 0 && tables == 0)
		return WSM_OK;
	if (application != WSM__STORE_APPLICATION || stored < 1)
		return wsm__fail(error, WSM_ECONFIG, "store: %s is a database of something else: name another file",
		                 path);
	if (stored > newest)
		return wsm__fail(error, WSM_ECONFIG,
		                 "store: %s is of a newer version of ws_manager (schema %lld, this one knows %d): use "
		                 "that one, or "
		                 "another file",
		                 path, stored, newest);
	return WSM_OK;
}

static int migrate(sqlite3 *db, const struct wsm__store_hooks *hooks, int version)
{
	char mark[80];
	int newest, code = SQLITE_OK;
	const char *const *script = all(hooks, &newest);

	for (; version < newest && code == SQLITE_OK; version++) {
		code = sqlite3_exec(db, script[version], NULL, NULL, NULL);
		if (hooks && hooks->at)
			hooks->at(hooks->context, "migration");
		snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		         WSM__STORE_APPLICATION, version + 1);
		if (code == SQLITE_OK)
			code = sqlite3_exec(db, mark, NULL, NULL, NULL);
	}
	return code;
}

int wsm__store_migrate(sqlite3 *db, const char *path, const struct wsm__store_hooks *hooks, int version,
                       wsm_error *error)
{
	int newest, code, status = WSM_OK;

	all(hooks, &newest);
	if (version == newest)
		return WSM_OK;
	code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = migrate(db, hooks, version);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		status = wsm__fail(error, WSM_ECONFIG, "store: cannot write %s: %s", path, sqlite3_errmsg(db));
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	}
	return status;
}

static void new_epoch(sqlite3_context *context, int n, sqlite3_value **values)
{
	char epoch[EPOCH_LEN + 1];

	(void)n, (void)values;
	wsm__random_name(epoch, EPOCH_LEN);
	sqlite3_result_text(context, epoch, EPOCH_LEN, SQLITE_TRANSIENT);
}

int wsm__store_add_epoch(sqlite3 *db)
{
	return sqlite3_create_function(db, "wsm_epoch", 0, SQLITE_UTF8, NULL, new_epoch, NULL, NULL);
}
