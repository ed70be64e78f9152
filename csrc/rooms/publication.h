/*
 * publication.h - one message as it lies in history and in outboxes: immutable, reference-counted, already framed.
 *
 * All publications are made, shared and released on the runtime thread, so the count is a plain integer.
 */
#ifndef WSM_ROOMS_PUBLICATION_H
#define WSM_ROOMS_PUBLICATION_H

#include "rooms/deliveries.h"
#include "wire/frame.h"

struct wsm__slot;

/* Ids that a publication is not for; made by the host's call, shared by the publications of that call. */
struct wsm__exclude {
	uint32_t refs;
	uint32_t count;
	wsm_slice ids[]; /* point behind the array */
};

/* What becomes of a subscriber's backlog in a room when its queue is full; see registry.h. */
enum wsm__backlog { WSM__RECOVER, WSM__DROP_OLDEST, WSM__LATEST, WSM__DISCONNECT };

/* The forms that a message has on the wire. Each connection has one of them. */
enum wsm__encoding {
	WSM__AS_FRAME, /* pub->frame */
	WSM__AS_RAW,   /* of raw endpoints: an object without what the core has added */
	WSM__ENCODINGS
};

/* A message in one of them. Borrowed from the publication. */
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
	bool own;         /* of a room, but said by the core: nothing for raw endpoints */
	bool control;     /* greeting, reply, heartbeat: not of a room, not counted as a message */
	bool visible;     /* of a room that the firehose sees */
	bool kept;        /* its room's history has it at present */
	bool noted;       /* of a user's or a session's room with a log: that is told once it is written */
	uint64_t room_id; /* of the room it belongs to; 0 for control messages */
	uint64_t offset;  /* position in its room; 0: none */
	uint64_t seq;     /* rises over all rooms of a runtime; 0: it was read from a log */
	uint64_t key;     /* hash of room and conflation key; 0: none */
	uint64_t at_ms;   /* monotonic milliseconds of its publication */
	uint64_t after;   /* the newest offset of its room then */
	struct wsm__exclude *exclude;
	struct wsm__tally *tally; /* NULL unless somebody wants a report */
	uint32_t lagging;         /* while kept: subscribers that are still to get it from history */
	uint32_t payload_at;      /* where the payload begins in `frame` */
	uint32_t payload_len;
	uint32_t
		said_len; /* bytes of the payload up to the end of what its author has said; with a '}' they are WSM__AS_RAW */
	struct wsm__slot **slots; /* the other encodings, each made when it is first needed; NULL: none was */
	uint32_t frame_len;
	uint8_t frame[]; /* what goes on the wire: possibly a ping frame, then header and payload */
};

/*
 * A publication with one reference, framed around a copy of `payload`; everything else zero but priority NORMAL. With
 * `ping`, a ping frame precedes it (heartbeats: one write for both). NULL when out of memory or over 2 GiB.
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

/* As it goes out in that encoding; made when it is first needed, and kept. False: no memory. */
bool wsm__pub_encode(struct wsm__pub *pub, enum wsm__encoding encoding, struct wsm__encoded *out);

/* A copy of the ids, or NULL (also for n == 0). */
struct wsm__exclude *wsm__exclude_new(const wsm_slice *ids, size_t n);
void wsm__exclude_unref(struct wsm__exclude *exclude);
/* Whether the connection of that client and user (may be empty) is excluded. */
bool wsm__excluded(const struct wsm__exclude *exclude, wsm_slice client_id, wsm_slice user_id);

/* One delivery of `pub` goes from one state to another. Control messages are not counted. */
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
