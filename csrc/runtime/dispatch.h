/* dispatch.h - carries out the commands of the host's queue. */
#ifndef WSM_RUNTIME_DISPATCH_H
#define WSM_RUNTIME_DISPATCH_H

#include "host/command.h"

struct wsm__core;

/* Before the first of them. */
void wsm__commands_init(struct wsm__core *core);
/* Runs those that have waited for publications before them, and need to no longer. */
void wsm__commands_unpark(struct wsm__core *core);
/* At the end of the thread: frees what it has taken and not run. */
void wsm__commands_end(struct wsm__core *core);
/* Runs queued commands, on the runtime thread; true if some must wait until what they published so far is written. */
bool wsm__commands_run(struct wsm__core *core);
/* Frees what was `taken`, and what is still queued once the thread has ended; receipts and questions are told. */
void wsm__commands_discard(wsm_runtime *runtime, struct wsm__node *taken);

/* Stops the core. */
struct wsm__stop {
	struct wsm__command_node head;
	unsigned deadline_ms;
};

#endif
