/*
 * tls.h - TLS on the own port, as a filter between libwebsockets and a session: TLS records on one side, plain bytes on the other.
 * OpenSSL reads from the bytes that have just come, and writes by wsm__session_write_raw(); it never touches the socket.
 */
#ifndef WSM_SOCKETS_TLS_H
#define WSM_SOCKETS_TLS_H

#include "ws_manager.h"

struct wsm__session;

/* Reads certificate and key, if they are configured: runtime->tls. WSM_ECONFIG. */
int wsm__tls_init(wsm_runtime *runtime, wsm_error *error);
void wsm__tls_fini(wsm_runtime *runtime);

/* Puts TLS on a new session. Returns false when out of memory. */
bool wsm__tls_begin(struct wsm__session *session);

#endif
