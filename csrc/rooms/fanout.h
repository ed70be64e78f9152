/* fanout.h - a publication into the outboxes of everyone concerned; the dirty lists. */
#ifndef WSM_ROOMS_FANOUT_H
#define WSM_ROOMS_FANOUT_H

#include "ws_manager.h"

struct wsm__pub;
struct wsm__registry;
struct wsm__room;
struct wsm__sub;

/* Whether a publication to the room would reach anyone now. */
bool wsm__room_has_audience(const struct wsm__registry *registry, const struct wsm__room *room);
/*
 * Gives `pub` its place: sets room_id, seq and `offset` (which the caller has written into the payload: room->history.last + 1; 0: it
 * has none), keeps what has one, and queues it for everyone concerned. Returns how many get it: at once, or as lagging members from
 * history; those that it was dropped for, or that are to be closed, do not count.
 */
uint64_t wsm__room_publish(struct wsm__registry *registry, struct wsm__room *room, struct wsm__pub *pub,
                           uint64_t offset, uint64_t now_ms);
/*
 * A publication has that offset, the one after the room's last, in the room's log, and there is no memory for it here: its members lag, and
 * read it from there. The firehose is told.
 */
void wsm__room_unsent(struct wsm__registry *registry, struct wsm__room *room, uint64_t offset);
/* Queues a control message for one subscriber, unless it is a text and that one is raw; on overflow marks it. */
void wsm__sub_push(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub);
/* Queues a publication that is for this subscriber alone (@client:…). Returns false if it was dropped. */
bool wsm__sub_deliver(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub);
/*
 * Queues without looking at the bound, and without counting: wsm__fate() is the caller's, control messages have none. False if
 * there was no memory; the subscriber is marked then.
 */
bool wsm__sub_put(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub);
/* Marks it as to be closed. */
void wsm__sub_overflowed(struct wsm__registry *registry, struct wsm__sub *sub);
/* The first `n` of its outbox have been written. */
void wsm__sub_written(struct wsm__registry *registry, struct wsm__sub *sub, uint32_t n);
/* Puts a subscriber on a dirty list, or takes it off. */
void wsm__mark_dirty(struct wsm__registry *registry, struct wsm__sub *sub, bool urgent);
void wsm__unmark_dirty(struct wsm__registry *registry, struct wsm__sub *sub);

#endif
