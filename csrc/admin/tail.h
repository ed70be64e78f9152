/*
 * tail.h - the newest publications of all rooms, for who watches them. Exists only while somebody polls it; what it holds are
 * references to what is in histories and outboxes anyway, so noting one copies no payload.
 */
#ifndef WSM_ADMIN_TAIL_H
#define WSM_ADMIN_TAIL_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__core;
struct wsm__pub;
struct wsm__publish;

#define WSM__TAIL_SIZE 512u               /* publications kept */
#define WSM__TAIL_BYTES (4u << 20)        /* of them; of a larger one the payload is not kept */
#define WSM__TAIL_WATCH_MS 10000u         /* after the last poll it ends */
#define WSM__TAIL_PAYLOAD_MAX 2048u       /* bytes of each that are shown */
#define WSM__TAIL_ANSWER_MAX (128u << 10) /* bytes of one answer; the newest go first */

/* Begins, or goes on, to be watched. False when out of memory. */
bool wsm__tail_watch(struct wsm__core *core);
/* Appends {"last":…,"skipped":…,"rows":[…]}: those after number `after` (0: those that there are), oldest first. */
void wsm__tail_answer(struct wsm__core *core, uint64_t after, struct wsm__buffer *out);
/* Ends if nobody has polled for a while. */
void wsm__tail_tick(struct wsm__core *core);
void wsm__tail_end(struct wsm__core *core);

/* core->published, while somebody watches. */
void wsm__tail_add(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice room, struct wsm__pub *pub,
                   uint64_t recipients);

#endif
