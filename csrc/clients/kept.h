/*
 * kept.h - revocations and bans in the store (option `store`): they outlive the process. On the runtime thread.
 *
 * What changes is noted by name (policy/revocation.h, peers.h), and written as it is by then: a name stays noted until the store
 * has it.
 */
#ifndef WSM_CLIENTS_KEPT_H
#define WSM_CLIENTS_KEPT_H

#include <stddef.h>

struct wsm__core;

/*
 * Loads them, before anybody is let in; waits for ten seconds at most. Where the store has nothing to say yet, that is logged, and
 * they are loaded when it has. Nothing without a store. WSM_ENOMEM.
 */
int wsm__kept_begin(struct wsm__core *core);
/* Writes what has changed, if the store takes it. */
void wsm__kept_write(struct wsm__core *core);
/* How many changes are noted. */
size_t wsm__kept_unsaved(const struct wsm__core *core);
/* Every second: what could not be loaded or written before. */
void wsm__kept_sweep(struct wsm__core *core);
/* Once the log has ended. */
void wsm__kept_fini(struct wsm__core *core);

#endif
