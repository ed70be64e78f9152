/*
 * log.h - logs, which order and keep the publications of rooms. Folders above do not know the driver.
 *
 * This runtime orders a room without a log, and keeps it in its history only: nothing here is called for it. For a room with a log,
 * history is the newest, contiguous part of the log. The core submits a publication, and applies it when the log has answered; one
 * without an offset waits behind earlier ones. The publications of a room are applied in the order of their submission. Runtime
 * thread only. A driver never answers within the call that asks it.
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

/* Limits of one read for members that catch up. */
#define WSM__PAGE_MESSAGES 128u
#define WSM__PAGE_BYTES 131072u
#define WSM__READS_MAX 16u /* at a time; others wait for their turn */

/* The state of a room in its log. */
struct wsm__log_state {
	char epoch[24];
	uint64_t top;   /* newest offset; 0: none yet */
	uint64_t first; /* oldest kept offset; top + 1: none */
	uint64_t sent;  /* of a user's room */
};

struct wsm__log_driver {
	uint32_t at_hand; /* most publications of a stored room in history */
	/* Opens the log; `*error` says why not. `end`: answers all that waits, with WSM_ENOTRUNNING for what it cannot do. */
	int (*begin)(struct wsm__log *log, wsm_error *error);
	void (*end)(struct wsm__log *log);
	/* Delivers answers that are ready, after the driver has rung log->wake. */
	void (*take)(struct wsm__log *log);
	/* Waits for answers, for so many milliseconds at most, and delivers them. */
	void (*settle)(struct wsm__log *log, unsigned ms);
	/* Looks at changed rules of rooms; may be NULL. */
	void (*review)(struct wsm__log *log);
	/* Opens a room; wsm__log_opened() follows. */
	void (*open)(struct wsm__log *log, struct wsm__room_log *room);
	/* Keeps a publication; wsm__log_answered() follows. A room's offsets rise by one in the order of the calls. */
	void (*submit)(struct wsm__log *log, struct wsm__room_log *room, struct wsm__submission *submission);
	/* Reads; wsm__log_row() for each, in order, and wsm__log_read_done() follow. */
	void (*read)(struct wsm__log *log, struct wsm__room_log *room, struct wsm__log_read *read);
	/* Keeps how far a user's room was delivered. */
	void (*sent)(struct wsm__log *log, struct wsm__room_log *room, uint64_t offset);
	/* Closes a room that has nothing under way. */
	void (*close)(struct wsm__log *log, struct wsm__room_log *room);
	/* Makes all positions of a room invalid for ever, as it leaves the log. wsm__log_renewed() follows, after all other answers. */
	void (*renew)(struct wsm__log *log, struct wsm__room_log *room);
};

/* One publication for one room, under way. The submitter makes it, and frees it in `apply`. */
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
	bool duplicate; /* `offset` is the one of an earlier publication with the same `once` */
	bool stored;    /* the log has it */
	int status;
	uint64_t offset;
};

/* A wait for a room to be usable. */
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
	WSM__LOG_LEAVING, /* no longer stored: publications wait until its old positions are invalid */
	WSM__LOG_LEFT     /* this runtime orders it again; only pending publications still need this */
};

struct wsm__room_log {
	struct wsm__log *log;
	struct wsm__room *room;
	enum wsm__log_phase phase;
	struct wsm__submission *pending, *pending_last;
	struct wsm__submission *ungiven; /* the first one that the driver has not got, while the room opens */
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
	/* Answers a question; NULL: members wait. `pubs` are borrowed. */
	void (*done)(void *context, uint64_t number, const struct wsm__log_read *read);
	void *context;
	uint64_t number;
	int status;
	struct wsm__pub **pubs; /* contiguous, of `limit` places */
	uint32_t count;
};

