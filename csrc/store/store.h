/*
 * store.h - the store: one SQLite file (option `store`) and the thread that owns it.
 *
 * Who uses it hands jobs in and gets each back by its done(): nobody waits for a disk but the store thread. All jobs that waited
 * while the last transaction ran are one transaction; it ends before any of them is answered, so what is answered with WSM_OK
 * is in the file, and survives the death of the process.
 *
 * Threads.   open() and close() on the host's thread; submit(), take(), sent(), close_room() on one thread, the runtime's;
 *            waiting() and figures() on any. The functions of the options are called on the store thread, which must not be
 *            held up there; log() also by open().
 * Order.     Jobs run, and are answered, in the order of submission.
 * Statuses.  Of every job: WSM_OK; WSM_EUNAVAILABLE: the file cannot be written or read now (full disk, I/O error, another
 *            process has it, it was removed), nothing was changed and no offset given away; WSM_EINVAL: no such handle;
 *            WSM_ENOMEM. Questions are answered also where only writing fails.
 * Memory.    A job and all its slices belong to the store from submit() to done(). What answers point to belongs to the job:
 *            wsm__store_job_fini() frees it.
 */
#ifndef WSM_STORE_STORE_H
#define WSM_STORE_STORE_H

#include <stdbool.h>

#include "ws_manager.h"

struct wsm__store;
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

/*
 * Opens the file, or makes it, and starts the thread. The options' texts are copied. With `wait_ms`, a file that another process has
 * is WSM_OK: the store is `waiting` until the other goes. WSM_ELOCKED says who has it; WSM_ECONFIG: it is no store, of a newer version,
 * damaged, or cannot be opened or written; WSM_ESYSTEM, WSM_ENOMEM. A file that is refused is left as it was.
 */
int wsm__store_open(struct wsm__store **out, const struct wsm__store_options *options, wsm_error *error);
/*
 * Runs all that waits, takes the mark "running" from the file and ends the thread. Answers that nobody has taken are given now, on
 * this thread. close(NULL) is fine.
 */
void wsm__store_close(struct wsm__store *store);
/* In a child after fork(): lets go of the file without touching it. Jobs are not answered. */
void wsm__store_forget(struct wsm__store *store);

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
	char epoch[WSM__STORE_EPOCH]; /* of a room that has never been appended to: a new one, which is kept by the first append */
	uint64_t top;                 /* the last offset given; 0: none */
	uint64_t first;               /* of the oldest message kept; top + 1: none is */
	uint64_t sent;
};

/* One more message: gets the offset behind the last one. */
struct wsm__store_append {
	struct wsm__store_job job;
	uint64_t handle;
	wsm_slice blob;
	uint64_t at_ms;  /* Unix time, ms */
	wsm_slice type;  /* may be empty, as may be: */
	wsm_slice key;   /* conflation key */
	wsm_slice once;  /* a second one with it within WSM__STORE_ONCE_MS is not kept, but answered by the position of the first */
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

/* Hands a job in. Never blocks and never fails; the job's done() says what came of it. */
void wsm__store_submit(struct wsm__store *store, struct wsm__store_job *job);
/* Calls done() of all that is answered. */
void wsm__store_take(struct wsm__store *store);
/* Frees what an answer points to. */
void wsm__store_job_fini(struct wsm__store_job *job);

/* Notes how far a room was delivered. Not answered; the last of several is written with the next transaction. */
void wsm__store_sent(struct wsm__store *store, uint64_t handle, uint64_t offset);
/* Gives a handle back, after all that was submitted with it. Not answered. */
void wsm__store_close_room(struct wsm__store *store, uint64_t handle);

/* Bytes of jobs that are not answered yet (blobs, texts, and a little for each), for the caller to bound. */
size_t wsm__store_waiting(struct wsm__store *store);

/* ---- figures ---------------------------------------------------------------------------------------------------- */

enum wsm__store_state {
	WSM__STORE_UP,
	WSM__STORE_WAITING, /* for another process to let go of the file */
	WSM__STORE_DOWN     /* the last transaction failed, or the file was lost */
};

struct wsm__store_figures {
	enum wsm__store_state state;
	uint64_t since_ms; /* Unix time of that state, ms */
	char reason[200];  /* why it is down, or who has the file; "" while up */
	bool sync_full;
	uint64_t file_bytes, wal_bytes;
	uint64_t open_rooms;
	uint64_t commits, failed; /* transactions */
	uint64_t appended;        /* rows */
	double appended_per_s;    /* of the last seconds */
	uint64_t pruned;          /* rows */
	uint64_t renewed;         /* rooms that have got new epochs */
	uint64_t last_commit_us, average_commit_us, max_commit_us; /* a transaction, from its begin; the last: of the last minute */
	uint64_t checkpoints;
	uint64_t errors; /* jobs answered with WSM_EUNAVAILABLE */
	uint64_t waiting_jobs, waiting_bytes;
};

/* Any thread. Costs a lock for an instant. */
void wsm__store_figures(struct wsm__store *store, struct wsm__store_figures *figures);

#endif
