/*
 * lock.h - a store is for one process. The lock is flock() on a file beside it, "<store>-lock", which says who holds it: a host name
 * and a pid. On the store itself it would be in SQLite's way, whose own locks end when any descriptor of the file is closed.
 */
#ifndef WSM_STORE_LOCK_H
#define WSM_STORE_LOCK_H

#include <stdbool.h>

#include "ws_manager.h"

/*
 * Takes the lock of the store at `path`, which wsm__store_unlock() gives back; a forked child has it no longer. WSM_ELOCKED: says who has it, and what to do; WSM_ECONFIG:
 * there can be no such file.
 */
int wsm__store_lock(const char *path, int *fd, wsm_error *error);

void wsm__store_unlock(int fd);

/* Who has it now, as its lock says; false: nobody. `text` has WSM__STORE_HOLDER bytes. */
#define WSM__STORE_HOLDER 161
bool wsm__store_holder(const char *path, char *text);

#endif
