/*
 * overload.h - the circuit breaker of the command queue: while the application publishes faster than the runtime can send, the
 * queue drops publications (base/queue.h). It logs one line when that begins and one when it ends, not one for each drop.
 */
#ifndef WSM_CORE_OVERLOAD_H
#define WSM_CORE_OVERLOAD_H

struct wsm__buffer;
struct wsm__core;

/* Begins to watch: earlier drops do not count. */
void wsm__overload_init(struct wsm__core *core);
/* Opens if the queue has dropped something since the last look. Call it whenever commands run. */
void wsm__overload_look(struct wsm__core *core);
/* Closes once the queue has dropped nothing for a while and has room again. Call it from time to time. */
void wsm__overload_calm(struct wsm__core *core);
/* Appends ,"overload":{"state","since","dropped":{…},"pending_bytes"} */
void wsm__overload_describe(struct wsm__core *core, struct wsm__buffer *out);

#endif
