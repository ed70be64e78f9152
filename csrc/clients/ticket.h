/*
 * ticket.h - waits for the host, a client or a log, while the runtime goes on. Without an answer within auth_timeout the answer is no
 * (a log always answers). The waiter has a list of its tickets; when it goes away, it forgets them, and an answer finds nothing.
 */
#ifndef WSM_CLIENTS_TICKET_H
#define WSM_CLIENTS_TICKET_H

#include "base/hash.h"
#include "core/core.h"
#include "ws_manager.h"

struct wsm__log_read;
struct wsm__room;
struct wsm__ticket;

/* Things to wait for. */
enum wsm__awaited {
	WSM__AWAITS_AUTHENTICATE, /* the host: who is it? */
	WSM__AWAITS_AUTHORIZE,    /* the host: may it? */
	WSM__AWAITS_TOKEN,        /* the client: its token */
	WSM__AWAITS_LOG /* the log of a room, which always answers: to be usable, to be read, to keep what is published */
};

/* The work that a log must do first. */
struct wsm__need {
	struct wsm__room *room;
	bool page; /* else the room has to open */
	uint64_t after;
	uint32_t limit;
	size_t max_bytes;
};

/* The outcome of a wait. */
struct wsm__outcome {
	bool late;                    /* nobody has answered; the decision is no, with a reason */
	const wsm_decision *decision; /* a no has a `reason`; only an authenticate handler may leave it out */
	/* For a log: its status; and the page or the delivery, if that was the wait. */
	int status;
	const struct wsm__log_read *read;
	const wsm_delivery *delivery;
};

/* Returns whether this refusal may answer a guess, and so counts towards a ban. */
static inline bool wsm__decision_offends(const wsm_decision *decision)
{
	return !decision->allow && (!decision->code || decision->code == 4401);
}

/* The same, for an answer of the host. */
static inline bool wsm__outcome_offends(const struct wsm__outcome *outcome)
{
	return !outcome->late && wsm__decision_offends(outcome->decision);
}

typedef void (*wsm__answered_fn)(struct wsm__ticket *ticket, const struct wsm__outcome *outcome);

struct wsm__ticket {
	UT_hash_handle hh;
	struct wsm__ticket *prev, *next; /* of the same waiter */
	struct wsm__core *core;
	uint64_t number;
	uint64_t since; /* the number of the first, where one wait has several tickets, one after the other */
	uint64_t deadline_ms;
	enum wsm__awaited awaited;
	struct wsm__waits *waits;
	void *who; /* a connection or a session */
	/* Called once, unless the ticket is forgotten before. The ticket is in no list then, and is freed afterwards. */
	wsm__answered_fn answered;
	wsm_slice message, action, id; /* the client's message, to run it again */
	bool vouched;                  /* the host has allowed that message */
};

/* Makes a ticket for `who`, which has `waits`; NULL when out of memory. Copies the texts (message, action, id; NULL: none). */
struct wsm__ticket *wsm__ticket_new(struct wsm__core *core, enum wsm__awaited awaited, struct wsm__waits *waits,
                                    void *who, wsm__answered_fn answered, const wsm_slice texts[3]);
/*
 * Asks the host. `info`: the connection in question; NULL: a REST call. Returns false, and frees the ticket, when out of memory, or if
 * the host is overloaded.
 */
bool wsm__ticket_ask(struct wsm__ticket *ticket, wsm_slice text, wsm_slice data, const wsm_conn_info *info);
/* Take the host's answers; late ones find nothing. */
void wsm__ticket_authenticated(struct wsm__core *core, uint64_t number, const wsm_decision *decision);
void wsm__ticket_authorized(struct wsm__core *core, uint64_t number, bool allow);
/* Asks the log. Returns false, and frees the ticket, when out of memory. */
bool wsm__ticket_await(struct wsm__ticket *ticket, const struct wsm__need *need);
/* Answers the ticket; for wsm__publish_then(). */
void wsm__ticket_published(struct wsm__core *core, uint64_t number, const wsm_delivery *delivery);
/* Returns the number of the oldest ticket that waits for a log; 0 if none does. */
uint64_t wsm__ticket_of_log(const struct wsm__core *core);
/* Answers no, since nobody else will. */
void wsm__ticket_refuse(struct wsm__ticket *ticket, unsigned code, const char *why);
/* Forgets all tickets of a waiter that goes away, or waits no longer. */
void wsm__tickets_forget(struct wsm__waits *waits);
/* Answers no to tickets that have waited for too long; not to those that wait for a log. */
void wsm__tickets_expire(struct wsm__core *core);
void wsm__tickets_fini(struct wsm__core *core);

#endif
