#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "store/hooks.h"
#include "store/lock.h"
#include "store/schema.h"

#define CACHE_KIB 16384

static const char *const sql[] = {
#define WSM_X(name, text) text,
	WSM__STORE_SQL(WSM_X)
#undef WSM_X
};

void wsm__store_at(const struct wsm__store_file *file, const char *point)
{
	if (file->hooks && file->hooks->at)
		file->hooks->at(file->hooks->context, point);
}

/* ---- the path --------------------------------------------------------------------------------------------------- */

/* Of a file that is not there yet: its folder is. */
static int future_path(const char *path, char **out, wsm_error *error)
{
	char *one = strdup(path), *two = strdup(path), *folder = one && two ? realpath(dirname(one), NULL) : NULL;
	int status = WSM_OK;

	*out = NULL;
	if (!one || !two || (!folder && errno == ENOMEM))
		status = wsm__fail(error, WSM_ENOMEM, "out of memory");
	else if (!folder)
		status = wsm__fail(error, WSM_ECONFIG, "store: the folder of %s cannot be used (%s): make it first",
		                   path, strerror(errno));
	else if (asprintf(out, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, basename(two)) < 0)
		status = wsm__fail(error, WSM_ENOMEM, "out of memory");
	free(one);
	free(two);
	free(folder);
	return status;
}

int wsm__store_path(const char *path, char **out, wsm_error *error)
{
	struct stat found;

	*out = realpath(path, NULL);
	if (!*out && errno == ENOENT)
		return future_path(path, out, error);
	if (!*out)
		return wsm__fail(error, WSM_ECONFIG, "store: cannot open %s: %s", path, strerror(errno));
	if (stat(*out, &found) == 0 && S_ISREG(found.st_mode))
		return WSM_OK;
	free(*out);
	*out = NULL;
	return wsm__fail(error, WSM_ECONFIG, "store: %s is no file: name one", path);
}

static bool is_same(const struct wsm__store_file *file)
{
	struct stat now;

	return stat(file->path, &now) == 0 && now.st_ino == file->inode && now.st_dev == file->device;
}

/* Whether "<store><suffix>" is that inode; 0: nothing is known of it. */
static bool beside(const struct wsm__store_file *file, const char *suffix, ino_t inode)
{
	char name[PATH_MAX + 16];
	struct stat now;

	snprintf(name, sizeof(name), "%s%s", file->path, suffix);
	return !inode || (stat(name, &now) == 0 && now.st_ino == inode);
}

const char *wsm__store_file_lost(const struct wsm__store_file *file)
{
	if (!is_same(file))
		return "";
	if (!beside(file, "-wal", file->log_inode))
		return "-wal";
	return beside(file, "-lock", file->lock_inode) ? NULL : "-lock";
}

/* Makes the file with the mode that it shall have, which SQLite then gives to those beside it. */
static int make(const char *path, wsm_error *error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), folder;
	char *copy;

	if (fd < 0 && errno == EEXIST)
		return WSM_OK;
	if (fd < 0)
		return wsm__fail(error, WSM_ECONFIG, "store: cannot make %s: %s", path, strerror(errno));
	close(fd);
	copy = strdup(path);
	folder = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (folder >= 0) {
		fsync(folder);
		close(folder);
	}
	free(copy);
	return WSM_OK;
}

/* ---- the check -------------------------------------------------------------------------------------------------- */

struct watch {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	sqlite3 *db;
	bool done, late;
};

static void *interrupt_late(void *data)
{
	struct watch *watch = data;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WSM__STORE_CHECK_MS / 1000;
	pthread_mutex_lock(&watch->lock);
	while (!watch->done && !watch->late)
		if (pthread_cond_timedwait(&watch->ended, &watch->lock, &until) == ETIMEDOUT)
			watch->late = true;
	if (!watch->done)
		sqlite3_interrupt(watch->db);
	pthread_mutex_unlock(&watch->lock);
	return NULL;
}

