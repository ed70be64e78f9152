/*
 * session.h - one client socket in libwebsockets (role "raw"), from accept or hand-over to its end.
 *
 *   ENTERING   requests are read and answered (http.h), until one asks for an upgrade (upgrade.h) or the connection ends
 *   ANSWERING  an answer waits until the client has read it, for answer_timeout at most
 *   DEFERRED   a request is there, but others have taken their time of this turn of the loop; in two lists, by whether it had an
 *              answer before
 *   ASKING     a REST call waits for what the host's authenticate handler says (clients/ticket.h), for auth_timeout at most; what
 *              follows it waits too. Whichever way the session leaves this phase, the question is forgotten
 *   OPEN       a WebSocket (websocket.h); `conn` is its connection
 *   LINGERING  all is said; our side is shut down, and what the client still sends is thrown away until it has closed too. Closing
 *              a socket with unread input resets it, and the reset can overtake the last words (RFC 9112 section 9.6)
 *   DOOMED     cut off in this turn of the loop; not inside of libwebsockets' callbacks
 */
#ifndef WSM_SOCKETS_SESSION_H
#define WSM_SOCKETS_SESSION_H

#include "clients/ticket.h"
#include "policy/address.h"
#include "wire/inbound.h"

struct lws;
struct wsm__adopt;
struct wsm__conn;
struct wsm__entry;
struct wsm__peer;
struct wsm__session;
struct wsm__tls_link;

enum wsm__phase { WSM__ENTERING, WSM__ANSWERING, WSM__DEFERRED, WSM__ASKING, WSM__OPEN, WSM__LINGERING, WSM__DOOMED };

/* What it is at present: requests (http.h), or a WebSocket (websocket.h). */
struct wsm__session_ops {
	void (*receive)(struct wsm__session *session, uint8_t *data, size_t len); /* `data` is changed */
	void (*writable)(struct wsm__session *session);                           /* the socket takes more again */
	void (*choke)(struct wsm__session *session, bool choked);                 /* NULL: it looks by itself */
	void (*resume)(struct wsm__session *session);                             /* of DEFERRED: its turn has come */
	void (*expire)(struct wsm__session *session);                             /* of ENTERING: its time is over */
	void (*end)(struct wsm__session *session);                                /* frees what it has */
};

/* What stands between it and its socket: TLS (tls.h). */
struct wsm__session_filter {
	void (*receive)(struct wsm__session *session, uint8_t *data, size_t len);
	bool (*write)(struct wsm__session *session, const void *data, size_t len);
	void (*end)(struct wsm__session *session, bool notify); /* afterwards there is none */
};

struct wsm__session {
	struct wsm__core *core;
	struct lws *wsi;
	struct wsm__session *prev, *next; /* in the list of its phase; OPEN has none */
	uint64_t deadline_ms;             /* of ENTERING, ANSWERING and LINGERING */
	int fd;
	enum wsm__phase phase;
	const struct wsm__session_ops *ops;
	const struct wsm__session_filter *filter; /* NULL: none */
	bool its_turn;                            /* of going on with what was deferred */
	bool served;                              /* it had an answer to a request */
	bool choked;               /* libwebsockets holds a part of what was written; nothing is read meanwhile */
	struct wsm__conn *conn;    /* OPEN; NULL again once its connection has gone */
	struct wsm__adopt *adopt;  /* handed over by the host, until a connection has been made of it */
	struct wsm__entry *entry;  /* ENTERING: what was read, and answers (http.h) */
	struct wsm__waits waits;   /* ASKING: for the host */
	struct wsm__peer *peer;    /* whose HTTP connection it counts as (callers.h); NULL: it has made no REST call */
	size_t queued;             /* bytes of an answer, counted in core->http_queued */
	struct wsm__tls_link *tls; /* the filter's; NULL: none */
	wsm_text held; /* OPEN: the 101 that goes out once the connection is let in, or never (http_refusal) */
	struct wsm__inbound inbound;
};

/* A session in no list, which has nobody to speak for it yet. NULL when out of memory; free() undoes it. */
struct wsm__session *wsm__session_new(struct wsm__core *core, int fd);
/* It has: counts it, and waits for a request. */
void wsm__session_start(struct wsm__session *session);
/* libwebsockets' callbacks. `data` is changed. */
void wsm__session_receive(struct wsm__session *session, uint8_t *data, size_t len);
void wsm__session_writable(struct wsm__session *session);
void wsm__session_gone(struct wsm__session *session);

/* The handshake has succeeded: OPEN. */
void wsm__session_open(struct wsm__session *session);
/* It is no HTTP connection of its peer any more, and no answer to it waits. */
void wsm__session_leave_peer(struct wsm__session *session);
/* Writes all of it, or leaves the rest to libwebsockets: `choked` then. False if the socket is broken: DOOMED. */
bool wsm__session_write(struct wsm__session *session, const void *data, size_t len);
/* The same below a filter, and what has come above it. */
bool wsm__session_write_raw(struct wsm__session *session, const void *data, size_t len);
void wsm__session_receive_plain(struct wsm__session *session, uint8_t *data, size_t len);
/*
 * Requests in turn: all of them together take handshake_budget of a turn of the loop, those that came first go first. True if this
 * one is DEFERRED now; ops->resume() is called when its turn comes.
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
/* An answer of so many bytes cannot be written at once: ANSWERING. False if it was that already. */
bool wsm__session_answering(struct wsm__session *session, size_t bytes);
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

#endif
