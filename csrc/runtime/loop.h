/* loop.h - the core's life: made, turned by its loop, ended. */
#ifndef WSM_RUNTIME_LOOP_H
#define WSM_RUNTIME_LOOP_H

#include "ws_manager.h"

struct wsm__core;

/* Everything that runs in the thread before it can take commands. If it fails with core->open_handles, end the loop. */
int wsm__loop_open(struct wsm__core *core, wsm_error *error);
/* Begins the end: nothing more is taken, and handles close. */
void wsm__loop_end(struct wsm__core *core);
/* Once uv_run() has returned, or in its place: frees all of it. */
void wsm__loop_fini(struct wsm__core *core);

#endif
