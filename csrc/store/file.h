/* file.h - the file of a store: its lock, the open database, prepared statements, transactions. */
#ifndef WSM_STORE_FILE_H
#define WSM_STORE_FILE_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "store/mark.h"
#include "ws_manager.h"

struct wsm__store_hooks;

/* X(name, sql). Prepared when the file is opened. */
#define WSM__STORE_SQL(X)                                                                                              \
	X(BEGIN, "BEGIN")                                                                                              \
	X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                                              \
	X(COMMIT, "COMMIT")                                                                                            \
	X(ROLLBACK, "ROLLBACK")                                                                                        \
	X(ROOM_FIND, "SELECT id, epoch, top, bytes, sent, changed, gone FROM rooms WHERE name = ?1")                   \
	X(ROOM_NUMBER, "SELECT max(id) FROM rooms")                                                                    \
	X(ROOM_GAP, "SELECT id + 1 FROM rooms r WHERE NOT EXISTS (SELECT 1 FROM rooms WHERE id = r.id + 1) LIMIT 1")   \
	X(ROOM_ADD, "INSERT INTO rooms(id, name, epoch, top, bytes, sent, changed) VALUES (?1, ?2, ?3, 0, 0, 0, ?4)")  \
	X(ROOM_SAVE,                                                                                                   \
	  "UPDATE rooms SET epoch = ?2, top = ?3, bytes = ?4, sent = ?5, changed = ?6, gone = ?7 WHERE id = ?1")       \
	X(ROOM_DROP, "DELETE FROM rooms WHERE id = ?1")                                                                \
	X(ROOMS_BY_NUMBER, "SELECT id, name FROM rooms WHERE id > ?1 ORDER BY id LIMIT ?2")                            \
	X(ROOMS_BY_NAME, "SELECT name FROM rooms WHERE name > ?1 ORDER BY name LIMIT ?2")                              \
	X(MESSAGE_ADD, "INSERT INTO messages(id, at, level, type, key, blob) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")         \
	X(MESSAGES_PAGE, "SELECT id, at, blob FROM messages WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3")          \
	X(MESSAGES_FIRST, "SELECT id FROM messages WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1")                    \
	X(MESSAGES_SUM, "SELECT max(id), sum(length(blob)) FROM messages WHERE id BETWEEN ?1 AND ?2")                  \
	X(MESSAGES_AGE, "SELECT id, at, length(blob) FROM messages WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3")   \
	X(MESSAGES_DROP, "DELETE FROM messages WHERE id BETWEEN ?1 AND ?2")                                            \
	X(ONCE_FIND, "SELECT place FROM once WHERE room = ?1 AND id = ?2 AND until > ?3")                              \
	X(ONCE_ADD, "INSERT OR REPLACE INTO once(room, id, place, until) VALUES (?1, ?2, ?3, ?4)")                     \
	X(ONCE_DROP, "DELETE FROM once WHERE (room, id) IN (SELECT room, id FROM once WHERE until <= ?1 LIMIT ?2)")    \
	X(ONCE_DROP_ROOM, "DELETE FROM once WHERE room = ?1")                                                          \
	X(ITEM_PUT, "INSERT OR REPLACE INTO items(kind, key, value, expires) VALUES (?1, ?2, ?3, ?4)")                 \
	X(ITEM_DROP, "DELETE FROM items WHERE kind = ?1 AND key = ?2")                                                 \
	X(ITEMS_PAGE, "SELECT key, value, expires FROM items WHERE kind = ?1 AND key > ?2"                             \
	              " AND (expires = 0 OR expires > ?3) ORDER BY key LIMIT ?4")                                      \
	X(ITEMS_DROP, "DELETE FROM items WHERE (kind, key) IN (SELECT kind, key FROM items WHERE expires > 0"          \
	              " AND expires <= ?1 LIMIT ?2)")                                                                  \
	X(PROBE, "INSERT INTO meta(name, value) VALUES ('probe', ?1) ON CONFLICT(name) DO UPDATE SET value = ?1")

enum wsm__store_sql {
#define WSM_X(name, sql) WSM__SQL_##name,
	WSM__STORE_SQL(WSM_X)
#undef WSM_X
		WSM__SQL_COUNT
};

struct wsm__store_file {
	char *path; /* absolute, without symbolic links */
	const struct wsm__store_hooks *hooks;
	int lock; /* -1 */
	sqlite3 *db;
	sqlite3_stmt *statements[WSM__SQL_COUNT];
	dev_t device;           /* of the file that is open */
	ino_t inode, log_inode; /* and of its -wal */
	ino_t lock_inode;       /* and of its -lock */
	int wal_frames;         /* of the last commit */
	struct wsm__store_mark mark;
	bool half_checked; /* quick_check took too long, and was given up */
	bool sync_full;
	bool unsynced;    /* a sync has failed: as with store_sync=normal, the loss of power costs commits */
	char reason[160]; /* why the last statement failed */
};

#define WSM__STORE_BUSY_MS 2000 /* for another program with SQLite that writes */
/* How long quick_check may hold up a start. */
#define WSM__STORE_CHECK_MS 5000u

/*
 * Takes the lock, opens or makes the database, checks it, leads its schema to the newest, and marks it as running. WSM_ELOCKED,
 * WSM_ECONFIG (see store.h), WSM_ENOMEM; then nothing is open.
 */
int wsm__store_file_open(struct wsm__store_file *file, const char *path, bool sync_full,
                         const struct wsm__store_hooks *hooks, wsm_error *error);
/* `clean`: marks it as cleanly stopped, and puts all into the one file. */
void wsm__store_file_close(struct wsm__store_file *file, bool clean);
/* The absolute path of a store that is or will be there. WSM_ECONFIG, WSM_ENOMEM. */
int wsm__store_path(const char *path, char **out, wsm_error *error);
/* NULL: the path still leads to the file that is open, and to what stands beside it. Else what was removed or replaced: "", "-wal", "-lock". */
const char *wsm__store_file_lost(const struct wsm__store_file *file);

/* The statement, ready to be bound. */
sqlite3_stmt *wsm__store_sql(struct wsm__store_file *file, enum wsm__store_sql which);
/* Runs one that gives no rows, or none that matter. Returns 0, or -1 with file->reason. Resets it. */
int wsm__store_run(struct wsm__store_file *file, sqlite3_stmt *statement);
/* The next row: 1; none: 0, and -1, with file->reason, both of which reset it. */
int wsm__store_row(struct wsm__store_file *file, sqlite3_stmt *statement);
void wsm__store_bind(sqlite3_stmt *statement, int place, wsm_slice blob);
static inline void wsm__store_bind_number(sqlite3_stmt *statement, int place, uint64_t number)
{
	sqlite3_bind_int64(statement, place, (sqlite3_int64)number);
}
static inline wsm_slice wsm__store_column(sqlite3_stmt *statement, int place)
{
	const char *data = sqlite3_column_blob(statement, place);

	return (wsm_slice){ data, (size_t)sqlite3_column_bytes(statement, place) };
}

/* Transactions: 0 or -1. end() commits if `ok`, else rolls back; after -1 nothing of it is in the file. */
int wsm__store_begin(struct wsm__store_file *file, bool writes);
int wsm__store_end(struct wsm__store_file *file, bool ok);
/* For tests: they may end the process here. */
void wsm__store_at(const struct wsm__store_file *file, const char *point);

#endif
