/* items.h - small things by kind and key, and the list of rooms. Inside a transaction; 0, or -1: the file fails. */
#ifndef WSM_STORE_ITEMS_H
#define WSM_STORE_ITEMS_H

#include "store/table.h"

int wsm__store_put(struct wsm__store_file *file, const struct wsm__store_item *job);
int wsm__store_delete(struct wsm__store_file *file, const struct wsm__store_item *job);
int wsm__store_load(struct wsm__store_file *file, struct wsm__store_load *job, uint64_t now_ms);
int wsm__store_list(struct wsm__store_table *table, struct wsm__store_rooms *job);
/* Lets some of what has expired go, also of `once`. */
int wsm__store_items_prune(struct wsm__store_file *file, uint64_t now_ms, unsigned limit);

#endif
