#include "store/mark.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/schema.h"

#define SET "INSERT INTO meta(name, value) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2"

void wsm__store_boot(const char *file, char boot[64])
{
	int fd = open(file ? file : "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, boot, 63);

	boot[len > 0 ? len : 0] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static int set(sqlite3 *db, const char *name, const char *value)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, SET, -1, &statement, NULL);

	if (code != SQLITE_OK)
		return code;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
	sqlite3_step(statement);
	return sqlite3_finalize(statement);
}

int wsm__store_mark_get(sqlite3 *db, const char *name, char *out, size_t size)
{
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE name = ?1", -1, &statement, NULL);

	out[0] = '\0';
	if (code != SQLITE_OK)
		return code;
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_step(statement) == SQLITE_ROW)
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(statement, 0));
	return sqlite3_finalize(statement);
}

/* Which file it is. A file system may number its devices anew at a boot: epochs are then renewed in vain, which does no harm. */
static void identify(const char *path, char *out, size_t size)
{
	struct stat file;

	out[0] = '\0';
	if (stat(path, &file) == 0)
		snprintf(out, size, "%llu:%llu", (unsigned long long)file.st_dev, (unsigned long long)file.st_ino);
}

/* Why the epochs on file can no longer be trusted; "" if they can. */
static int judge(sqlite3 *db, const char *file, struct wsm__store_mark *mark)
{
	char state[16], boot[64], mode[16], was[64];
	int code = wsm__store_mark_get(db, "state", state, sizeof(state));

	if (code == SQLITE_OK)
		code = wsm__store_mark_get(db, "boot", boot, sizeof(boot));
	if (code == SQLITE_OK)
		code = wsm__store_mark_get(db, "mode", mode, sizeof(mode));
	if (code == SQLITE_OK)
		code = wsm__store_mark_get(db, "file", was, sizeof(was));
	mark->reason[0] = '\0';
	if (code != SQLITE_OK || !state[0]) /* a new file */
		return code;
	if (strcmp(state, "backup") == 0)
		snprintf(mark->reason, sizeof(mark->reason), "it is a backup");
	else if (strcmp(was, file) != 0)
		snprintf(mark->reason, sizeof(mark->reason), "it is a copy, or on another device");
	else if (strcmp(state, "clean") != 0 && !mark->has_log) /* one that is in use has one */
		snprintf(mark->reason, sizeof(mark->reason), "it was in use, and its log (…-wal) is missing");
	else if (strcmp(state, "clean") != 0 && strcmp(mode, "full") != 0 &&
	         (!boot[0] || strcmp(boot, mark->boot) != 0))
		snprintf(mark->reason, sizeof(mark->reason),
		         "the machine went down while it was in use, with store_sync=normal");
	return SQLITE_OK;
}

static int renew_all(sqlite3 *db, uint64_t *rooms)
{
	int code = sqlite3_exec(db, "UPDATE rooms SET epoch = wsm_epoch()", NULL, NULL, NULL);

	*rooms = (uint64_t)sqlite3_changes64(db);
	return code;
}

static int write_mark(sqlite3 *db, const char *file, bool sync_full, struct wsm__store_mark *mark)
{
	int code = judge(db, file, mark);

	mark->renewed = 0;
	if (code == SQLITE_OK && mark->reason[0]) {
		code = renew_all(db, &mark->renewed);
	}
	if (code == SQLITE_OK)
		code = set(db, "state", "running");
	if (code == SQLITE_OK)
		code = set(db, "boot", mark->boot);
	if (code == SQLITE_OK)
		code = set(db, "mode", sync_full ? "full" : "normal");
	if (code == SQLITE_OK)
		code = set(db, "file", file);
	return code;
}

/* A transaction that is on the disk when it returns. */
static int begin_synced(sqlite3 *db)
{
	return sqlite3_exec(db, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE", NULL, NULL, NULL);
}

static int end(sqlite3 *db, int code)
{
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (code != SQLITE_OK && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

int wsm__store_mark_running(sqlite3 *db, const char *path, bool sync_full, struct wsm__store_mark *mark)
{
	char file[64];
	int code = begin_synced(db);

	identify(path, file, sizeof(file));
	if (code == SQLITE_OK)
		code = write_mark(db, file, sync_full, mark);
	code = end(db, code);
	if (code == SQLITE_OK && !sync_full)
		code = sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	return code;
}

int wsm__store_mark_unsynced(sqlite3 *db)
{
	return set(db, "mode", "normal");
}

int wsm__store_mark_clean(sqlite3 *db)
{
	int code = begin_synced(db);

	return end(db, code == SQLITE_OK ? set(db, "state", "clean") : code);
}

int wsm__store_mark_backup(sqlite3 *db)
{
	int code = begin_synced(db);

	return end(db, code == SQLITE_OK ? set(db, "state", "backup") : code);
}

int wsm__store_renew_all(sqlite3 *db, uint64_t *rooms)
{
	int code = begin_synced(db);

	return end(db, code == SQLITE_OK ? renew_all(db, rooms) : code);
}
