/*
 * session.h - one client socket in libwebsockets (role "raw"), from accept or hand-over to its end.
 *
 *   ENTERING   requests are read and answered (http.c), until one asks for an upgrade (upgrade.c) or the connection ends
 *   ANSWERING  an answer waits until the client has read it, for answer_timeout at most
 *   DEFERRED   a request is there, but others have taken their time of this turn of the loop; in two lists, by whether it had an
 *              answer before
 *   ASKING     a REST call waits for what the host's authenticate handler says (decide.c), for auth_timeout at most; what follows it
 *              waits too. Whichever way the session leaves this phase, the question is forgotten
 *   OPEN       a WebSocket (websocket.c); `conn` is its connection
 *   LINGERING  all is said; our side is shut down, and what the client still sends is thrown away until it has closed too. Closing
 *              a socket with unread input resets it, and the reset can overtake the last words (RFC 9112 section 9.6)
 *   DOOMED     cut off in this turn of the loop; not inside of libwebsockets' callbacks
 */
#ifndef WSM_SOCKETS_SESSION_H
#define WSM_SOCKETS_SESSION_H

#include "policy/address.h"
#include "wire/inbound.h"

struct lws;
struct wsm__adopt;
struct wsm__conn;
struct wsm__core;
struct wsm__entry;
struct wsm__head;
struct wsm__peer;
struct wsm__ticket;
struct wsm__tls_link;

enum wsm__phase { WSM__ENTERING, WSM__ANSWERING, WSM__DEFERRED, WSM__ASKING, WSM__OPEN, WSM__LINGERING, WSM__DOOMED };

struct wsm__session {
	struct wsm__core *core;
	struct lws *wsi;
	struct wsm__session *prev, *next; /* in the list of its phase; OPEN has none */
	uint64_t deadline_ms;             /* of ENTERING, ANSWERING and LINGERING */
	int fd;
	enum wsm__phase phase;
	bool its_turn;             /* of going on with what was deferred */
	bool served;               /* it had an answer to a request */
	bool choked;               /* libwebsockets holds a part of what was written; nothing is read meanwhile */
	struct wsm__conn *conn;    /* OPEN; NULL again once its connection has gone */
	struct wsm__adopt *adopt;  /* handed over by the host, until a connection has been made of it */
	struct wsm__entry *entry;  /* ENTERING: what was read, and answers (http.c) */
	struct wsm__ticket *asked; /* ASKING: the question (decide.c) */
	struct wsm__peer *peer;    /* whose HTTP connection it counts as (calls.c); NULL: it has made no REST call */
	size_t queued;             /* bytes of an answer, counted in core->http_queued */
	struct wsm__tls_link *tls; /* NULL: none (tls.c) */
	wsm_text held; /* OPEN: the 101 that goes out once the connection is let in, or never (http_refusal) */
	struct wsm__inbound inbound;
};

/*
 * Gives a connected socket to libwebsockets; it is owned from here on, whatever happens. `adopt` (taken over; may be NULL): who
 * handed it over, and what was read from it already.
 */
void wsm__session_take(struct wsm__core *core, int fd, struct wsm__adopt *adopt);
/* libwebsockets' callbacks. `data` is changed. */
void wsm__session_receive(struct wsm__session *session, uint8_t *data, size_t len);
void wsm__session_writable(struct wsm__session *session);
void wsm__session_gone(struct wsm__session *session);

/* The handshake has succeeded: OPEN. */
void wsm__session_open(struct wsm__session *session, struct wsm__conn *conn);
/* Writes all of it, or leaves the rest to libwebsockets: `choked` then. False if the socket is broken: DOOMED. */
bool wsm__session_write(struct wsm__session *session, const void *data, size_t len);
/* The same below TLS, and what has come above it: for tls.c. */
bool wsm__session_write_raw(struct wsm__session *session, const void *data, size_t len);
void wsm__session_receive_plain(struct wsm__session *session, uint8_t *data, size_t len);
/*
 * Requests in turn: all of them together take handshake_budget of a turn of the loop, those that came first go first. True if this
 * one is DEFERRED now; wsm__entry_resume() is called when its turn comes.
 */
