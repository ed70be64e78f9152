/*
 * overload.h - the circuit breaker of the command queue: while the application publishes faster than the runtime can send, the
 * queue drops (base/queue.h), which is told once when it begins and once when it has ended, not for each drop.
 */
#ifndef WSM_CORE_OVERLOAD_H
#define WSM_CORE_OVERLOAD_H

struct wsm__buffer;
struct wsm__core;

/* What was dropped before the core's start is no news. */
void wsm__overload_init(struct wsm__core *core);
/* Opens if something was dropped since the last look; to be called whenever commands are run. */
void wsm__overload_look(struct wsm__core *core);
/* Closes once nothing was dropped for a while and the queue has room again; to be called from time to time. */
void wsm__overload_calm(struct wsm__core *core);
/* ,"overload":{"state","since","dropped":{…},"pending_bytes"} */
void wsm__overload_describe(struct wsm__core *core, struct wsm__buffer *out);

#endif
