/*
 * rooms_model.h - a state machine over a registry and a handful of subscribers, driven by bytes, with an oracle that follows
 * what each client sees. Shared by unit/test_rooms_model.c (seeded) and fuzz/fuzz_rooms.c.
 *
 * The oracle knows a client's stream only, as a client does: publications by their number in `log`, and control messages
 * (greeting, answers to subscribe and unsubscribe, gaps) by their number in `notes`.
 */
#ifndef WSM_TESTS_ROOMS_MODEL_H
#define WSM_TESTS_ROOMS_MODEL_H

#include <stdarg.h>

#include "rooms/catchup.h"
#include "rooms/fanout.h"
#include "rooms/lag.h"
#include "rooms/membership.h"
#include "rooms/overflow.h"
#include "rooms/room.h"

#define CLIENTS 6u
#define NAMES 6u
#define INCARNATIONS 128u

/* One publication. Bits are those of the clients. */
struct entry {
	int incarnation; /* -1: to one client alone */
	uint64_t offset, at_ms, seq, key;
	size_t frame_len;
	uint8_t priority, level;
	bool conflate;
	unsigned excluded; /* who it is not for */
	unsigned may;      /* who may get it, as it has no offset */
	unsigned owed;     /* who must get it, as it has no offset */
	unsigned received; /* who got it, as it has no offset */
};

/* One life of a room: from its creation until it is freed. */
struct incarnation {
	uint64_t room_id;
	unsigned name;
	bool visible;
	char epoch[24];
	uint32_t *entries; /* by offset - 1 */
	uint64_t last;
};

/* What a client knows of a room. */
struct view {
	bool known, joined;
	bool gap; /* one must be told in the end */
	uint64_t position;
	int level;
	uint64_t seq; /* of the last one that came, conflated ones aside: the order inside a room */
};

enum note_kind { NOTE_GREETING, NOTE_SUBSCRIBED, NOTE_UNSUBSCRIBED, NOTE_GAP, NOTE_BEAT };
struct note {
	enum note_kind kind;
	uint32_t number;
	int incarnation;
	bool already; /* the messages go on as before */
	bool gap;     /* but for what has been lost meanwhile: a gap follows */
	bool fresh; /* the client named all that it had received when it asked: no more of it may come before the answer */
	uint64_t received; /* how much that was */
	uint64_t position;
	int level;
	unsigned n_incarnations; /* NOTE_GREETING: so many there had been */
	uint64_t *positions;     /* NOTE_GREETING of the firehose: INCARNATIONS of them; UINT64_MAX: not there */
};

struct client {
	struct wsm__sub sub; /* first */
	unsigned number;
	bool open, choked, firehose, greeted;
	int level; /* of the firehose */
	char id[4], user[4];
	struct view views[INCARNATIONS];
	uint64_t received[INCARNATIONS];    /* messages with an offset */
	unsigned n_incarnations;            /* when it was greeted */
	struct note *stashed[INCARNATIONS]; /* gaps told before the greeting */
	size_t n_stashed;
};

struct model {
	struct wsm__registry registry;
	const uint8_t *data;
	size_t size, at;
	uint64_t now;
	struct client clients[CLIENTS];
	struct entry *log;
	uint32_t n_log;
	struct note **notes;
	uint32_t n_notes;
	struct incarnation incarnations[INCARNATIONS];
	unsigned n_incarnations;
	size_t largest;          /* frame */
	uint8_t backlogs[NAMES]; /* enum wsm__backlog */
	uint64_t published, received, gaps;
	char fault[256]; /* the first; empty: none */
	/* How much of the interesting happened, for a test of the test. */
	uint64_t recovered, not_recovered, overflows, rewinds;
};

/* Runs the bytes; the first fault, or NULL. The model is to be zeroed before, and given to model_fini() afterwards. */
const char *model_run(struct model *model, const uint8_t *data, size_t size);
void model_fini(struct model *model);

/* ---- rooms_model.c ---------------------------------------------------------------------------------------------- */

extern const char *const model_names[NAMES];
/* The next byte; 0 when there are no more. The second: less than n. */
unsigned model_byte(struct model *model);
unsigned model_pick(struct model *model, unsigned n);
/* Room for one element more. */
void *model_grow(void *array, uint32_t count, size_t size);

/* ---- rooms_clients.c -------------------------------------------------------------------------------------------- */

/* Finds or makes a room, and its present life. */
struct wsm__room *model_room(struct model *model, unsigned name, int *incarnation);
/* What goes out: kind and number, and padding. */
struct wsm__pub *model_message(struct model *model, char kind, uint32_t number, size_t padding);
/* The registry's callback. */
void model_on_gap(void *model, struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, uint64_t missed);
void client_close(struct model *model, struct client *client);
/* With `resume`, it names positions that it had when it was last here. */
void client_open(struct model *model, struct client *client, bool firehose, bool resume);
void client_subscribe(struct model *model, struct client *client, unsigned name, int level,
                      const struct wsm__since *since);
void client_subscribe_since(struct model *model, struct client *client);
void client_unsubscribe(struct model *model, struct client *client);
void client_beat(struct model *model, struct client *client);

/* ---- rooms_oracle.c --------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) void model_fault(struct model *model, const char *format, ...);
/* Whether the publication is for that client at that level. */
bool oracle_is_for(const struct entry *entry, const struct client *client, int level);
/* The client gets what is at the front of its outbox. */
void oracle_receive(struct model *model, struct client *client, const struct wsm__pub *pub);
/* What must hold after each step, and at the end, when everything has been flushed. */
void oracle_check(struct model *model);
void oracle_check_end(struct model *model);
/* The oldest offset that the history of that room holds now, by the rules and not by the ring. */
uint64_t oracle_first(const struct model *model, const struct incarnation *incarnation);

#endif
