/*
 * wal.h - when what stands in the write-ahead log goes into the file. Passive checkpoints alone never let the log begin anew while there
 * are writers: it would grow without end. So it is restarted in quiet moments, and in any case at a certain size.
 */
#ifndef WSM_STORE_WAL_H
#define WSM_STORE_WAL_H

#include "store/file.h"

#define WSM__STORE_WAL_PAGES 4096 /* 16 MiB: then it is restarted, quiet or not */

/* `idle_us`: since the last transaction. Returns whether there was a checkpoint. */
bool wsm__store_checkpoint(struct wsm__store_file *file, uint64_t idle_us);
/* Gives some pages that have long been free back to the file system. */
void wsm__store_shrink(struct wsm__store_file *file);

#endif
