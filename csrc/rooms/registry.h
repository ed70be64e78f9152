/*
 * registry.h - rooms, their members, and the way of a publication into outboxes. No I/O, no clock: callers pass the time as monotonic
 * milliseconds, and write to the subscribers on the dirty lists afterwards.
 *
 * Overflow. A subscriber that falls behind by more than `max_queue` bytes first loses waiting low-priority publications without an
 * offset (counted); a new one of that kind takes no other's place. Then the publications that history still has leave its outbox,
 * and their rooms lag: they keep the position only, and wsm__refill() goes on from history as the socket drains. A client that
 * reconnects is handled in the same way: it starts lagging at the position that it named. If a publication still does not fit,
 * the room decides (`backlog`):
 *   RECOVER      what has no offset cannot be had again: the subscriber is marked `overflow` and is to be closed (4413);
 *   DROP_OLDEST  the oldest without an offset are dropped, down to three quarters of max_queue, critical ones last; with offsets,
 *                the refill begins with the newest half of max_queue, and a gap tells of the rest;
 *   LATEST       the publisher has made each of them replaceable by a newer one of its key; beyond that as DROP_OLDEST;
 *   DISCONNECT   `overflow`, though history has it. (The firehose is not closed by one room: there it is RECOVER.)
 *
 * Order. The publications of one room reach a subscriber in the order of `seq`, through lag and refill: those without an offset
 * are held back while their room lags, until the refill has come as far. Only conflation changes that: what replaces a waiting
 * one takes its place. Control messages and messages to one client are of no room: they do not wait for a refill.
 *
 * The firehose. A firehose subscriber gets each publication of every visible room (public but `logs`, and @all) through its own
 * list, never through a membership, in the order of `seq`; so its lag is one seq. It has one level for all rooms.
 */
#ifndef WSM_ROOMS_REGISTRY_H
#define WSM_ROOMS_REGISTRY_H

#include <stdatomic.h>

#include "base/hash.h"
#include "base/meter.h"
#include "base/slice.h"
#include "rooms/history.h"
#include "rooms/outbox.h"

struct wsm__member;
struct wsm__presence;
struct wsm__present;
struct wsm__room;
struct wsm__room_log;
struct wsm__sub;

#define WSM__VACANT_MAX 1024 /* rooms that are kept only for their epoch */

enum wsm__room_kind { WSM__ROOM_PUBLIC, WSM__ROOM_ALL, WSM__ROOM_USER, WSM__ROOM_SESSION };

/* The settings of one room; room rules set them by pattern. */
struct wsm__room_settings {
	struct wsm__history_limits history;
	enum wsm__backlog backlog;
	bool presence_events;            /* tells its members who comes and goes */
	bool hidden;                     /* from the firehose; fixed when the room is made */
	bool stored;                     /* a log outside of memory orders and keeps its publications (log/log.h) */
	struct wsm__history_limits kept; /* in that log; `history` is for the part in memory */
};

/* Rooms that keep messages equally long, least recently touched first. */
struct wsm__room_age {
	struct wsm__room_age *next;
	uint64_t ttl_ms;
	struct wsm__room *oldest;
};

struct wsm__room {
	UT_hash_handle hh;
	uint64_t id; /* no other room gets it */
	enum wsm__room_kind kind;
	bool visible; /* to the firehose */
	bool in_recent;
	bool kept;   /* is on the registry's list of rooms with history */
	bool vacant; /* is on its list of rooms without members and publications */
	struct wsm__room_settings settings;
	unsigned settings_version;
	struct wsm__history history;
	struct wsm__meter published; /* publications, also those that nobody got */
	struct wsm__member **members;
	uint32_t n_members, members_capacity;
	struct wsm__presence *presence; /* NULL: nobody has asked */
	uint64_t sent;       /* of a user's or a session's room: a connection has got everything up to this offset */
	uint64_t touched_ms; /* last publication, or creation */
	struct wsm__room_age *age;
	struct wsm__room *prev, *next;           /* of `age` */
	struct wsm__room *kept_prev, *kept_next; /* of either list */
	struct wsm__room *recent_prev, *recent_next;
	struct wsm__room_log *log; /* NULL: this runtime orders it, and only its history is kept */
	uint64_t kept_from;        /* with a log: the oldest offset in it; 0: there is only history */
	uint32_t busy;             /* number of waits for its log: the room must stay */
	bool epoch_untold;         /* no message has named its epoch yet */
	char epoch[24];
	uint16_t name_len;
	char name[];
};

