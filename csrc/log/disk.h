/* disk.h - the log in a file, by the store's thread: applied once its transaction has ended. */
#ifndef WSM_LOG_DISK_H
#define WSM_LOG_DISK_H

#include "log/log.h"

struct wsm__store_figures;

extern const struct wsm__log_driver wsm__disk;

/* False: there is none. */
bool wsm__disk_figures(const struct wsm__log *log, struct wsm__store_figures *figures);
/* The store, for those who keep other things there; NULL: there is none. */
struct wsm__store *wsm__disk_store(const struct wsm__log *log);

#endif
