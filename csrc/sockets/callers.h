/* callers.h - how many connections make REST calls, and how much they leave unread. */
#ifndef WSM_SOCKETS_CALLERS_H
#define WSM_SOCKETS_CALLERS_H

#include "ws_manager.h"

struct wsm__address;
struct wsm__session;

/*
 * The session is about to make a REST call as a client of that address: it counts as one of its HTTP connections from here on. False,
 * and it was refused, if there are too many from there. Makes room if there are too many in all.
 */
bool wsm__calls_enter(struct wsm__session *session, const struct wsm__address *client);
/* It is no longer one. */
void wsm__calls_leave(struct wsm__session *session);
/* So many bytes of its answer are unread. Who has left the most time pass makes room if there are too many in all. */
void wsm__calls_queued(struct wsm__session *session, size_t bytes);

#endif