struct wsm__member_key {
	uint64_t room_id;
	const struct wsm__sub *sub;
};

/* A page of a room's log on its way to the members that wait for it; log/ makes it the head of its own. */
struct wsm__page_read {
	struct wsm__member *members;
};

/* One subscriber in one room. */
struct wsm__member {
	UT_hash_handle hh;
	struct wsm__member_key key;
	struct wsm__room *room;
	struct wsm__sub *sub;
	struct wsm__member *prev, *next; /* of the same subscriber */
	uint64_t position;               /* while lagging: the last offset that was queued */
	uint64_t lag_seq;                /* while lagging: publications from this seq on are not queued */
	uint64_t urgent_until;           /* offset of the newest critical one that it must still get; 0: none */
	struct wsm__outbox *held;        /* while lagging: publications without an offset, by seq; NULL: none */
	/* While it lags behind history: its next publications, from the log; and the page that it waits for. */
	struct wsm__pub **page;
	uint32_t page_at, page_count;
	struct wsm__page_read *read;
	struct wsm__member *read_prev, *read_next;
	/* Deliveries that count as lagging, of publications that only the log has: `owed` of them, from this offset on. */
	uint64_t owed_from, owed;
	struct wsm__owed_tally *owed_tallies; /* tallies of some of them */
	uint64_t from;  /* the offset in the last answer: older publications wait ahead of that answer */
	uint32_t index; /* in room->members */
	uint8_t level;  /* it gets no publications of a lower level */
	bool lagging;
	bool behind; /* lags because its queue was full, not because it recovers */
	/* Reasons for the membership; any of them keeps it. */
	bool asked;    /* the client subscribed itself: counts against max_rooms */
	bool by_entry; /* joined with the connection: endpoint, admission, the core's own rooms */
	bool by_host;  /* wsm_subscribe() */
	bool joined;   /* wsm_conn_join(): `asked`, and granted */
	bool vouched;  /* the authorize handler has allowed it */
};

/* One receiver of publications; clients/conn.h embeds it. */
struct wsm__sub {
	struct wsm__outbox outbox;
	struct wsm__member *members;
	wsm_slice client_id, user_id;
	uint32_t n_members;
	uint32_t n_lagging;
	uint32_t n_asked; /* members with `asked` */
	uint32_t firehose_index;
	bool firehose;
	bool firehose_lagging;
	uint8_t firehose_level;
	bool raw;              /* of a raw endpoint: gets nothing from the core itself */
	bool dirty, urgent;    /* on which of the registry's lists it is */
	bool overflow;         /* must be closed: it has lost a message */
	uint64_t firehose_seq; /* while firehose_lagging: everything visible up to here was queued, or is in `replay` */
	uint64_t firehose_from;   /* publications up to here are ahead of an answer, or came by named positions */
	struct wsm__outbox *held; /* as a member's, for the firehose */
	size_t held_bytes;        /* of all */
	struct wsm__pub **replay; /* firehose: publications waiting to be queued, in order */
	uint32_t replay_count, replay_at;
	/* It left with messages of its user's room in the outbox: once they are written, `sent` of the room is this. */
	uint64_t parting_room, parting_offset;
	struct wsm__sub *dirty_prev, *dirty_next;
};

struct wsm__registry_stats {
	uint64_t published; /* publications that reached the fan-out */
	uint64_t lags;      /* times a subscriber began to lag */
	uint64_t gaps;      /* times a lagging subscriber found that history no longer reached back */
	uint64_t evicted;   /* publications that history let go before their time, for want of max_history_bytes */
};

