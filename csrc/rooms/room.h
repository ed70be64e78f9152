/* room.h - rooms: found, made, kept, forgotten; and the registry of all of them. */
#ifndef WSM_ROOMS_ROOM_H
#define WSM_ROOMS_ROOM_H

#include "ws_manager.h"

struct wsm__member;
struct wsm__registry;
struct wsm__room;
struct wsm__room_settings;
struct wsm__sub;

/* `key` and `epoch_base` (8 characters) are random, from the caller. */
void wsm__registry_init(struct wsm__registry *registry, const uint8_t key[16], const char *epoch_base);
/* All subscribers must have been removed before. */
void wsm__registry_fini(struct wsm__registry *registry);
/* What holds for a room of that name, whether it exists or not. */
void wsm__room_settle(struct wsm__registry *registry, wsm_slice name, struct wsm__room_settings *settings);
/* NULL if there is none. `name` with the core's prefixes ("@all", "@user:7"). */
struct wsm__room *wsm__room_find(struct wsm__registry *registry, wsm_slice name);
/* Finds or makes it; NULL when out of memory. The caller has checked the name. */
struct wsm__room *wsm__room_get(struct wsm__registry *registry, wsm_slice name, uint64_t now_ms);
/* Lets its history go and gives it a new epoch; its offsets go on. Who stands at a position of it is to be told. */
void wsm__room_renew(struct wsm__registry *registry, struct wsm__room *room);
/* Something was published to it, or asked of it: it is kept for another TTL. */
void wsm__room_touch(struct wsm__room *room, uint64_t now_ms);
/*
 * Lets expired publications go, then rooms that have neither members nor a publication (or creation) within the TTL. A room
 * that a lagging firehose has not seen the end of stays: its subscriber is still to be told what it missed there.
 */
void wsm__registry_expire(struct wsm__registry *registry, uint64_t now_ms);
/*
 * Notes that history of `room` has grown, and lets go that of the rooms least recently published to (but not of this one) while
 * all together take more than max_history_bytes. Their positions stay, so that clients that come back are told.
 */
void wsm__room_kept(struct wsm__registry *registry, struct wsm__room *room);
/* Its last member has left: may let go of the longest vacant room, never of this one. */
void wsm__room_left(struct wsm__registry *registry, struct wsm__room *room);
/* Somebody has come in, or something is published to it. */
void wsm__room_entered(struct wsm__registry *registry, struct wsm__room *room);
/* Whether what is published while nobody is there waits for the next one who comes: a user's or a session's. */
bool wsm__room_waits(const struct wsm__room *room);
/* Somebody there was sent what there is up to this offset. */
void wsm__room_was_sent(struct wsm__registry *registry, struct wsm__room *room, uint64_t offset);
struct wsm__member *wsm__member_find(struct wsm__registry *registry, uint64_t room_id, const struct wsm__sub *sub);

#endif
