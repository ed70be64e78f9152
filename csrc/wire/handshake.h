/* handshake.h - the opening handshake of RFC 6455, section 4.2: whether a head asks for it rightly, and the answer to it. */
#ifndef WSM_WIRE_HANDSHAKE_H
#define WSM_WIRE_HANDSHAKE_H

#include "base/buffer.h"
#include "wire/head.h"

#define WSM__SUBPROTOCOL "ws_manager.v1"
#define WSM__BEARER                                                                                                    \
	"wsm.bearer." /* what a subprotocol that carries a token begins with; never chosen, never answered */

/* Whether the head asks for another protocol at all. */
bool wsm__handshake_wanted(const struct wsm__head *head);
/*
 * Section 4.2.1. Returns 0, or the HTTP status to refuse with (400, 405, 426): `*why` is one sentence, `*extra` header lines
 * that belong to the answer; both static. On 0, `*chosen` says whether our subprotocol was offered.
 */
unsigned wsm__handshake_check(const struct wsm__head *head, bool *chosen, const char **why, const char **extra);
/* Appends the answer with status 101 (section 4.2.2). */
void wsm__handshake_accept(struct wsm__buffer *out, const struct wsm__head *head, bool chosen);

/* The HTTP status that says what a close code says. */
unsigned wsm__handshake_status(unsigned close_code);

#endif
