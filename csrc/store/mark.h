/*
 * mark.h - what a store says about the run that has it open, so that the next one knows whether positions still hold.
 *
 * With synchronous=NORMAL the last commits may go with the machine's power, and offsets that were given to messages which are lost would
 * be given again. So a file that is found running, under another boot of the kernel and by a run with `normal`, gets new epochs; and so
 * does a copy (device and inode are others) and a backup (it is stamped as one).
 */
#ifndef WSM_STORE_MARK_H
#define WSM_STORE_MARK_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsm__store_mark {
	char boot[64];    /* the kernel's boot id; "": not known */
	bool has_log;     /* in: a -wal stands beside the file */
	char reason[120]; /* why all epochs were renewed; "": they were not */
	uint64_t renewed; /* rooms that got a new epoch */
};

/* Reads the kernel's boot id; `file` NULL: from where it is. */
void wsm__store_boot(const char *file, char boot[64]);
/*
 * Renews epochs where it must, and writes the mark of this run, both in one transaction that is synced before it returns. Returns
 * SQLite's code.
 */
int wsm__store_mark_running(sqlite3 *db, const char *path, bool sync_full, struct wsm__store_mark *mark);
/* Inside a transaction: commits of this run can be lost now, though it was opened with sync_full, since a sync has failed. */
int wsm__store_mark_unsynced(sqlite3 *db);
/* The run has ended, and nothing of it is missing. */
int wsm__store_mark_clean(sqlite3 *db);
/* The file is a backup. */
int wsm__store_mark_backup(sqlite3 *db);

/* Gives every room a new epoch; wsm_epoch() must be there (schema.h). */
int wsm__store_renew_all(sqlite3 *db, uint64_t *rooms);
/* A row of the marks: "state", "mode". `out` stays empty where there is none. */
int wsm__store_mark_get(sqlite3 *db, const char *name, char *out, size_t size);

#endif
