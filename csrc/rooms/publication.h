/*
 * publication.h - one message in history and outboxes: immutable, reference-counted, already framed.
 *
 * Only the runtime thread makes, shares and releases publications, so the count is a plain integer.
 */
#ifndef WSM_ROOMS_PUBLICATION_H
#define WSM_ROOMS_PUBLICATION_H

#include "rooms/deliveries.h"
#include "wire/frame.h"

struct wsm__slot;

/* Ids that do not get a publication; the publications of one call share it. */
struct wsm__exclude {
	uint32_t refs;
	uint32_t count;
	wsm_slice ids[]; /* point behind the array */
};

/* The fate of a subscriber's backlog in a room when its queue is full: registry.h. */
enum wsm__backlog { WSM__RECOVER, WSM__DROP_OLDEST, WSM__LATEST, WSM__DISCONNECT };

/* The forms of a message on the wire. Each connection gets one of them. */
enum wsm__encoding {
	WSM__AS_FRAME, /* pub->frame */
	WSM__AS_RAW,   /* for raw endpoints: an object without the core's additions */
	WSM__ENCODINGS
};

/* A message in one of these forms. Borrowed from the publication. */
struct wsm__encoded {
	const uint8_t *frame;
	size_t frame_len;
	wsm_slice payload;
};

struct wsm__pub {
	uint32_t refs;
	uint8_t opcode;   /* enum wsm__opcode */
	uint8_t priority; /* wsm_priority, never DEFAULT */
	uint8_t level;    /* wsm_level */
	uint8_t backlog;  /* enum wsm__backlog, of its room */
	bool conflate;    /* a newer publication with the same `key` may take its place in an outbox */
	bool own;         /* of a room, but from the core: not for raw endpoints */
	bool control;     /* greeting, reply, heartbeat: not of a room, not counted as a message */
	bool visible;     /* of a room that the firehose sees */
	bool kept;        /* its room's history has it now */
	bool noted;       /* of a user's or a session's room with a log, which is told once it is written */
	uint64_t room_id; /* of its room; 0 for control messages */
	uint64_t offset;  /* position in its room; 0: none */
	uint64_t seq;     /* rises over all rooms of a runtime; 0: it was read from a log */
	uint64_t key;     /* hash of room and conflation key; 0: none */
	uint64_t at_ms;   /* time of its publication, monotonic milliseconds */
	uint64_t after;   /* the newest offset of its room at that time */
	struct wsm__exclude *exclude;
	struct wsm__tally *tally; /* NULL unless somebody wants a report */
	uint32_t lagging;         /* while kept: subscribers that must still get it from history */
	uint32_t payload_at;      /* start of the payload in `frame` */
	uint32_t payload_len;
	uint32_t said_len;        /* bytes of the payload by its author; these and a '}' make WSM__AS_RAW */
	struct wsm__slot **slots; /* the other encodings, each made at its first use; NULL: none yet */
	uint32_t frame_len;
	uint8_t frame[]; /* bytes for the wire: perhaps a ping frame, then header and payload */
};

/*
 * Returns a publication with one reference: a frame around a copy of `payload`, priority NORMAL, all else zero. With `ping`, a ping
 * frame precedes it (heartbeats: one write for both). NULL when out of memory or over 2 GiB.
 */
struct wsm__pub *wsm__pub_new(enum wsm__opcode opcode, wsm_slice payload, bool ping);
static inline struct wsm__pub *wsm__pub_ref(struct wsm__pub *pub)
{
	pub->refs++;
	return pub;
}
void wsm__pub_unref(struct wsm__pub *pub);
static inline wsm_slice wsm__pub_payload(const struct wsm__pub *pub)
{
	wsm_slice payload = { (const char *)pub->frame + pub->payload_at, pub->payload_len };
	return payload;
}

/* Fills `out` with that encoding; makes it at the first use, and keeps it. Returns false when out of memory. */
bool wsm__pub_encode(struct wsm__pub *pub, enum wsm__encoding encoding, struct wsm__encoded *out);

/* Returns a copy of the ids; NULL when out of memory, and for n == 0. */
struct wsm__exclude *wsm__exclude_new(const wsm_slice *ids, size_t n);
void wsm__exclude_unref(struct wsm__exclude *exclude);
/* Returns whether the connection of that client and user (may be empty) is excluded. */
bool wsm__excluded(const struct wsm__exclude *exclude, wsm_slice client_id, wsm_slice user_id);

/* Moves one delivery of `pub` from one state to another. Does not count control messages. */
static inline void wsm__fate(struct wsm__deliveries *all, struct wsm__pub *pub, enum wsm__fate from, enum wsm__fate to)
{
	if (pub->control)
		return;
	all->fates[from]--;
	all->fates[to]++;
	if (from == WSM__LAGGING)
		pub->lagging--;
	if (to == WSM__LAGGING)
		pub->lagging++;
	if (pub->tally)
		wsm__tally_move(all, pub->tally, from, to);
}

#endif
