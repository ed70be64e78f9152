#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/file.h"
#include "store/hooks.h"
#include "store/lock.h"
#include "store/mark.h"
#include "store/schema.h"

#define TRIES 100
#define TRY_MS 20
#define HEADER 100 /* bytes of an SQLite file, of which so many lead to its application_id: */
#define HEADER_APPLICATION 68
#define FOREIGN_PART "store: %s is there and is no unfinished backup: remove it first"

int wsm__store_look(const char *path, sqlite3 **db, char **full, wsm_error *error)
{
	struct stat found;
	int version = 0, status = wsm__store_path(path, full, error);

	*db = NULL;
	if (status != WSM_OK)
		return status;
	if (stat(*full, &found) != 0)
		status = wsm__fail(error, WSM_ECONFIG, "store: there is no file %s", path);
	else if (sqlite3_open_v2(*full, db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		status = wsm__fail(error, WSM_ECONFIG, "store: cannot open %s: %s", path,
		                   *db ? sqlite3_errmsg(*db) : "out of memory");
	if (status == WSM_OK) {
		sqlite3_busy_timeout(*db, WSM__STORE_BUSY_MS);
		sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		status = wsm__store_version(*db, *full, NULL, &version, error);
	}
	if (status == WSM_OK && !version)
		status = wsm__fail(error, WSM_ECONFIG, "store: %s is empty", path);
	if (status == WSM_OK)
		return WSM_OK;
	sqlite3_close(*db);
	free(*full);
	*db = NULL;
	*full = NULL;
	return status;
}

int wsm__store_first_text(sqlite3 *db, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *ask;
	int code = sqlite3_prepare_v2(db, sql, -1, &ask, NULL);

	out[0] = '\0';
	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(ask);
	if (code == SQLITE_ROW)
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(ask, 0));
	sqlite3_finalize(ask);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

/* ---- the unfinished file ---------------------------------------------------------------------------------------- */

static bool same(const struct stat *one, const struct stat *other)
{
	return one->st_ino == other->st_ino && one->st_dev == other->st_dev;
}

static int busy(const char *part, wsm_error *error)
{
	return wsm__fail(error, WSM_ECONFIG, "store: another one is writing %s: wait until it has ended", part);
}

/* Locks the file at `part`, which is open. Who unlinks or renames it has its lock: so it stays there. */
static int hold(int fd, const char *part, wsm_error *error)
{
	struct stat mine, there;
	bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;

	if (!locked && errno != EWOULDBLOCK)
		return wsm__fail(error, WSM_ECONFIG,
		                 "store: the file system of %s cannot lock files (%s): write the backup to another one",
		                 part, strerror(errno));
	if (!locked || fstat(fd, &mine) != 0 || lstat(part, &there) != 0 || !same(&mine, &there))
		return busy(part, error);
	return WSM_OK;
}

/* Whether a backup that was interrupted has left it: begin() is the first that writes to it. */
static bool begun(int fd)
{
	static const unsigned char application[] = { 0x77, 0x73, 0x6d, 0x31 };
	unsigned char head[HEADER];
	ssize_t len = pread(fd, head, sizeof(head), 0);

	return len == 0 || (len == HEADER && memcmp(head, "SQLite format 3", 16) == 0 &&
	                    memcmp(head + HEADER_APPLICATION, application, sizeof(application)) == 0);
}

/*
 * Removes what an interrupted backup has left. A store beside which a lock lies, and the source, are not even opened: to close them would
 * end the locks that SQLite has in this process.
 */
static int remove_left(const char *part, const struct stat *source, wsm_error *error)
{
	char beside[PATH_MAX + 32];
	struct stat there, lock;
	int fd = -1, status;

	if (lstat(part, &there) != 0) /* what is wrong besides, is told where it is made */
		return WSM_OK;
	snprintf(beside, sizeof(beside), "%s-lock", part);
	if (S_ISREG(there.st_mode) && !same(&there, source) && lstat(beside, &lock) != 0)
		fd = open(part, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return wsm__fail(error, WSM_ECONFIG, FOREIGN_PART, part);
	status = hold(fd, part, error);
	if (status == WSM_OK && !begun(fd))
		status = wsm__fail(error, WSM_ECONFIG, FOREIGN_PART, part);
	if (status == WSM_OK) {
		snprintf(beside, sizeof(beside), "%s-journal", part);
		unlink(beside);
		unlink(part);
	}
	close(fd);
	return status;
}

/* Makes it anew, and locks it: *fd is open then. */
static int take(const char *part, const struct stat *source, int *fd, wsm_error *error)
{
	int status = remove_left(part, source, error);

	if (status != WSM_OK)
		return status;
	*fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*fd < 0 && errno == EEXIST)
		return busy(part, error);
	if (*fd < 0)
		return wsm__fail(error, WSM_ECONFIG, "store: cannot make %s: %s", part, strerror(errno));
	status = hold(*fd, part, error);
	if (status == WSM_OK)
		return WSM_OK;
	close(*fd);
	*fd = -1;
	return status;
}

/* ---- the copy --------------------------------------------------------------------------------------------------- */

/* A file that says what it is, before all others of its pages: the copy writes the first page last. */
static int begin(sqlite3 *from, sqlite3 *to)
{
	char sql[160];
	sqlite3_int64 page;
	int code = wsm__store_number(from, "PRAGMA page_size", 0, &page);

	snprintf(sql, sizeof(sql),
	         "PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = %lld; PRAGMA application_id = %d", page,
	         WSM__STORE_APPLICATION);
	return code == SQLITE_OK ? sqlite3_exec(to, sql, NULL, NULL, NULL) : code;
}

/* All in one step: in small ones it would begin anew at each commit of the server, and never end. */
static int copy(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	int code = SQLITE_BUSY;

	if (!backup)
		return sqlite3_errcode(to);
	for (int i = 0; i < TRIES && (code == SQLITE_BUSY || code == SQLITE_LOCKED); i++) {
		if (i)
			sqlite3_sleep(TRY_MS);
		code = sqlite3_backup_step(backup, -1);
	}
	sqlite3_backup_finish(backup);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/*
 * Fills the new file `part`, which is whole and on the disk afterwards. SQLite takes no locks on it: on some network file systems they
 * would be in the way of ours.
 */
static int fill(sqlite3 *from, const char *path, const char *part, wsm_error *error)
{
	char wrong[160] = "ok";
	sqlite3 *to = NULL;
	int code = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, "unix-none"), status = WSM_OK;

	if (code == SQLITE_OK)
		code = begin(from, to);
	if (code == SQLITE_OK)
		code = copy(from, to);
	if (code == SQLITE_OK) /* one file without others beside it */
		code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = wsm__store_first_text(to, "PRAGMA integrity_check(1)", wrong, sizeof(wrong));
	if (code == SQLITE_OK && strcmp(wrong, "ok") == 0)
		code = wsm__store_mark_backup(to);
	if ((code & 0xff) == SQLITE_CORRUPT)
		snprintf(wrong, sizeof(wrong), "%s", sqlite3_errmsg(to));
	if (strcmp(wrong, "ok") != 0)
		status = wsm__fail(error, WSM_ECONFIG, "store: %s is damaged (%s): no backup was made, restore one",
		                   path, wrong);
	else if (code != SQLITE_OK)
		status = wsm__fail(error, WSM_ECONFIG, "store: cannot write %s: %s", part, sqlite3_errstr(code));
	sqlite3_close(to);
	return status;
}

/* The backup takes its place. A log of the file that it replaces would be taken for its own. */
static int put_in_place(const char *part, const char *to, wsm_error *error)
{
	char *folder = strdup(to);
	int fd, status = WSM_OK;

	if (!folder)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	if (rename(part, to) != 0)
		status = wsm__fail(error, WSM_ECONFIG, "store: cannot make %s: %s", to, strerror(errno));
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(folder);
	return status;
}

/* ---- the target ------------------------------------------------------------------------------------------------- */

/* Asked before links are followed, and of where they lead. */
static int may_name(const char *to, wsm_error *error)
{
	static const char *const ends[] = { "-wal", "-shm", "-lock", "-journal", ".part" };
	struct stat found;
	size_t len = strlen(to);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);

		if (len >= n && strcmp(to + len - n, ends[i]) == 0)
			return wsm__fail(
				error, WSM_ECONFIG,
				"store: %s ends in %s, as files beside a store do: name another file for the backup",
				to, ends[i]);
	}
	if (lstat(to, &found) == 0 && !S_ISREG(found.st_mode))
		return wsm__fail(error, WSM_ECONFIG, "store: %s is %s: name another file for the backup", to,
		                 S_ISLNK(found.st_mode) ? "a symbolic link" : "no regular file");
	return WSM_OK;
}

