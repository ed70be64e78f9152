/* http.h - the requests of a session that is no WebSocket (yet), and its answers. */
#ifndef WSM_SOCKETS_HTTP_H
#define WSM_SOCKETS_HTTP_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__session;

/* The session reads requests from here on. False when out of memory. */
bool wsm__http_begin(struct wsm__session *session);
/* Bytes of a client; they are copied. */
void wsm__entry_receive(struct wsm__session *session, const void *data, size_t len);
/* Answers in plain text, and ends the session. `extra`: header lines. */
void wsm__entry_refuse(struct wsm__session *session, unsigned status, const char *extra, const char *why);

/* At a stop: nobody is going to answer REST calls that wait. */
void wsm__http_stop(struct wsm__core *core);

#endif
