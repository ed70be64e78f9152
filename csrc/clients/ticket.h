/*
 * ticket.h - one way to wait for somebody. The runtime goes on meanwhile; what is not answered within auth_timeout is answered with
 * no. Whoever waits has a list of its tickets; when it goes away, they are forgotten, and an answer finds nothing.
 */
#ifndef WSM_CLIENTS_TICKET_H
#define WSM_CLIENTS_TICKET_H

#include "base/hash.h"
#include "core/core.h"
#include "ws_manager.h"

struct wsm__log_read;
struct wsm__room;
struct wsm__ticket;

/* What is waited for. */
enum wsm__awaited {
	WSM__AWAITS_AUTHENTICATE, /* the host: who is it? */
	WSM__AWAITS_AUTHORIZE,    /* the host: may it? */
	WSM__AWAITS_TOKEN,        /* the client: its token */
	WSM__AWAITS_LOG /* the log of a room, which always answers: to be usable, to be read, to keep what is published */
};

/* What a log is to do first. */
struct wsm__need {
	struct wsm__room *room;
	bool page; /* else the room has to open */
	uint64_t after;
	uint32_t limit;
	size_t max_bytes;
};

/* How it came out. */
struct wsm__outcome {
	bool late; /* nobody has answered; the decision is no, and says why */
	const wsm_decision
		*decision; /* `reason` is set where it is no, but for who was asked who it is: that may be left open */
	/* Of a log: how it came out; a page, if there was to be one, and a delivery, if that was waited for. */
	int status;
	const struct wsm__log_read *read;
	const wsm_delivery *delivery;
};

/* Whether who was refused so may be guessing: a matter for bans. */
static inline bool wsm__decision_offends(const wsm_decision *decision)
{
	return !decision->allow && (!decision->code || decision->code == 4401);
}

/* The same, once the host has said so. */
static inline bool wsm__outcome_offends(const struct wsm__outcome *outcome)
{
	return !outcome->late && wsm__decision_offends(outcome->decision);
}

typedef void (*wsm__answered_fn)(struct wsm__ticket *ticket, const struct wsm__outcome *outcome);

struct wsm__ticket {
	UT_hash_handle hh;
	struct wsm__ticket *prev, *next; /* of the same who waits */
	struct wsm__core *core;
	uint64_t number;
	uint64_t since; /* the number of the first, where one wait has several tickets, one after the other */
	uint64_t deadline_ms;
	enum wsm__awaited awaited;
	struct wsm__waits *waits;
	void *who; /* a connection or a session */
	/* Called once, unless it is forgotten before. The ticket is in no list any more, and is freed afterwards. */
	wsm__answered_fn answered;
	wsm_slice message, action, id; /* the client's message, to be run again */
	bool vouched;                  /* the host has allowed that message */
};

/* A ticket for `who`, which has `waits`; NULL when out of memory. The texts (message, action, id; NULL: none) are copied. */
struct wsm__ticket *wsm__ticket_new(struct wsm__core *core, enum wsm__awaited awaited, struct wsm__waits *waits,
                                    void *who, wsm__answered_fn answered, const wsm_slice texts[3]);
/*
 * Puts the question to the host. `info`: the connection that it is about; NULL: a REST call. False, and the ticket is freed: no
 * memory, or the host is overloaded.
 */
bool wsm__ticket_ask(struct wsm__ticket *ticket, wsm_slice text, wsm_slice data, const wsm_conn_info *info);
/* The host's answers; those that come too late find nothing. */
void wsm__ticket_authenticated(struct wsm__core *core, uint64_t number, const wsm_decision *decision);
void wsm__ticket_authorized(struct wsm__core *core, uint64_t number, bool allow);
/* Has the log do what is needed, and answer. False, and the ticket is freed: no memory. */
bool wsm__ticket_await(struct wsm__ticket *ticket, const struct wsm__need *need);
/* For wsm__publish_then(). */
void wsm__ticket_published(struct wsm__core *core, uint64_t number, const wsm_delivery *delivery);
/* Since when the oldest waits for a log, as a number of tickets; 0: none does. */
uint64_t wsm__ticket_of_log(const struct wsm__core *core);
/* Nobody is going to answer. */
void wsm__ticket_refuse(struct wsm__ticket *ticket, unsigned code, const char *why);
/* Who waits goes away, or waits no longer. */
void wsm__tickets_forget(struct wsm__waits *waits);
/* Answers those with no that have waited for too long; not those that wait for a log. */
void wsm__tickets_expire(struct wsm__core *core);
void wsm__tickets_fini(struct wsm__core *core);

#endif
