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
/* Whether the handshake is complete. */
bool wsm__tls_is_up(const struct wsm__session *session);
/* Bytes of the client's. */
void wsm__tls_receive(struct wsm__session *session, const uint8_t *data, size_t len);
/* Writes all of it, as wsm__session_write_raw() does. */
bool wsm__tls_write(struct wsm__session *session, const void *data, size_t len);
/* Says that nothing more follows (close_notify), if the handshake is complete, and ends TLS here. Fine without one. */
void wsm__tls_end(struct wsm__session *session, bool notify);

#endif
