/* greeting.h - joins the rooms of a connection that opens, greets it, and tells it of gaps. */
#ifndef WSM_CLIENTS_GREETING_H
#define WSM_CLIENTS_GREETING_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__need;
struct wsm__room;
struct wsm__sub;

/* Returns whether a room of the connection must open first; begins to open all of them. */
bool wsm__conn_needs(struct wsm__conn *conn, struct wsm__need *need);
/* Joins all rooms, then queues the greeting, and the replay after it. */
void wsm__conn_enter(struct wsm__conn *conn);
/* The registry's callback: tells a client that publications it had a right to are gone, behind its greeting. */
void wsm__conn_gap(void *core, struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, uint64_t missed);

#endif
