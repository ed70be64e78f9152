/*
 * ws_manager_publish.h - publications, and their receipts. Include ws_manager.h, which includes this.
 */
#ifndef WS_MANAGER_PUBLISH_H
#define WS_MANAGER_PUBLISH_H

#ifndef WS_MANAGER_H
#error "include ws_manager.h"
#endif

typedef enum wsm_target {
	WSM_TO_AUTO =
		0,      /* by the catalogue; else project:<project_id> if the data has that member, else @all. No id. */
	WSM_TO_ALL,     /* room @all. No id. */
	WSM_TO_ROOM,    /* public room of that name */
	WSM_TO_PROJECT, /* room project:<id>; adds the member "project_id" */
	WSM_TO_USER,    /* every connection of that user */
	WSM_TO_SESSION, /* every connection of that session */
	WSM_TO_CLIENT   /* one connection, by client_id */
} wsm_target;

typedef enum wsm_priority { WSM_PRIORITY_DEFAULT = 0, WSM_CRITICAL, WSM_NORMAL, WSM_LOW } wsm_priority;
typedef enum wsm_level {
	WSM_LEVEL_NONE = 0,
	WSM_DEBUG,
	WSM_INFO,
	WSM_SUCCESS,
	WSM_WARNING,
	WSM_ERROR,
	WSM_LEVEL_CRITICAL
} wsm_level;
/* Returns the level of a word: "info" -> WSM_INFO, case-insensitive; also "warn" and "fatal"; -1 for any other word. */
int wsm_level_parse(wsm_slice word);

#define WSM_PUBLISH_NO_HISTORY 1u /* keep it in no history; it gets no offset */
#define WSM_PUBLISH_BINARY 2u     /* sends the payload unchanged, as a binary message */
/*
 * Sends the payload unchanged, as a text message, even if it is a JSON object. WSM_EINVAL for an object that clients could take for
 * one of the server's messages: with a room, an offset or an epoch, a member that begins with '@', or a type of the server's own.
 */
#define WSM_PUBLISH_TEXT 4u
#define WSM_PUBLISH_FLAT 8u    /* with `type`: the members of the payload at the top level, beside "event_type" */
#define WSM_PUBLISH_REPORT 16u /* the receipt also counts deliveries by their fate: wsm_receipt_report() */

/* A further member of the envelope's top level. `json` is an encoded JSON value. */
typedef struct wsm_member {
	wsm_slice name;
	wsm_slice json;
} wsm_member;

/*
 * One publication. Zero-initialise it, then set what you need.
 * With `type`, payload is the encoded JSON value of "data" and the core makes the envelope; where the type is in the
 * catalogue its room, priority, key, rate, history and shape apply unless set here. Without `type`, a payload that is
 * a JSON object gets those of timestamp, message_id, room, offset that it lacks; other text goes out unchanged. At raw endpoints
 * all text goes out unchanged (an object without the blanks around it), and an event without the additions of core and `members`.
 * Where a member of the object, of flat data, or of `members` is called room, offset or epoch, it stays, and the server puts its
 * own three into "@position" (docs/protocol.md). WSM_EINVAL: a name that begins with '@', or flat data that is no object.
 */
typedef struct wsm_publication {
	wsm_target target;
	const wsm_slice *ids; /* as `target` says; several ids: one publication each, with one message_id */
	size_t n_ids;
	wsm_slice type;
	wsm_slice key;   /* conflation key: only the newest message of (room, key) is worth sending */
	double max_rate; /* per second and (room, key or type); 0: no limit. The newest is sent when its time comes. */
	wsm_priority priority;
	wsm_level level;          /* members that asked for a higher level do not get it */
	const wsm_slice *exclude; /* ids of users or clients that do not get it */
	size_t n_exclude;
	const wsm_member *members;
	size_t n_members;
	unsigned flags; /* WSM_PUBLISH_… */
	/*
	 * An id of at most 128 bytes of UTF-8 without control characters (else WSM_EINVAL): a second publication with it to the same room
	 * (user, session, client) within 5 minutes is not sent, and its receipt tells the position of the first. Of several ids, each room by
	 * itself. It counts from when it is sent: what max_rate holds back, and a newer one replaces, was not. Rooms on disk remember it as they
	 * do the message; all else in memory, where the oldest goes beyond max_once. Empty: none.
	 */
	wsm_slice once;
} wsm_publication;

