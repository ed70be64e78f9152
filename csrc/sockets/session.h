/*
 * session.h - one client socket in libwebsockets (role "raw"), from accept or hand-over to its end.
 *
 *   ENTERING   reads and answers requests (http.h), until one asks for an upgrade (upgrade.h) or the connection ends
 *   ANSWERING  an answer waits until the client has read it, for answer_timeout at most
 *   DEFERRED   has a request, but others have used up the time of this turn of the loop; two lists: new ones, and those that had an
 *              answer before
 *   ASKING     a REST call waits for the host's authenticate handler (clients/ticket.h), for auth_timeout at most, or for a log; later
 *              requests wait, too. The session forgets the question when it leaves this phase
 *   OPEN       a WebSocket (websocket.h); `conn` is its connection
 *   LINGERING  has said all and shut down its side; throws away input until the client has closed, too. Closing a socket with unread
 *              input resets it, and the reset can overtake the last words (RFC 9112 section 9.6)
 *   DOOMED     will be cut off in this turn of the loop, outside of libwebsockets' callbacks
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

/* The present use of a session: requests (http.h), or a WebSocket (websocket.h). */
struct wsm__session_ops {
	void (*receive)(struct wsm__session *session, uint8_t *data, size_t len); /* `data` is changed */
	void (*writable)(struct wsm__session *session);                           /* the socket takes more again */
	void (*choke)(struct wsm__session *session, bool choked);                 /* may be NULL */
	void (*resume)(struct wsm__session *session);                             /* of DEFERRED: its turn has come */
	void (*expire)(struct wsm__session *session);                             /* of ENTERING: its time is over */
	void (*end)(struct wsm__session *session);                                /* frees its data */
};

/* A layer between a session and its socket: TLS (tls.h). */
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
	bool its_turn;                            /* to go on after DEFERRED */
	bool served;                              /* a request of it was answered */
	bool choked;                              /* libwebsockets holds a part of a write; reading stops meanwhile */
	struct wsm__conn *conn;                   /* OPEN; NULL again once its connection has gone */
	struct wsm__adopt *adopt;                 /* the host's hand-over, until it becomes a connection */
	struct wsm__entry *entry;                 /* requests and answers (http.h) */
	struct wsm__waits waits;                  /* ASKING */
	struct wsm__peer *peer;    /* counts it as its HTTP connection (callers.h); NULL: it has made no REST call */
	size_t queued;             /* bytes of an answer, counted in core->http_queued */
	struct wsm__tls_link *tls; /* the filter's; NULL: none */
	wsm_text held; /* OPEN: the 101 that goes out once the connection is let in, or never (http_refusal) */
	struct wsm__inbound inbound;
};

/* Makes a session in no list, without ops. Returns NULL when out of memory; free() undoes it. */
struct wsm__session *wsm__session_new(struct wsm__core *core, int fd);
/* Counts a session that has ops, and waits for a request. */
void wsm__session_start(struct wsm__session *session);
/* libwebsockets' callbacks. `data` is changed. */
void wsm__session_receive(struct wsm__session *session, uint8_t *data, size_t len);
void wsm__session_writable(struct wsm__session *session);
void wsm__session_gone(struct wsm__session *session);

/* Makes it OPEN, after the handshake. */
void wsm__session_open(struct wsm__session *session);
/* Ends its count as an HTTP connection of its peer, and the count of its waiting answer. */
void wsm__session_leave_peer(struct wsm__session *session);
/* Writes all of it; if libwebsockets holds a part, the session is choked. Returns false if the socket is broken: DOOMED. */
bool wsm__session_write(struct wsm__session *session, const void *data, size_t len);
/* The same below a filter; and input above it. */
bool wsm__session_write_raw(struct wsm__session *session, const void *data, size_t len);
void wsm__session_receive_plain(struct wsm__session *session, uint8_t *data, size_t len);
/*
 * Takes requests in turn, first come first served: all together get handshake_budget of a turn of the loop. Returns true if this one
 * is DEFERRED now; ops->resume() follows at its turn.
 */
bool wsm__session_defer(struct wsm__session *session);
/* Counts time of this turn of the loop; `again`: for a session that had an answer before. */
void wsm__session_took(struct wsm__session *session, bool again, uint64_t us);
/* Begins a turn of the loop, with the handshakes that wait. */
void wsm__sessions_resume(struct wsm__core *core);
/* Returns whether this turn of the loop has time for a new connection. Always for the `first`, so that requests on open connections
 * never keep others out. */
bool wsm__sessions_may_enter(const struct wsm__core *core, bool first);
/* Makes it LINGERING; shuts down our side as soon as everything is written. */
void wsm__session_linger(struct wsm__session *session);
/* Cuts it off. */
void wsm__session_doom(struct wsm__session *session);
/* Makes it ENTERING, with a new time limit. */
void wsm__session_wait(struct wsm__session *session);
/* Makes it ANSWERING: the socket does not take all of an answer of so many bytes. Returns false if it was ANSWERING already. */
bool wsm__session_answering(struct wsm__session *session, size_t bytes);
/* Makes it ASKING. */
void wsm__session_asking(struct wsm__session *session);
/* Makes it ENTERING again after the answer, and reads on. */
void wsm__session_asked(struct wsm__session *session);
/* Stops reading until wsm__session_asked(): enough has come after the call that waits. */
void wsm__session_hold(struct wsm__session *session);
/* Writes the client's address; "" if it has none. */
void wsm__session_ip(const struct wsm__session *session, char out[WSM__ADDRESS_TEXT]);

/* Ends sessions whose time is over (each tick); cuts off DOOMED ones (each turn of the loop, outside of libwebsockets). */
void wsm__sessions_expire(struct wsm__core *core);
void wsm__sessions_reap(struct wsm__core *core);

#endif
