/*
 * tls.h - TLS on the own port, as a filter between libwebsockets and a session: bytes of records on one side, plain ones on the
 * other. OpenSSL reads from the piece that has just come and writes to the session's socket; it never touches the socket itself.
 */
#ifndef WSM_SOCKETS_TLS_H
#define WSM_SOCKETS_TLS_H

#include "ws_manager.h"

struct wsm__session;

/* Reads certificate and key, if they are configured: runtime->tls. WSM_ECONFIG. */
int wsm__tls_init(wsm_runtime *runtime, wsm_error *error);
void wsm__tls_fini(wsm_runtime *runtime);

/* Puts TLS on a session that has just been accepted. False when out of memory. */
bool wsm__tls_begin(struct wsm__session *session);

#endif
