/* storage.h - how the store is doing, for statistics, metrics and who asks for health. */
#ifndef WSM_CLIENTS_STORAGE_H
#define WSM_CLIENTS_STORAGE_H

#include <stdbool.h>

struct wsm__buffer;
struct wsm__core;

/*
 * `,"store":` and an object, or null where there is none. `reason`: says why it is down, or who has the file; that names paths and
 * hosts, so clients are not told.
 */
void wsm__storage_stats(struct wsm__core *core, bool reason, struct wsm__buffer *out);
/* Lines of GET /metrics; none without a store. */
void wsm__storage_metrics(struct wsm__core *core, struct wsm__buffer *out);
/* `,"store":{"state":…,"since":…}`, with "reason" as above; nothing where there is none. */
void wsm__storage_health(struct wsm__core *core, bool reason, struct wsm__buffer *out);

#endif
