/* queue.h - the host's queue: commands from any thread to the runtime thread. */
#ifndef WSM_HOST_QUEUE_H
#define WSM_HOST_QUEUE_H

#include "ws_manager.h"

struct wsm__command_node;

/*
 * Appends a command and wakes the runtime thread. `force`: ignores the bound. WSM_OK, WSM_EOVERLOADED, WSM_ENOTRUNNING; the caller
 * keeps the command on failure. May drop publications for it, and finishes their receipts.
 */
int wsm__post(wsm_runtime *runtime, struct wsm__command_node *command, bool force);

/* Return how many publications and commands (rank 0) a full queue has dropped, by rank and in all. Any thread. */
uint64_t wsm__post_dropped(const wsm_runtime *runtime, unsigned rank);
uint64_t wsm__post_dropped_all(const wsm_runtime *runtime);

#endif
