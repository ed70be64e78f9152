/* room.h - finds, makes, keeps and forgets rooms; and the registry of all rooms. */
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
/* Remove all subscribers before. */
void wsm__registry_fini(struct wsm__registry *registry);
/* Fills in the settings for a room of that name, whether it exists or not. */
void wsm__room_settle(struct wsm__registry *registry, wsm_slice name, struct wsm__room_settings *settings);
/* Returns the room, or NULL. `name` with the core's prefixes ("@all", "@user:7"). */
struct wsm__room *wsm__room_find(struct wsm__registry *registry, wsm_slice name);
/* Finds or makes a room. Returns NULL when out of memory. The caller has checked the name. */
struct wsm__room *wsm__room_get(struct wsm__registry *registry, wsm_slice name, uint64_t now_ms);
/* Lets a room's history go and gives it a new epoch; offsets go on. The caller tells those with a position in it. */
void wsm__room_renew(struct wsm__registry *registry, struct wsm__room *room);
/* Keeps a room for another TTL, after a publication or a question. */
void wsm__room_touch(struct wsm__room *room, uint64_t now_ms);
/*
 * Lets expired publications go, then rooms without members, publication or creation within the TTL. Keeps rooms that a lagging
 * firehose has not caught up with: its subscriber must hear what it missed there.
 */
void wsm__registry_expire(struct wsm__registry *registry, uint64_t now_ms);
/*
 * Notes that the history of `room` has grown. While all histories exceed max_history_bytes, lets that of the room with the oldest
 * publication go (never of this room). Positions stay, so that clients that come back hear of the gap.
 */
void wsm__room_kept(struct wsm__registry *registry, struct wsm__room *room);
/* Call it when a room may have become vacant: may free the longest vacant room, never this one. */
void wsm__room_left(struct wsm__registry *registry, struct wsm__room *room);
/* Call it when a room is no longer vacant, or is about to go. */
void wsm__room_entered(struct wsm__registry *registry, struct wsm__room *room);
/* Whether what is published while nobody is there waits for the next one who comes: a user's or a session's. */
bool wsm__room_waits(const struct wsm__room *room);
/* Somebody there was sent what there is up to this offset. */
void wsm__room_was_sent(struct wsm__registry *registry, struct wsm__room *room, uint64_t offset);
struct wsm__member *wsm__member_find(struct wsm__registry *registry, uint64_t room_id, const struct wsm__sub *sub);

#endif
