/* upgrade.h - the opening handshake. */
#ifndef WSM_SOCKETS_UPGRADE_H
#define WSM_SOCKETS_UPGRADE_H

#include "sockets/session.h"

struct wsm__head;

/* A request that asks for another protocol: accepted with 101 (the session is OPEN then), or refused. */
void wsm__upgrade(struct wsm__session *session, const struct wsm__head *head);

/* Whether the client still waits for the answer to its request. */
static inline bool wsm__upgrade_held(const struct wsm__session *session)
{
	return session->held.data != NULL;
}

/* Writes the 101 that was held back, if it was. */
void wsm__upgrade_release(struct wsm__session *session);
/* Writes an HTTP refusal in its place: the status that says what a close code says. */
void wsm__upgrade_refuse(struct wsm__session *session, unsigned close_code, const char *reason);

#endif
