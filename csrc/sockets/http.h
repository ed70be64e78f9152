/* http.h - reads the requests of a session that is no WebSocket (yet), and answers them. */
#ifndef WSM_SOCKETS_HTTP_H
#define WSM_SOCKETS_HTTP_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__session;

/* Makes a session read requests. Returns false when out of memory. */
bool wsm__http_begin(struct wsm__session *session);
/* Takes bytes of a client; copies them. */
void wsm__entry_receive(struct wsm__session *session, const void *data, size_t len);
/* Answers in plain text, and ends the session. `extra`: header lines. */
void wsm__entry_refuse(struct wsm__session *session, unsigned status, const char *extra, const char *why);

/* Refuses REST calls that wait for the host, at a stop. */
void wsm__http_stop(struct wsm__core *core);

#endif
