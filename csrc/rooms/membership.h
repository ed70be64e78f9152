/* membership.h - joins and leaves rooms, and the firehose. */
#ifndef WSM_ROOMS_MEMBERSHIP_H
#define WSM_ROOMS_MEMBERSHIP_H

#include "ws_manager.h"

struct wsm__joined;
struct wsm__registry;
struct wsm__room;
struct wsm__since;
struct wsm__sub;

void wsm__sub_init(struct wsm__sub *sub);
/* Leaves every room and the firehose; the outbox stays. */
void wsm__sub_leave(struct wsm__registry *registry, struct wsm__sub *sub);
/* The same; also leaves the dirty lists, and empties the outbox. */
void wsm__sub_fini(struct wsm__registry *registry, struct wsm__sub *sub);
/*
 * Joins, or changes the level of a member; with `since`, lagging from there if that can be continued. Without, the first member of
 * a user's or a session's room goes on from `sent`, so that it gets what came while nobody was there. Queue what must come before
 * the replay, then call wsm__refill(). WSM_ENOMEM.
 */
int wsm__join(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__room *room, int level,
              const struct wsm__since *since, uint64_t now_ms, struct wsm__joined *joined);
/* Returns false if it was no member. */
bool wsm__leave(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__room *room);
/* WSM_ENOMEM. */
int wsm__firehose_join(struct wsm__registry *registry, struct wsm__sub *sub, int level);

#endif
