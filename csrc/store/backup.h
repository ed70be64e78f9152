/* backup.h - a copy of a store that is in use. */
#ifndef WSM_STORE_BACKUP_H
#define WSM_STORE_BACKUP_H

#include <sqlite3.h>

#include "ws_manager.h"

struct wsm__store_hooks;

/*
 * The database of a store that is there, for questions from outside: it is left as it is when it is closed. *full: its whole path, to be
 * freed. WSM_ECONFIG, WSM_ENOMEM.
 */
int wsm__store_look(const char *path, sqlite3 **db, char **full, wsm_error *error);
/* The first row of an answer as text; "" if there is none. Returns SQLite's code. */
int wsm__store_first_text(sqlite3 *db, const char *sql, char *out, size_t size);
/* wsm_store_backup(), which tests end at the points "backup" and "backed up". */
int wsm__store_backup(const char *path, const char *to, const struct wsm__store_hooks *hooks, wsm_error *error);

#endif
