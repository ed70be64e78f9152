/* greeting.h - what a connection joins when it opens, its greeting, and the gaps that it is told of. */
#ifndef WSM_CLIENTS_GREETING_H
#define WSM_CLIENTS_GREETING_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__need;
struct wsm__room;
struct wsm__sub;

/* Whether a room that it is to join has to open first; all of them begin to. */
bool wsm__conn_needs(struct wsm__conn *conn, struct wsm__need *need);
/* Joins everything, then greets; the replay is queued behind the greeting. */
void wsm__conn_enter(struct wsm__conn *conn);
/* The registry's callback: tells a client that publications it had a right to are gone, behind its greeting. */
void wsm__conn_gap(void *core, struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, uint64_t missed);

#endif
