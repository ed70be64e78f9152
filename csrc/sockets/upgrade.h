/* upgrade.h - the opening handshake. */
#ifndef WSM_SOCKETS_UPGRADE_H
#define WSM_SOCKETS_UPGRADE_H

#include "ws_manager.h"

struct wsm__head;
struct wsm__refusal;
struct wsm__session;

/* Answers a request for another protocol with 101, and makes the session OPEN. Returns false, and fills `refusal`, if it may not. */
bool wsm__upgrade(struct wsm__session *session, const struct wsm__head *head, struct wsm__refusal *refusal);

#endif