typedef struct wsm_receipt wsm_receipt;

/*
 * Queues a publication. Returns WSM_EROOM, WSM_EINVAL (also for a text that is not UTF-8), WSM_EJSON, WSM_ETOOLARGE (over
 * max_publish_size), WSM_ENOTRUNNING, WSM_EFORKED, WSM_ENOMEM at once, with `error`. A full queue is no error of this call: it
 * drops the oldest publications of low priority, then normal ones, then critical ones, but never for a newcomer of lower
 * priority; if that is not enough, it drops the newcomer. It counts them, and their receipts say WSM_EOVERLOADED.
 * `receipt`: NULL, or gets a reference that the caller releases by wsm_receipt_unref().
 */
int wsm_publish(wsm_runtime *runtime, const wsm_publication *publication, const void *payload, size_t len,
                wsm_receipt **receipt, wsm_error *error);

typedef struct wsm_delivery {
	int status; /* WSM_OK, WSM_EOVERLOADED, WSM_ENOTRUNNING (stopped before it was sent), WSM_EUNAVAILABLE (its log) */
	uint64_t recipients; /* connections that get it */
	bool superseded;     /* max_rate held it back, and a newer one of its key took its place */
	uint64_t offset;     /* 0: no position */
	char room[136];      /* "" where there were several ids */
	char epoch[24];      /* "" where there is no position */
	char message_id[28]; /* "" of a duplicate */
	bool stored;         /* it is in the log of its room, on disk; of several rooms, of one at least */
	/* Its `once` was published already: the position is that one's, and nothing was sent. Of several rooms, in one at least. */
	bool duplicate;
} wsm_delivery;

void wsm_receipt_ref(wsm_receipt *receipt);
void wsm_receipt_unref(wsm_receipt *receipt);
/* Copies the outcome. Returns true once the runtime has handled the publication, false before. */
bool wsm_receipt_done(wsm_receipt *receipt, wsm_delivery *delivery);
/* Asks for one WSM_EVENT_RECEIPT. Returns false, and no event comes, if the outcome is there already. */
bool wsm_receipt_watch(wsm_receipt *receipt);
/* Keeps a pointer for the host; NULL at first. Set it before wsm_receipt_watch(). */
void wsm_receipt_set_data(wsm_receipt *receipt, void *data);
void *wsm_receipt_data(const wsm_receipt *receipt);

/*
 * The deliveries of a publication by their fate: one delivery for each connection and room. `deliveries` is the sum of the
 * other counts. A client that recovers the message from history before the report is settled counts as one more.
 */
typedef struct wsm_report {
	uint64_t deliveries;
	uint64_t written;   /* given to the operating system (or to the host of a bridged connection) */
	uint64_t conflated; /* a newer message of its key took its place */
	uint64_t dropped;   /* the connection ended or left the room, its queue overflowed, or history moved on */
	uint64_t lagging;   /* the client is slow, and gets it from history later */
	uint64_t pending;   /* waits in the queue of its connection */
	bool settled;       /* final: the publication was handled, and nothing is lagging or pending */
} wsm_report;

/*
 * Copies the counts of this moment. WSM_EINVAL without WSM_PUBLISH_REPORT. A publication that was dropped before it was sent
 * has no deliveries, and is settled.
 */
int wsm_receipt_report(wsm_receipt *receipt, wsm_report *report);
/*
 * Asks for one WSM_EVENT_REPORT, with that `ticket`, once the report is settled. Returns false, and this call brings no event, if
 * there is no report, if it is settled already, or if an earlier call has asked.
 */
bool wsm_receipt_watch_report(wsm_receipt *receipt, uint64_t ticket);

#endif