/* Looks without a lock, and without files made beside it. A store with a log, as no backup has one, cannot be opened so. */
static bool is_backup(const char *path)
{
	char uri[3 * PATH_MAX + 32] = "file:", *end = uri + strlen(uri), state[16] = "";
	sqlite3_int64 application = 0;
	sqlite3 *db = NULL;

	for (; *path && end < uri + 3 * PATH_MAX; path++)
		end += sprintf(end, "%%%02x", (unsigned char)*path);
	strcpy(end, "?immutable=1");
	if (sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK &&
	    wsm__store_number(db, "PRAGMA application_id", 0, &application) == SQLITE_OK &&
	    application == WSM__STORE_APPLICATION)
		wsm__store_mark_get(db, "state", state, sizeof(state));
	sqlite3_close(db);
	return strcmp(state, "backup") == 0;
}

static int may_replace(const struct stat *source, const char *to, wsm_error *error)
{
	char text[WSM__STORE_HOLDER], wal[PATH_MAX + 8];
	struct stat there, log;
	bool exists = lstat(to, &there) == 0;

	if (exists && same(source, &there))
		return wsm__fail(error, WSM_ECONFIG, "store: %s is the store itself: name another file for the backup",
		                 to);
	if (wsm__store_holder(to, text))
		return wsm__fail(error, WSM_ELOCKED, "store: %s belongs to %s: name another file for the backup", to,
		                 text);
	snprintf(wal, sizeof(wal), "%s-wal", to);
	if (lstat(wal, &log) == 0)
		return wsm__fail(error, WSM_ECONFIG,
		                 "store: %s is a store that was in use: name another file for the backup", to);
	if (exists && !is_backup(to))
		return wsm__fail(error, WSM_ECONFIG,
		                 "store: %s is there and is no earlier backup: name another file, or remove it first",
		                 to);
	return WSM_OK;
}

