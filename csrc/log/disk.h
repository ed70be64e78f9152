/* disk.h - the log in a file, which the store's thread writes; a publication is applied once its transaction has ended. */
#ifndef WSM_LOG_DISK_H
#define WSM_LOG_DISK_H

#include "log/log.h"

struct wsm__store_figures;

extern const struct wsm__log_driver wsm__disk;

/* Returns false if there is no store. */
bool wsm__disk_figures(const struct wsm__log *log, struct wsm__store_figures *figures);
/* Returns the store, for other data that is kept there; NULL if there is none. */
struct wsm__store *wsm__disk_store(const struct wsm__log *log);

#endif
