/* listen.h - the listening sockets. */
#ifndef WSM_SOCKETS_LISTEN_H
#define WSM_SOCKETS_LISTEN_H

#include "ws_manager.h"

struct wsm__core;

/* Listens, and sets core->runtime->port. WSM_EADDRINUSE, WSM_ESYSTEM, WSM_ECONFIG. */
int wsm__listen_open(struct wsm__core *core, wsm_error *error);
void wsm__listen_close(struct wsm__core *core);
/* Accepts again after the process had no descriptors left. */
void wsm__listen_resume(struct wsm__core *core);

#endif