struct wsm__registry {
	struct wsm__room *rooms;
	struct wsm__room_age *ages;
	struct wsm__room *kept;   /* rooms with history, by their newest publication, oldest first */
	struct wsm__room *vacant; /* longest vacant first; above WSM__VACANT_MAX the first goes before its TTL */
	uint32_t n_vacant;
	struct wsm__presence *presence_changed; /* rooms with changes to tell */
	struct wsm__present *presence_leaving;  /* in the order in which they left */
	uint64_t presence_grace_ms;
	size_t history_bytes; /* memory of all histories together */
	size_t max_history_bytes;
	struct wsm__room *recent; /* list of visible rooms by their newest publication with an offset, oldest first */
	struct wsm__member *members;
	struct wsm__sub **firehose;
	uint32_t n_firehose, firehose_capacity;
	struct wsm__sub *dirty, *urgent; /* subscribers with something to write; urgent first */
	uint64_t next_room_id, seq;
	uint64_t freed_seq; /* seq of the newest publication of a visible room that no longer exists */
	uint64_t n_members;
	size_t max_queue;
	struct wsm__history_limits history; /* default, which `settle` may change */
	/* Fills in the settings of a room; called again when *settings_version has changed. Both may be NULL. */
	void (*settle)(void *context, wsm_slice name, enum wsm__room_kind kind, struct wsm__room_settings *settings);
	void *settle_context;
	const atomic_uint *settings_version;
	struct wsm__registry_stats stats;
	struct wsm__deliveries deliveries;
	uint8_t key[16];
	char epoch_base[10];
	/*
	 * Tells a subscriber that it has lost publications up to `offset`, `missed` of them (0: unknown); may be NULL. For a member it
	 * must queue by wsm__sub_put(), which takes nothing back.
	 */
	void (*gap)(void *context, struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset,
	            uint64_t missed);
	void *gap_context;
	/* For the log: a member needs the page after its position; room->sent has risen; the room goes. All NULL without a log. */
	void (*read)(void *context, struct wsm__member *member);
	void (*sent)(void *context, struct wsm__room *room);
	void (*forgotten)(void *context, struct wsm__room *room);
	void *log_context;
};

struct wsm__since {
	wsm_slice epoch;
	uint64_t offset;
};

struct wsm__joined {
	bool already;      /* was a member before */
	bool recovered;    /* `since` was given, and can be continued */
	uint64_t replayed; /* number of publications after `since` */
	uint64_t offset;   /* recovered: the room's newest; else the next publication is the first after it */
};

static inline wsm_slice wsm__room_name(const struct wsm__room *room)
{
	return wsm__slice(room->name, room->name_len);
}
/* Returns the oldest offset that is kept, in history or in the room's log; the newest + 1 if none is. */
static inline uint64_t wsm__room_first(const struct wsm__room *room)
{
	uint64_t first = wsm__history_first(&room->history);

	return room->kept_from && room->kept_from < first ? room->kept_from : first;
}
static inline uint64_t wsm__room_n_kept(const struct wsm__room *room)
{
	return room->history.last + 1 - wsm__room_first(room);
}
static inline bool wsm__pub_is_for(const struct wsm__pub *pub, const struct wsm__sub *sub)
{
	return !wsm__excluded(pub->exclude, sub->client_id, sub->user_id);
}
/* Returns whether a subscriber that wants this level, and higher ones, gets it. */
static inline bool wsm__pub_is_wanted(const struct wsm__pub *pub, const struct wsm__sub *sub, int level)
{
	return (!pub->level || pub->level >= level) && !(pub->own && sub->raw) && wsm__pub_is_for(pub, sub);
}
static inline bool wsm__sub_lags(const struct wsm__sub *sub)
{
	return sub->n_lagging || sub->firehose_lagging || sub->replay;
}

#endif