bool wsm__session_defer(struct wsm__session *session);
/* It has taken so much of this turn; `again`: it had an answer before that. */
void wsm__session_took(struct wsm__session *session, bool again, uint64_t us);
/* Begins a turn of the loop, with the handshakes that wait. */
void wsm__sessions_resume(struct wsm__core *core);
/* Whether there is time for a further new connection in this turn of the loop. For the `first` there is: endless requests on
 * connections that are there must not keep others out. */
bool wsm__sessions_may_enter(const struct wsm__core *core, bool first);
/* Nothing more is to be said: LINGERING as soon as everything is written. */
void wsm__session_linger(struct wsm__session *session);
/* Cuts it off. */
void wsm__session_doom(struct wsm__session *session);
/* A new time limit for what ENTERING waits for. */
void wsm__session_wait(struct wsm__session *session);
/* An answer of so many bytes cannot be written at once: ANSWERING. */
void wsm__session_answering(struct wsm__session *session, size_t bytes);
/* The host is asked who calls: ASKING. */
void wsm__session_asking(struct wsm__session *session);
/* It has answered: ENTERING again, and what follows is read. */
void wsm__session_asked(struct wsm__session *session);
/* Reads no more until the host has answered: enough has come behind the call that waits. */
void wsm__session_hold(struct wsm__session *session);
/* The text of the client's address; "" if it has none. */
void wsm__session_ip(const struct wsm__session *session, char out[WSM__ADDRESS_TEXT]);

/* Ends those whose time is over (each tick); cuts off the doomed (each turn of the loop, outside of libwebsockets). */
void wsm__sessions_expire(struct wsm__core *core);
void wsm__sessions_reap(struct wsm__core *core);

/* ---- http.c ----------------------------------------------------------------------------------------------------- */

/* The requests of a session that is ENTERING. False when out of memory. */
bool wsm__entry_new(struct wsm__session *session);
void wsm__entry_free(struct wsm__session *session);
/* Bytes of a client; they are copied. */
void wsm__entry_receive(struct wsm__session *session, const void *data, size_t len);
/* Its turn has come. */
void wsm__entry_resume(struct wsm__session *session);
/* The socket takes more again. */
void wsm__entry_writable(struct wsm__session *session);
/* The host has said who calls, or its time to say so is over: answers, and goes on with what came behind the call. */
void wsm__entry_identified(struct wsm__session *session, const wsm_decision *decision);
/* Its time is over. */
void wsm__entry_expire(struct wsm__session *session);
/* Answers in plain text, and ends the session. `extra`: header lines. */
void wsm__entry_refuse(struct wsm__session *session, unsigned status, const char *extra, const char *why);

/* ---- calls.c: how many connections make REST calls, and how much they leave unread ------------------------------- */

/*
 * The session is about to make a REST call as a client of that address: it counts as one of its HTTP connections from here on. False,
 * and it was refused, if there are too many from there. Makes room if there are too many in all.
 */
bool wsm__calls_enter(struct wsm__session *session, const struct wsm__address *client);
/* It is no longer one. */
void wsm__calls_leave(struct wsm__session *session);
/* So many bytes of its answer are unread. Who has left the most time pass makes room if there are too many in all. */
void wsm__calls_queued(struct wsm__session *session, size_t bytes);

/* ---- upgrade.c -------------------------------------------------------------------------------------------------- */

/* A request that asks for another protocol: accepted with 101 (the session is OPEN then), or refused. */
void wsm__upgrade(struct wsm__session *session, const struct wsm__head *head);
/* Whether the client still waits for the answer to its request. */
static inline bool wsm__upgrade_held(const struct wsm__session *session)
{
	return session->held.data != NULL;
}
/* Writes the 101 that was held back, if it was. */
void wsm__upgrade_release(struct wsm__session *session);
/* The HTTP status that says what a close code says. */
unsigned wsm__upgrade_status(unsigned close_code);
/* Writes an HTTP refusal in its place: the status that says what a close code says. */
void wsm__upgrade_refuse(struct wsm__session *session, unsigned close_code, const char *reason);

/* ---- websocket.c ------------------------------------------------------------------------------------------------ */

/* Bytes of an open connection; `data` is changed. */
void wsm__websocket_receive(struct wsm__session *session, uint8_t *data, size_t len);
/* Everything that precedes it is written: the Close frame. The connection may be gone afterwards. */
void wsm__websocket_close(struct wsm__conn *conn);

#endif
