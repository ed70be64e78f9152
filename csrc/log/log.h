/*
 * log.h - who orders and keeps the publications of a room. Nothing above knows which it is.
 *
 * A room without a log is ordered by this runtime, and kept in its history only: nothing here is called for it. A room with a log has
 * its history as the newest, contiguous part of it. A publication is submitted, waits, and is applied when the log has answered; what
 * has no offset waits in its place behind those before it. Of one room, publications are applied in the order in which they
 * were submitted. All on the runtime thread. A driver never answers within the call that asks it.
 */
#ifndef WSM_LOG_LOG_H
#define WSM_LOG_LOG_H

#include <uv.h>

#include "rooms/page.h"

struct wsm__log;
struct wsm__log_read;
struct wsm__publish;
struct wsm__room;
struct wsm__room_log;
struct wsm__stamp;
struct wsm__submission;

/* Limits of what is read for members that catch up. */
#define WSM__PAGE_MESSAGES 128u
#define WSM__PAGE_BYTES 131072u
#define WSM__READS_MAX 16u /* at a time; others wait for their turn */

/* What a log knows of a room. */
struct wsm__log_state {
	char epoch[24];
	uint64_t top;   /* newest offset; 0: there is none yet */
	uint64_t first; /* oldest that is kept; top + 1: none is */
	uint64_t sent;  /* of a user's room */
};

struct wsm__log_driver {
	uint32_t at_hand; /* publications of a stored room that history holds, at most */
	/* Begins to use it; `*error` says why not. `end`: answers everything that waits, with WSM_ENOTRUNNING what it cannot do. */
	int (*begin)(struct wsm__log *log, wsm_error *error);
	void (*end)(struct wsm__log *log);
	/* It has rung: log->wake. Answers what has its answer. */
	void (*take)(struct wsm__log *log);
	/* Answers what waits, as far as that is possible within so many milliseconds. */
	void (*settle)(struct wsm__log *log, unsigned ms);
	/* Rules of rooms have changed; NULL: it does not care. */
	void (*review)(struct wsm__log *log);
	/* wsm__log_opened() follows. */
	void (*open)(struct wsm__log *log, struct wsm__room_log *room);
	/* wsm__log_answered() follows. The offsets of one room rise by one, in the order of the calls, also where answers are late. */
	void (*submit)(struct wsm__log *log, struct wsm__room_log *room, struct wsm__submission *submission);
	/* wsm__log_row() for each, in their order, and wsm__log_read_done() follow. */
	void (*read)(struct wsm__log *log, struct wsm__room_log *room, struct wsm__log_read *read);
	/* A user's room was delivered up to here. */
	void (*sent)(struct wsm__log *log, struct wsm__room_log *room, uint64_t offset);
	/* Nothing of it is under way. */
	void (*close)(struct wsm__log *log, struct wsm__room_log *room);
	/* A room leaves the log: positions that clients have of it must never be good again. wsm__log_renewed() follows, behind all other answers. */
	void (*renew)(struct wsm__log *log, struct wsm__room_log *room);
};

/* One publication for one room, under way. Whoever submits makes it, and frees it in `apply`. */
struct wsm__submission {
	struct wsm__submission *next;                /* of its room */
	struct wsm__submission *all_prev, *all_next; /* of all rooms */
	struct wsm__room_log *room;
	const struct wsm__publish *publish;
	const struct wsm__stamp *stamp;
	uint64_t serial;
	size_t bytes;
	bool keep; /* else it only waits for its turn */
	bool answered;
	bool duplicate; /* `offset` is that of an earlier one with the same `once` */
	bool stored;    /* the log has it */
	int status;
	uint64_t offset;
};

/* Somebody waits for a room to be usable. */
struct wsm__log_wait {
	struct wsm__log_wait *next;
	void (*ready)(void *context, uint64_t number, int status);
	void *context;
	uint64_t number;
};

enum wsm__log_phase {
	WSM__LOG_CLOSED,
	WSM__LOG_OPENING,
	WSM__LOG_OPEN,
	WSM__LOG_LEAVING, /* it is no longer to be stored: what is published waits until its old positions are worth nothing */
	WSM__LOG_LEFT /* and then is this runtime's to order; what is still pending is the last that it is needed for */
};

struct wsm__room_log {
	struct wsm__log *log;
	struct wsm__room *room;
	enum wsm__log_phase phase;
	struct wsm__submission *pending, *pending_last;
	struct wsm__submission *ungiven; /* the first of those that the driver has not got; while it opens */
	struct wsm__log_wait *waits, *waits_last;
	struct wsm__log_read *reads;
	void *data; /* the driver's */
};