/* The first thing that is wrong; "" if nothing is. */
static int quick_check(sqlite3 *db, char *wrong, size_t size)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);

	wrong[0] = '\0';
	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		snprintf(wrong, size, "%s", (const char *)sqlite3_column_text(statement, 0));
		code = sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	if (strcmp(wrong, "ok") == 0)
		wrong[0] = '\0';
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* A file is checked from end to end, but not for longer than WSM__STORE_CHECK_MS: a big one must not keep the server away. */
static int check(struct wsm__store_file *file, wsm_error *error)
{
	struct watch watch = { .db = file->db };
	pthread_t thread;
	char wrong[120];
	int code;
	bool watched;

	pthread_mutex_init(&watch.lock, NULL);
	pthread_cond_init(&watch.ended, NULL);
	watched = pthread_create(&thread, NULL, interrupt_late, &watch) == 0;
	code = quick_check(file->db, wrong, sizeof(wrong));
	pthread_mutex_lock(&watch.lock);
	watch.done = true;
	pthread_cond_signal(&watch.ended);
	pthread_mutex_unlock(&watch.lock);
	if (watched)
		pthread_join(thread, NULL);
	pthread_cond_destroy(&watch.ended);
	pthread_mutex_destroy(&watch.lock);
	file->half_checked = watch.late;
	if (watch.late || (code == SQLITE_OK && !wrong[0]))
		return WSM_OK;
	wrong[strcspn(wrong, "\n")] = '\0';
	return wsm__fail(error, WSM_ECONFIG, "store: %s is damaged (%s): restore a backup, or move it away", file->path,
	                 wrong[0] ? wrong : sqlite3_errmsg(file->db));
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static int committed(void *data, sqlite3 *db, const char *name, int frames)
{
	struct wsm__store_file *file = data;

	(void)db, (void)name;
	file->wal_frames = frames;
	return SQLITE_OK;
}

static int committing(void *data)
{
	wsm__store_at(data, "commit");
	return 0;
}

static int settle(struct wsm__store_file *file, wsm_error *error)
{
	char text[200], mode[16] = "";
	sqlite3_stmt *statement;
	int code;

	snprintf(text, sizeof(text), "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -%d",
	         CACHE_KIB);
	sqlite3_exec(file->db, text, NULL, NULL, NULL);
	code = sqlite3_prepare_v2(file->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
	if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		snprintf(mode, sizeof(mode), "%s", (const char *)sqlite3_column_text(statement, 0));
	if (code == SQLITE_OK)
		code = sqlite3_finalize(statement);
	if (code != SQLITE_OK)
		return wsm__fail(error, WSM_ECONFIG, "store: cannot write %s: %s", file->path,
		                 sqlite3_errmsg(file->db));
	if (strcmp(mode, "wal") != 0)
		return wsm__fail(error, WSM_ECONFIG,
		                 "store: the file system of %s cannot share memory, as SQLite's WAL needs it: "
		                 "use a local one",
		                 file->path);
	sqlite3_exec(file->db, "PRAGMA wal_autocheckpoint = 0", NULL, NULL, NULL);
	sqlite3_wal_hook(file->db, committed, file);
	if (file->hooks && file->hooks->at)
		sqlite3_commit_hook(file->db, committing, file);
	return WSM_OK;
}

static int prepare(struct wsm__store_file *file, wsm_error *error)
{
	for (size_t i = 0; i < WSM__SQL_COUNT; i++)
		if (sqlite3_prepare_v3(file->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &file->statements[i], NULL) !=
		    SQLITE_OK)
			return wsm__fail(error, WSM_ECONFIG,
			                 "store: %s is damaged (%s): restore a backup, or move it away", file->path,
			                 sqlite3_errmsg(file->db));
	return WSM_OK;
}

static int open_database(struct wsm__store_file *file, wsm_error *error)
{
	int code = sqlite3_open_v2(file->path, &file->db,
	                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
	int version, status;

	if (code != SQLITE_OK)
		return wsm__fail(error, WSM_ECONFIG, "store: cannot open %s: %s", file->path,
		                 file->db ? sqlite3_errmsg(file->db) : "out of memory");
	sqlite3_extended_result_codes(file->db, 1);
	sqlite3_busy_timeout(file->db, WSM__STORE_BUSY_MS);
	/* What is refused stays as it is, also its WAL. */
	sqlite3_db_config(file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	status = wsm__store_version(file->db, file->path, file->hooks, &version, error);
	if (status == WSM_OK && sqlite3_db_readonly(file->db, "main"))
		status = wsm__fail(error, WSM_ECONFIG, "store: cannot write %s: give this process the right to",
		                   file->path);
	if (status == WSM_OK && version)
		status = check(file, error);
	if (status == WSM_OK && !version) /* before the first table, or never */
		sqlite3_exec(file->db, "PRAGMA auto_vacuum = INCREMENTAL", NULL, NULL, NULL);
	if (status == WSM_OK)
		status = settle(file, error);
	if (status == WSM_OK)
		status = wsm__store_migrate(file->db, file->path, file->hooks, version, error);
	if (status == WSM_OK)
		status = prepare(file, error);
	return status;
}

/* A path as a part of an SQLite URI. */
static void add_escaped(char *out, size_t size, const char *path)
{
	size_t len = strlen(out);

	for (; *path && len + 4 < size; path++) {
		if (*path == '?' || *path == '#' || *path == '%')
			len += (size_t)snprintf(out + len, size - len, "%%%02x", (unsigned)*path);
		else
			out[len++] = *path;
	}
	snprintf(out + len, size - len, "?immutable=1");
}

/*
 * A backup has no log. One that stands beside it is of the file that it has replaced: SQLite would mix the two. Asked without looking
 * into the log.
 */
static int foreign_log(const struct wsm__store_file *file, wsm_error *error)
{
	char name[3 * PATH_MAX], state[16] = "";
	struct stat log;
	sqlite3 *db = NULL;

	snprintf(name, sizeof(name), "%s-wal", file->path);
	if (stat(name, &log) != 0 || log.st_size == 0)
		return WSM_OK;
	snprintf(name, sizeof(name), "file:");
	add_escaped(name, sizeof(name), file->path);
	if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK)
		wsm__store_mark_get(db, "state", state, sizeof(state));
	sqlite3_close(db);
	if (strcmp(state, "backup") != 0)
		return WSM_OK;
	return wsm__fail(error, WSM_ECONFIG,
	                 "store: %s is a backup, but %s-wal beside it is of the file that was there before: remove "
	                 "that, and …-shm",
	                 file->path, file->path);
}

static int mark(struct wsm__store_file *file, wsm_error *error)
{
	int code = wsm__store_add_epoch(file->db);

	wsm__store_boot(file->hooks ? file->hooks->boot_id_file : NULL, file->mark.boot);
	if (code == SQLITE_OK)
		code = wsm__store_mark_running(file->db, file->path, file->sync_full, &file->mark);
	if (code == SQLITE_OK) { /* into the file itself: see foreign_log() */
		sqlite3_wal_checkpoint_v2(file->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		file->wal_frames = 0;
		return WSM_OK;
	}
	return wsm__fail(error, WSM_ECONFIG, "store: cannot write %s: %s", file->path, sqlite3_errmsg(file->db));
}

static ino_t log_inode(const char *path)
{
	char name[PATH_MAX + 16];
	struct stat log;

	snprintf(name, sizeof(name), "%s-wal", path);
	return stat(name, &log) == 0 ? log.st_ino : 0;
}

/* By another name, another process could have it under another lock. */
static int has_one_name(const char *path, wsm_error *error)
{
	struct stat found;

	if (stat(path, &found) != 0 || found.st_nlink < 2)
		return WSM_OK;
	return wsm__fail(error, WSM_ECONFIG, "store: %s has a second name (a hard link): remove that, or copy the file",
	                 path);
}

int wsm__store_file_open(struct wsm__store_file *file, const char *path, bool sync_full,
                         const struct wsm__store_hooks *hooks, wsm_error *error)
{
	struct stat found, lock;
	int status;

	*file = (struct wsm__store_file){ .lock = -1, .hooks = hooks, .sync_full = sync_full };
	status = wsm__store_path(path, &file->path, error);
	if (status == WSM_OK)
		status = wsm__store_lock(file->path, &file->lock, error);
	if (status == WSM_OK)
		status = make(file->path, error);
	if (status == WSM_OK)
		status = has_one_name(file->path, error);
	if (status == WSM_OK)
		status = foreign_log(file, error);
	file->mark.has_log = status == WSM_OK && log_inode(file->path) != 0;
	if (status == WSM_OK)
		status = open_database(file, error);
	if (status == WSM_OK)
		status = mark(file, error);
	if (status == WSM_OK && stat(file->path, &found) != 0)
		status = wsm__fail(error, WSM_ECONFIG, "store: %s has gone while it was opened", file->path);
	if (status != WSM_OK) {
		wsm__store_file_close(file, false);
		return status;
	}
	file->device = found.st_dev;
	file->inode = found.st_ino;
	file->log_inode = log_inode(file->path);
	file->lock_inode = fstat(file->lock, &lock) == 0 ? lock.st_ino : 0;
	if ((found.st_mode & 0777) != 0600)
		(void)!chmod(file->path, 0600);
	return WSM_OK;
}

/* Another file has taken the path: our log is not its. The log that is there may be that file's own, and in use. */
static void set_log_aside(const struct wsm__store_file *file)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 16];

	if (!file->log_inode || log_inode(file->path) != file->log_inode)
		return;
	snprintf(from, sizeof(from), "%s-wal", file->path);
	snprintf(to, sizeof(to), "%s-wal-lost", file->path);
	(void)!rename(from, to);
	snprintf(from, sizeof(from), "%s-shm", file->path);
	unlink(from);
}

void wsm__store_file_close(struct wsm__store_file *file, bool clean)
{
	for (size_t i = 0; i < WSM__SQL_COUNT; i++) {
		sqlite3_finalize(file->statements[i]);
		file->statements[i] = NULL;
	}
	if (file->db && clean && wsm__store_mark_clean(file->db) == SQLITE_OK)
		sqlite3_db_config(file->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	if (file->db)
		sqlite3_close(file->db);
	if (file->db && file->inode && !is_same(file))
		set_log_aside(file);
	file->db = NULL;
	if (file->lock >= 0)
		wsm__store_unlock(file->lock);
	file->lock = -1;
	free(file->path);
	file->path = NULL;
}

/* ---- statements and transactions -------------------------------------------------------------------------------- */

static int failed(struct wsm__store_file *file)
{
	snprintf(file->reason, sizeof(file->reason), "%s", sqlite3_errmsg(file->db));
	/* What was written before may not be on the disk, though it was said to be: the kernel tells it once. */
	if (sqlite3_extended_errcode(file->db) == SQLITE_IOERR_FSYNC && file->sync_full)
		file->unsynced = true;
	return -1;
}

sqlite3_stmt *wsm__store_sql(struct wsm__store_file *file, enum wsm__store_sql which)
{
	return file->statements[which];
}

int wsm__store_run(struct wsm__store_file *file, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	int result = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : failed(file);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

int wsm__store_row(struct wsm__store_file *file, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement), result = 0;

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		result = failed(file);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return result;
}

void wsm__store_bind(sqlite3_stmt *statement, int place, wsm_slice blob)
{
	sqlite3_bind_blob64(statement, place, blob.len ? blob.data : "", blob.len, SQLITE_STATIC);
}

int wsm__store_begin(struct wsm__store_file *file, bool writes)
{
	int result = wsm__store_run(file, wsm__store_sql(file, writes ? WSM__SQL_BEGIN_WRITE : WSM__SQL_BEGIN));

	if (result == 0 && writes && file->unsynced && wsm__store_mark_unsynced(file->db) != SQLITE_OK) {
		failed(file);
		wsm__store_end(file, false);
		return -1;
	}
	return result;
}

int wsm__store_end(struct wsm__store_file *file, bool ok)
{
	if (ok && wsm__store_run(file, wsm__store_sql(file, WSM__SQL_COMMIT)) == 0)
		return 0;
	/* SQLite may have rolled back by itself. */
	if (!sqlite3_get_autocommit(file->db))
		sqlite3_step(wsm__store_sql(file, WSM__SQL_ROLLBACK));
	sqlite3_reset(wsm__store_sql(file, WSM__SQL_ROLLBACK));
	return ok ? -1 : 0;
}
