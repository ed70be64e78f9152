/* schema.h - the tables of a store, by version. */
#ifndef WSM_STORE_SCHEMA_H
#define WSM_STORE_SCHEMA_H

#include <sqlite3.h>

#include "ws_manager.h"

struct wsm__store_hooks;

#define WSM__STORE_APPLICATION 0x77736d31 /* "wsm1": SQLite's application_id */

/*
 * A message's key is its room's number and its offset in one: the table needs no index, and is read and pruned in order. So there are
 * 16 million rooms at a time, and 549,755,813,887 offsets in each (17 years of 1,000 a second).
 */
#define WSM__STORE_OFFSET_BITS 39
#define WSM__STORE_OFFSETS ((UINT64_C(1) << WSM__STORE_OFFSET_BITS) - 1)
#define WSM__STORE_ROOMS_MAX ((1 << 24) - 1)

/* How far the database in an open file is: 0: it is empty; WSM_ECONFIG: no store, or of a newer version. Changes nothing. */
int wsm__store_version(sqlite3 *db, const char *path, const struct wsm__store_hooks *hooks, int *version,
                       wsm_error *error);
/* Leads the schema from that version to the newest, all or nothing. WSM_ECONFIG. */
int wsm__store_migrate(sqlite3 *db, const char *path, const struct wsm__store_hooks *hooks, int version,
                       wsm_error *error);
/* An SQL function wsm_epoch(): a new epoch at each call. Returns SQLite's code. */
int wsm__store_add_epoch(sqlite3 *db);

/* A question with one number as its answer; `fallback` if it has none. Returns SQLite's code, SQLITE_OK also then. */
int wsm__store_number(sqlite3 *db, const char *sql, sqlite3_int64 fallback, sqlite3_int64 *number);

#endif