struct wsm__log {
	const struct wsm__log_driver *driver; /* NULL: no room is stored */
	void *data;                           /* the driver's */
	wsm_runtime *runtime;
	uv_loop_t *loop;
	uv_async_t wake; /* the driver rings it, on any thread; the owner of the loop closes it before wsm__log_end() */
	struct wsm__registry *registry;
	const uint64_t *now_ms;
	struct wsm__buffer *text; /* scratch */
	bool rings;               /* `wake` must be closed */
	/* Fills in `stored` and `kept` of a room, by the rules. On any thread. */
	void (*rule)(void *context, wsm_slice name, struct wsm__room_settings *settings);
	/* Reads the clock, before answers are delivered. */
	void (*woken)(void *context);
	/* Applies a submission with its answer, at its turn; takes it over. */
	void (*apply)(void *context, struct wsm__submission *submission);
	void *context;
	struct wsm__submission *under_way; /* of all rooms, oldest first */
	size_t bytes;                      /* of those */
	uint64_t serial;                   /* of the newest */
	struct wsm__log_read *reads_waiting, *reads_waiting_last;
	uint32_t reads;         /* reads that the driver works on */
	unsigned rules_version; /* the version that the driver knows */
	uint64_t unavailable;   /* publications that the log could not keep */
	bool ending;
};

/* Returns whether the room's publications with an offset go through a log. */
static inline bool wsm__log_orders(const struct wsm__log *log, const struct wsm__room_settings *settings)
{
	return settings->stored && log->driver;
}

/* Begins, once the caller has set the other members. Returns WSM_OK, or the driver's status. */
int wsm__log_begin(struct wsm__log *log, wsm_error *error);
/* Ends the log; call it before the registry ends. */
void wsm__log_end(struct wsm__log *log);
/* Passes changed rules to the driver: they also concern rooms that are not open. */
void wsm__log_review(struct wsm__log *log);
/* Applies what is under way, as far as the log answers within so many milliseconds. */
void wsm__log_settle(struct wsm__log *log, unsigned ms);

/* Returns whether a room can be used; if not, begins to open it. Follows a change of its settings. */
bool wsm__log_ready(struct wsm__log *log, struct wsm__room *room);
/* Calls `ready` later, with WSM_OK once the room can be used, or with an error. WSM_ENOMEM. */
int wsm__log_wait(struct wsm__log *log, struct wsm__room *room, void (*ready)(void *, uint64_t, int), void *context,
                  uint64_t number);
/* Returns whether publications of the room are under way. */
static inline bool wsm__log_pending(const struct wsm__room *room)
{
	return room->log && room->log->pending;
}
/* Takes over a submission, and may apply one without an offset at once. WSM_ENOMEM: the caller still owns it. */
int wsm__log_submit(struct wsm__log *log, struct wsm__room *room, struct wsm__submission *submission);
/* Reads publications after `after`, and calls `done` with them later. WSM_ENOMEM. */
int wsm__log_read(struct wsm__log *log, struct wsm__room *room, uint64_t after, uint32_t limit, size_t max_bytes,
                  void (*done)(void *, uint64_t, const struct wsm__log_read *), void *context, uint64_t number);

/* ---- of drivers -------------------------------------------------------------------------------------------------- */

void wsm__log_opened(struct wsm__room_log *room, int status, const struct wsm__log_state *state);
void wsm__log_renewed(struct wsm__room_log *room, int status);
void wsm__log_answered(struct wsm__submission *submission, int status, uint64_t offset);
/*
 * Says that the log has given a room another epoch: tells those with a position in it. `top`: the newest offset before.
 */
void wsm__log_moved(struct wsm__room_log *room, const char *epoch, uint64_t top);
/* Gives one row of a read: its blob (blob.h) and its age. Returns false when out of memory, or if the blob is bad. */
bool wsm__log_row(struct wsm__log_read *read, uint64_t offset, uint64_t age_ms, wsm_slice blob);
/* Ends a read. `first`: the oldest offset in the log. */
void wsm__log_read_done(struct wsm__log_read *read, int status, uint64_t first);

/* Tests put a driver here before a runtime starts: all rooms with history are stored in it. */
extern const struct wsm__log_driver *wsm__log_instead;

#endif
