/* handshake.h - the opening handshake of RFC 6455, section 4.2: checks the request, and writes the answer. */
#ifndef WSM_WIRE_HANDSHAKE_H
#define WSM_WIRE_HANDSHAKE_H

#include "base/buffer.h"
#include "wire/head.h"

#define WSM__SUBPROTOCOL "ws_manager.v1"
#define WSM__BEARER "wsm.bearer." /* a subprotocol that begins so carries a token; the server never chooses it */

/* Returns whether the request asks for another protocol. */
bool wsm__handshake_wanted(const struct wsm__head *head);
/*
 * Checks a request (section 4.2.1). Returns 0, or the HTTP status of a refusal (400, 405, 426) with one sentence in `*why` and header
 * lines in `*extra`; both static. On 0, `*chosen` says whether the client offers our subprotocol.
 */
unsigned wsm__handshake_check(const struct wsm__head *head, bool *chosen, const char **why, const char **extra);
/* Appends the answer with status 101 (section 4.2.2). */
void wsm__handshake_accept(struct wsm__buffer *out, const struct wsm__head *head, bool chosen);

/* Returns the HTTP status with the meaning of a close code. */
unsigned wsm__handshake_status(unsigned close_code);

#endif
