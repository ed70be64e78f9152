/* server.h - libwebsockets, which keeps the sockets: makes its context, and passes its callbacks on to session.h. */
#ifndef WSM_SOCKETS_SERVER_H
#define WSM_SOCKETS_SERVER_H

#include "ws_manager.h"

struct lws;
struct wsm__core;
struct wsm__session;

/* Makes the context on the core's loop. WSM_ESYSTEM. */
int wsm__server_open(struct wsm__core *core, wsm_error *error);
/* The two steps of libwebsockets' end on a foreign loop: before uv_run() returns, and after. */
void wsm__server_close(struct wsm__core *core);
void wsm__server_fini(struct wsm__core *core);
/* Puts a connected socket on the loop. NULL: it was closed, and wsm__session_gone() may have been called. */
struct lws *wsm__server_adopt(struct wsm__core *core, int fd, struct wsm__session *session);

#endif
