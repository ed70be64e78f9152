/* callers.h - how many connections make REST calls, and how much they leave unread. */
#ifndef WSM_SOCKETS_CALLERS_H
#define WSM_SOCKETS_CALLERS_H

#include "ws_manager.h"

struct wsm__address;
struct wsm__refusal;
struct wsm__session;

/*
 * The session is about to make a REST call as a client of that address: it counts as one of its HTTP connections from here on. False
 * if there are too many from there: it is to be refused. Makes room if there are too many in all.
 */
bool wsm__callers_enter(struct wsm__session *session, const struct wsm__address *client, struct wsm__refusal *refusal);
/* An answer to it waits. Who has left one unread for longest makes room if there is too much in all. */
void wsm__callers_bound(struct wsm__session *session);

#endif