struct wsm__log_read {
	struct wsm__page_read page; /* first */
	struct wsm__log_read *prev, *next, *next_waiting;
	struct wsm__room_log *room;
	uint64_t after;
	uint32_t limit;
	size_t max_bytes;
	/* Of a question; NULL: members wait. `pubs` are borrowed. */
	void (*done)(void *context, uint64_t number, const struct wsm__log_read *read);
	void *context;
	uint64_t number;
	int status;
	struct wsm__pub **pubs; /* contiguous, of `limit` places */
	uint32_t count;
};

struct wsm__log {
	const struct wsm__log_driver *driver; /* NULL: there is none, and no room is stored */
	void *data;                           /* the driver's */
	wsm_runtime *runtime;
	uv_loop_t *loop;
	uv_async_t wake; /* the driver rings it, on any thread; whoever has the loop closes it before wsm__log_end() */
	struct wsm__registry *registry;
	const uint64_t *now_ms;
	struct wsm__buffer *text; /* scratch */
	bool rings;               /* `wake` is to be closed */
	/* What the rules say of a room: `stored` and `kept`. On any thread. */
	void (*rule)(void *context, wsm_slice name, struct wsm__room_settings *settings);
	/* Before answers are taken: the time is to be looked at. */
	void (*woken)(void *context);
	/* A submission has its answer, and its turn has come; it is taken over. */
	void (*apply)(void *context, struct wsm__submission *submission);
	void *context;
	struct wsm__submission *under_way; /* of all rooms, oldest first */
	size_t bytes;                      /* of those */
	uint64_t serial;                   /* of the newest */
	struct wsm__log_read *reads_waiting, *reads_waiting_last;
	uint32_t reads;         /* that the driver has */
	unsigned rules_version; /* that the driver knows */
	uint64_t unavailable;   /* publications that it could not keep */
	bool ending;
};

/* Whether publications of the room with an offset go through a log. */
static inline bool wsm__log_orders(const struct wsm__log *log, const struct wsm__room_settings *settings)
{
	return settings->stored && log->driver;
}

/* The other members have been set. WSM_OK, or as the driver says. */
int wsm__log_begin(struct wsm__log *log, wsm_error *error);
/* Before the registry ends. */
void wsm__log_end(struct wsm__log *log);
/* Looks whether rules of rooms have changed, which rooms that nobody has open are concerned by, too. */
void wsm__log_review(struct wsm__log *log);
/* What is under way is applied, as far as the log can within so many milliseconds. */
void wsm__log_settle(struct wsm__log *log, unsigned ms);

/* Whether a room can be joined, asked and read; where not, it begins to open. Follows a change of its settings. */
bool wsm__log_ready(struct wsm__log *log, struct wsm__room *room);
/* Calls `ready` once the room is, with WSM_OK, or with why it cannot be. Never within this call. WSM_ENOMEM. */
int wsm__log_wait(struct wsm__log *log, struct wsm__room *room, void (*ready)(void *, uint64_t, int), void *context,
                  uint64_t number);
/* Whether publications of the room are under way. */
static inline bool wsm__log_pending(const struct wsm__room *room)
{
	return room->log && room->log->pending;
}
/* Takes the submission over; one that only waits for its turn may be applied within the call. WSM_ENOMEM: it is still the caller's. */
int wsm__log_submit(struct wsm__log *log, struct wsm__room *room, struct wsm__submission *submission);
/* Reads publications after `after`, and calls `done` with them later. WSM_ENOMEM. */
int wsm__log_read(struct wsm__log *log, struct wsm__room *room, uint64_t after, uint32_t limit, size_t max_bytes,
                  void (*done)(void *, uint64_t, const struct wsm__log_read *), void *context, uint64_t number);

/* ---- of drivers -------------------------------------------------------------------------------------------------- */

void wsm__log_opened(struct wsm__room_log *room, int status, const struct wsm__log_state *state);
void wsm__log_renewed(struct wsm__room_log *room, int status);
void wsm__log_answered(struct wsm__submission *submission, int status, uint64_t offset);
/*
 * The log has given a room another epoch than it said: who stands at a position of it is told. `top`: the newest offset of before.
 */
void wsm__log_moved(struct wsm__room_log *room, const char *epoch, uint64_t top);
/* One row of a read: its blob (blob.h), and how old it is. False: no memory, or it cannot be read. */
bool wsm__log_row(struct wsm__log_read *read, uint64_t offset, uint64_t age_ms, wsm_slice blob);
/* `first`: the oldest offset that is kept. */
void wsm__log_read_done(struct wsm__log_read *read, int status, uint64_t first);

/* Tests put a driver here before a runtime starts: all rooms with history are stored in it. */
extern const struct wsm__log_driver *wsm__log_instead;

#endif
