/* messages.h - appending to a room, and reading from it. Inside a transaction. */
#ifndef WSM_STORE_MESSAGES_H
#define WSM_STORE_MESSAGES_H

#include "store/table.h"

/* Fill the job's answer. 0, or -1: the file fails. What is wrong with the job itself stands in its status. */
int wsm__store_append(struct wsm__store_table *table, struct wsm__store_append *job, uint64_t now_ms);
int wsm__store_read(struct wsm__store_table *table, struct wsm__store_read *job, uint64_t now_ms);
/* The first offset that has not expired, at least `from`. -1: the file fails. */
int wsm__store_unexpired(struct wsm__store_table *table, struct wsm__store_room *room, uint64_t now_ms,
                         uint64_t *first);

#endif
