/*
 * kept.h - revocations and bans in the store (option `store`): they outlive the process. On the runtime thread.
 *
 * What changes is noted by name, and written as it is by then: a name stays noted until the store has it.
 */
#ifndef WSM_CLIENTS_KEPT_H
#define WSM_CLIENTS_KEPT_H

#include <stdbool.h>

struct wsm__address;
struct wsm__core;

/*
 * Loads them, before anybody is let in; waits for ten seconds at most. Where the store has nothing to say yet, that is logged, and
 * they are loaded when it has. Nothing without a store. WSM_ENOMEM.
 */
int wsm__kept_begin(struct wsm__core *core);
/* Writes what has changed, if the store takes it. */
void wsm__kept_write(struct wsm__core *core);
/* Every second: what could not be loaded or written before. */
void wsm__kept_sweep(struct wsm__core *core);
/* A ban of that address (a group: see wsm__address_group) has begun or was lifted. */
void wsm__kept_ban(struct wsm__core *core, const struct wsm__address *address);
/* Whether what was kept is in force: true without a store. */
bool wsm__kept_loaded(const struct wsm__core *core);
/* Once the log has ended. */
void wsm__kept_fini(struct wsm__core *core);

#endif