static int write_backup(sqlite3 *db, const char *path, const char *to, const struct wsm__store_hooks *hooks,
                        wsm_error *error)
{
	struct wsm__store_file at = { .hooks = hooks };
	struct stat source;
	char *part = NULL;
	int fd = -1, status = WSM_OK;

	if (stat(path, &source) != 0)
		return wsm__fail(error, WSM_ECONFIG, "store: there is no file %s", path);
	status = may_replace(&source, to, error);
	if (status != WSM_OK)
		return status;
	if (asprintf(&part, "%s.part", to) < 0)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	status = take(part, &source, &fd, error);
	if (status == WSM_OK) {
		wsm__store_at(&at, "backup");
		status = fill(db, path, part, error);
		wsm__store_at(&at, "backed up");
		if (status == WSM_OK)
			status = put_in_place(part, to, error);
		if (status != WSM_OK)
			unlink(part);
		close(fd);
	}
	free(part);
	return status;
}

int wsm__store_backup(const char *path, const char *to, const struct wsm__store_hooks *hooks, wsm_error *error)
{
	char *full = NULL, *target = NULL;
	sqlite3 *db = NULL;
	int status = wsm__store_look(path, &db, &full, error);

	if (status == WSM_OK)
		status = may_name(to, error);
	if (status == WSM_OK)
		status = wsm__store_path(to, &target, error);
	if (status == WSM_OK) /* "x.part/" leads to x.part */
		status = may_name(target, error);
	if (status == WSM_OK)
		status = write_backup(db, full, target, hooks, error);
	sqlite3_close(db);
	free(full);
	free(target);
	return status;
}

int wsm_store_backup(const char *path, const char *to, wsm_error *error)
{
	return wsm__store_backup(path, to, NULL, error);
}
