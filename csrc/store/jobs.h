/*
 * jobs.h - what the store is told and what it answers: its options, jobs, and figures (store.h says how they are used).
 */
#ifndef WSM_STORE_JOBS_H
#define WSM_STORE_JOBS_H

#include <stdbool.h>

#include "ws_manager.h"

struct wsm__store_hooks; /* hooks.h: of tests */

/* What the application's rules say about a room now. */
struct wsm__store_rule {
	bool disk;       /* store="disk" */
	uint64_t size;   /* messages kept, at most; 0: none */
	uint64_t bytes;  /* of their blobs together, at most; 0: not bounded */
	uint64_t ttl_ms; /* older ones are gone; 0: none expires */
};

struct wsm__store_options {
	const char *path;
	bool sync_full;   /* store_sync=full: a commit also survives the loss of power */
	unsigned wait_ms; /* store_wait: so long another process may still have the file */
	void *context;    /* of the next three */
	/* Answers wait to be taken: called once until wsm__store_take(). */
	void (*answered)(void *context);
	/* A line of text for the log. */
	void (*log)(void *context, wsm_level level, const char *text);
	/* Fills *rule, which is zeroed. */
	void (*rule)(void *context, wsm_slice room, struct wsm__store_rule *rule);
	const struct wsm__store_hooks *hooks; /* NULL but in tests */
};

/* ---- jobs ------------------------------------------------------------------------------------------------------- */

enum wsm__store_kind {
	WSM__STORE_OPEN_ROOM, /* struct wsm__store_open_room */
	WSM__STORE_APPEND,    /* struct wsm__store_append */
	WSM__STORE_READ,      /* struct wsm__store_read */
	WSM__STORE_RENEW,     /* struct wsm__store_renew */
	WSM__STORE_REVIEW,    /* struct wsm__store_review */
	WSM__STORE_ROOMS,     /* struct wsm__store_rooms */
	WSM__STORE_PUT,       /* struct wsm__store_item */
	WSM__STORE_DELETE,    /* struct wsm__store_item */
	WSM__STORE_LOAD,      /* struct wsm__store_load */
	WSM__STORE_FLUSH,     /* struct wsm__store_job alone: all before it is done */
	WSM__STORE_CLOSE_ROOM /* the store's own: wsm__store_close_room() */
};

/* What all jobs begin with. Zero-initialise; fill kind and done. */
struct wsm__store_job {
	struct wsm__store_job *next; /* the store's */
	size_t bytes;                /* the store's: what it is charged */
	void *memory;                /* the store's: what the answer points to */
	enum wsm__store_kind kind;
	int status;                               /* answer: see above */
	void (*done)(struct wsm__store_job *job); /* inside take() or close(); it may free the job, and submit others */
};

#define WSM__STORE_EPOCH 24 /* bytes, with the NUL */

/* A room to append to and to read from. Several may have it open: each has a handle of its own to close. */
struct wsm__store_open_room {
	struct wsm__store_job job;
	wsm_slice room;
	/* answer: */
	uint64_t handle;
	char epoch
		[WSM__STORE_EPOCH]; /* of a room that has never been appended to: a new one, which is kept by the first append */
	uint64_t top;               /* the last offset given; 0: none */
	uint64_t first;             /* of the oldest message kept; top + 1: none is */
	uint64_t sent;
};

/* One more message: gets the offset behind the last one. */
struct wsm__store_append {
	struct wsm__store_job job;
	uint64_t handle;
	wsm_slice blob;
	uint64_t at_ms; /* Unix time, ms */
	wsm_slice type; /* may be empty, as may be: */
	wsm_slice key;  /* conflation key */
	wsm_slice
		once; /* a second one with it within WSM__STORE_ONCE_MS is not kept, but answered by the position of the first */
	unsigned level;
	/* answer: */
	bool duplicate; /* of an earlier one with the same `once` */
	uint64_t offset;
	char epoch[WSM__STORE_EPOCH]; /* of the room, which may have got a new one since it was opened */
};
#define WSM__STORE_ONCE_MS 300000u

struct wsm__store_row {
	uint64_t offset;
	uint64_t at_ms;
	wsm_slice blob;
};

/* A page of messages: contiguous, from the first behind `after` that is kept and has not expired. */
struct wsm__store_read {
	struct wsm__store_job job;
	uint64_t handle;
	uint64_t after;
	size_t limit;     /* rows, at most */
	size_t max_bytes; /* of blobs, at most; the first row comes whatever its size */
	/* answer: */
	struct wsm__store_row *rows;
	size_t n_rows;
	uint64_t first, top; /* of the room, as in open_room, when the page was read */
	char epoch[WSM__STORE_EPOCH];
};

/*
 * Gives a room on file a new epoch: it leaves the disk, or its positions are worth nothing. Its messages stay, and offsets go on. Until
 * this is answered with WSM_OK the room must not be used otherwise: old positions would still be honoured.
 */
struct wsm__store_renew {
	struct wsm__store_job job;
	wsm_slice room;
	/* answer: */
	char epoch[WSM__STORE_EPOCH]; /* empty: nothing is on file, and nobody has it open */
};

/* Asks rule() about every room on file: those that are no disk rooms now get new epochs. At every start, and after rules changed. */
struct wsm__store_review {
	struct wsm__store_job job;
	/* answer: */
	uint64_t renewed; /* rooms */
};

struct wsm__store_figure {
	wsm_slice room;
	uint64_t rows, bytes, top, first;
};

/* Rooms on file, by name. */
struct wsm__store_rooms {
	struct wsm__store_job job;
	wsm_slice after; /* the last name of the page before */
	size_t limit;
	/* answer: */
	struct wsm__store_figure *rooms;
	size_t n_rooms;
	bool more;
};

/* Small things kept by kind ("ban", "revocation") and key. DELETE of one that is not there is WSM_OK. */
struct wsm__store_item {
	struct wsm__store_job job;
	wsm_slice kind, key;
	wsm_slice value;     /* PUT */
	uint64_t expires_ms; /* PUT: Unix time, ms; 0: never */
};

struct wsm__store_pair {
	wsm_slice key, value;
	uint64_t expires_ms;
};

/* All of a kind that have not expired, by key. */
struct wsm__store_load {
	struct wsm__store_job job;
	wsm_slice kind;
	wsm_slice after; /* the last key of the page before */
	size_t limit;
	/* answer: */
	struct wsm__store_pair *pairs;
	size_t n_pairs;
	bool more;
};

/* ---- figures ---------------------------------------------------------------------------------------------------- */

enum wsm__store_state {
	WSM__STORE_UP,
	WSM__STORE_WAITING, /* for another process to let go of the file */
	WSM__STORE_DOWN     /* the last transaction failed, or the file was lost */
};

struct wsm__store_figures {
	enum wsm__store_state state;
	uint64_t since_ms; /* Unix time of that state, ms */
	char reason[320];  /* why it is down, or who has the file; "" while up */
	bool sync_full;
	uint64_t file_bytes, wal_bytes;
	uint64_t open_rooms;
	uint64_t commits, failed; /* transactions */
	uint64_t appended;        /* rows */
	double appended_per_s;    /* of the last seconds */
	uint64_t pruned;          /* rows */
	uint64_t renewed;         /* rooms that have got new epochs */
	uint64_t last_commit_us, average_commit_us,
		max_commit_us; /* a transaction, from its begin; the last: of the last minute */
	uint64_t checkpoints;
	uint64_t errors; /* jobs answered with WSM_EUNAVAILABLE */
	uint64_t waiting_jobs, waiting_bytes;
};

#endif
