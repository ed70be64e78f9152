/* http.h - the requests of a session that is no WebSocket (yet), and its answers. */
#ifndef WSM_SOCKETS_HTTP_H
#define WSM_SOCKETS_HTTP_H

#include "ws_manager.h"

struct wsm__core;
struct wsm__session;

/* The requests of a session that is ENTERING. False when out of memory. */
bool wsm__entry_new(struct wsm__session *session);
void wsm__entry_free(struct wsm__session *session);
/* Bytes of a client; they are copied. */
void wsm__entry_receive(struct wsm__session *session, const void *data, size_t len);
/* Its turn has come. */
void wsm__entry_resume(struct wsm__session *session);
/* The socket takes more again. */
void wsm__entry_writable(struct wsm__session *session);
/* Its time is over. */
void wsm__entry_expire(struct wsm__session *session);
/* Answers in plain text, and ends the session. `extra`: header lines. */
void wsm__entry_refuse(struct wsm__session *session, unsigned status, const char *extra, const char *why);

/* At a stop: nobody is going to answer REST calls that wait. */
void wsm__http_stop(struct wsm__core *core);

#endif
