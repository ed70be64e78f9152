/* support_deadly.h - ends the process in the middle of what SQLite does to its files, as kill -9 or a crash would. */
#ifndef SUPPORT_DEADLY_H
#define SUPPORT_DEADLY_H

#include <stdbool.h>

/* From now on SQLite opens its files through here. Call it before anything is opened. */
bool deadly_begin(void);
/*
 * The process kills itself at the n-th call of this kind from now on: "wal", a write to the log (inside a commit) and "db", one to the
 * database (inside a checkpoint), both half done; "truncate", of the log; "sync". Any thread. False: no such kind.
 */
bool deadly_arm(const char *kind, unsigned n);

#endif
