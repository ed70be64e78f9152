/* upgrade.h - the opening handshake. */
#ifndef WSM_SOCKETS_UPGRADE_H
#define WSM_SOCKETS_UPGRADE_H

#include "ws_manager.h"

struct wsm__head;
struct wsm__refusal;
struct wsm__session;

/* A request that asks for another protocol: accepted with 101 (the session is OPEN then). False: it is to be refused. */
bool wsm__upgrade(struct wsm__session *session, const struct wsm__head *head, struct wsm__refusal *refusal);

#endif
