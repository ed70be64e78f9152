/* callers.h - bounds the connections that make REST calls, and their unread answers. */
#ifndef WSM_SOCKETS_CALLERS_H
#define WSM_SOCKETS_CALLERS_H

#include "ws_manager.h"

struct wsm__address;
struct wsm__refusal;
struct wsm__session;

/*
 * Counts a session as an HTTP connection of that address, before a REST call. Returns false, and fills `refusal`, if the address has
 * too many. Ends another one if there are too many in all.
 */
bool wsm__callers_enter(struct wsm__session *session, const struct wsm__address *client, struct wsm__refusal *refusal);
/* Call it when an answer waits: ends the sessions with the oldest unread answers while there is too much in all. */
void wsm__callers_bound(struct wsm__session *session);

#endif
