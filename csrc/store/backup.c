#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/file.h"
#include "store/hooks.h"
#include "store/lock.h"
#include "store/schema.h"

#define TRIES 100
#define TRY_MS 20

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

/* Fills the new file `part`, which is whole and on the disk afterwards. */
static int fill(sqlite3 *from, const char *part, wsm_error *error)
{
	sqlite3 *to = NULL;
	int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), code, status = WSM_OK;

	if (fd < 0)
		return wsm__fail(error, WSM_ECONFIG, "store: cannot make %s: %s", part, strerror(errno));
	close(fd);
	code = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, NULL);
	if (code == SQLITE_OK)
		code = copy(from, to);
	if (code == SQLITE_OK) /* one file without others beside it */
		code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = wsm__store_mark_backup(to);
	if (code != SQLITE_OK)
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

static int may_replace(const char *from, const char *to, wsm_error *error)
{
	char text[WSM__STORE_HOLDER], wal[PATH_MAX + 8];
	struct stat one, other;

	if (stat(from, &one) == 0 && stat(to, &other) == 0 && one.st_ino == other.st_ino && one.st_dev == other.st_dev)
		return wsm__fail(error, WSM_ECONFIG, "store: %s is the store itself: name another file for the backup",
		                 to);
	if (wsm__store_holder(to, text))
		return wsm__fail(error, WSM_ELOCKED, "store: %s belongs to %s: name another file for the backup", to,
		                 text);
	snprintf(wal, sizeof(wal), "%s-wal", to);
	if (stat(wal, &other) == 0)
		return wsm__fail(error, WSM_ECONFIG,
		                 "store: %s is a store that was in use: name another file for the backup", to);
	return WSM_OK;
}

int wsm__store_backup(const char *path, const char *to, const struct wsm__store_hooks *hooks, wsm_error *error)
{
	struct wsm__store_file at = { .hooks = hooks };
	char *full = NULL, *target = NULL, *part = NULL;
	sqlite3 *db = NULL;
	int status = wsm__store_look(path, &db, &full, error);

	if (status == WSM_OK)
		status = wsm__store_path(to, &target, error);
	if (status == WSM_OK)
		status = may_replace(full, target, error);
	if (status == WSM_OK && asprintf(&part, "%s.part", target) < 0) {
		part = NULL;
		status = wsm__fail(error, WSM_ENOMEM, "out of memory");
	}
	if (status == WSM_OK) {
		unlink(part); /* of one that was interrupted */
		wsm__store_at(&at, "backup");
		status = fill(db, part, error);
		wsm__store_at(&at, "backed up");
		if (status == WSM_OK)
			status = put_in_place(part, target, error);
		if (status != WSM_OK)
			unlink(part);
	}
	sqlite3_close(db);
	free(full);
	free(target);
	free(part);
	return status;
}

int wsm_store_backup(const char *path, const char *to, wsm_error *error)
{
	return wsm__store_backup(path, to, NULL, error);
}
