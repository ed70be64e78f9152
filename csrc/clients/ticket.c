#include "clients/ticket.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/core.h"
#include "host/events.h"
#include "host/log.h"
#include "policy/config.h"

struct wsm__ticket *wsm__ticket_new(struct wsm__core *core, enum wsm__awaited awaited, struct wsm__waits *waits,
                                    void *who, wsm__answered_fn answered, const wsm_slice texts[3])
{
	static const wsm_slice none[3];
	const wsm_slice *from = texts ? texts : none;
	struct wsm__ticket *ticket = malloc(sizeof(*ticket) + from[0].len + from[1].len + from[2].len + 3);
	struct wsm__arena arena;

	if (!ticket)
		return NULL;
	memset(ticket, 0, sizeof(*ticket));
	arena.at = (char *)(ticket + 1);
	ticket->message = wsm__arena_copy(&arena, from[0]);
	ticket->action = wsm__arena_copy(&arena, from[1]);
	ticket->id = wsm__arena_copy(&arena, from[2]);
	ticket->core = core;
	ticket->awaited = awaited;
	ticket->waits = waits;
	ticket->who = who;
	ticket->answered = answered;
	ticket->number = ticket->since = ++core->next_ticket;
	ticket->deadline_ms = core->now_ms + (uint64_t)(core->config->auth_timeout * 1000);
	HASH_ADD(hh, core->tickets, number, sizeof(ticket->number), ticket);
	DL_APPEND(waits->tickets, ticket);
	waits->count++;
	return ticket;
}

static void unlink_ticket(struct wsm__ticket *ticket)
{
	DL_DELETE(ticket->waits->tickets, ticket);
	ticket->waits->count--;
	HASH_DEL(ticket->core->tickets, ticket);
}

static void forget(struct wsm__ticket *ticket)
{
	unlink_ticket(ticket);
	free(ticket);
}

bool wsm__ticket_ask(struct wsm__ticket *ticket, wsm_slice text, wsm_slice data, const wsm_conn_info *info)
{
	struct wsm__event *event = wsm__event_new(ticket->awaited == WSM__AWAITS_AUTHENTICATE ? WSM_EVENT_AUTHENTICATE
	                                                                                      : WSM_EVENT_AUTHORIZE,
	                                          text, data, wsm__str(NULL));

	if (event) {
		event->event.ticket = ticket->number;
		if (info) {
			event->event.conn = info->conn;
			event->event.info = wsm_conn_info_ref(info);
		}
		if (wsm__event_post(ticket->core->runtime, event, false))
			return true;
	}
	forget(ticket);
	return false;
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

/* Answers a ticket. The waiter may be gone afterwards. */
static void finish(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	unlink_ticket(ticket);
	ticket->answered(ticket, outcome);
	free(ticket);
}

static void answer(struct wsm__core *core, uint64_t number, enum wsm__awaited awaited, const wsm_decision *decision)
{
	const struct wsm__outcome outcome = { .decision = decision };
	struct wsm__ticket *ticket = NULL;

	HASH_FIND(hh, core->tickets, &number, sizeof(number), ticket);
	if (ticket && ticket->awaited == awaited)
		finish(ticket, &outcome);
}

void wsm__ticket_authenticated(struct wsm__core *core, uint64_t number, const wsm_decision *decision)
{
	answer(core, number, WSM__AWAITS_AUTHENTICATE, decision);
}

void wsm__ticket_authorized(struct wsm__core *core, uint64_t number, bool allow)
{
	const wsm_decision decision = { .allow = allow, .reason = wsm__str("the application does not allow this") };

	answer(core, number, WSM__AWAITS_AUTHORIZE, &decision);
}

void wsm__ticket_refuse(struct wsm__ticket *ticket, unsigned code, const char *why)
{
	const wsm_decision no = { .code = code, .reason = wsm__str(why) };
	const struct wsm__outcome outcome = { .late = true, .decision = &no, .status = WSM_ENOTRUNNING };

	finish(ticket, &outcome);
}

/* ---- logs --------------------------------------------------------------------------------------------------------- */

static void answer_log(struct wsm__core *core, uint64_t number, const struct wsm__outcome *outcome)
{
	struct wsm__ticket *ticket = NULL;

	HASH_FIND(hh, core->tickets, &number, sizeof(number), ticket);
	if (ticket)
		finish(ticket, outcome);
}

static void room_ready(void *context, uint64_t number, int status)
{
	const struct wsm__outcome outcome = { .status = status };

	answer_log(context, number, &outcome);
}

static void page_read(void *context, uint64_t number, const struct wsm__log_read *read)
{
	const struct wsm__outcome outcome = { .status = read->status, .read = read };

	answer_log(context, number, &outcome);
}

bool wsm__ticket_await(struct wsm__ticket *ticket, const struct wsm__need *need)
{
	struct wsm__core *core = ticket->core;
	int status;

	if (need->page)
		status = wsm__log_read(&core->log, need->room, need->after, need->limit, need->max_bytes, page_read,
		                       core, ticket->number);
	else
		status = wsm__log_wait(&core->log, need->room, room_ready, core, ticket->number);
	if (status)
		forget(ticket);
	return !status;
}

uint64_t wsm__ticket_of_log(const struct wsm__core *core)
{
	const struct wsm__ticket *ticket;
	uint64_t oldest = 0;

	for (ticket = core->tickets; ticket; ticket = ticket->hh.next)
		if (ticket->awaited == WSM__AWAITS_LOG && (!oldest || ticket->since < oldest))
			oldest = ticket->since;
	return oldest;
}

void wsm__ticket_published(struct wsm__core *core, uint64_t number, const wsm_delivery *delivery)
{
	const struct wsm__outcome outcome = { .status = delivery->status, .delivery = delivery };

	answer_log(core, number, &outcome);
}

/* ---- the end of waiting ----------------------------------------------------------------------------------------- */

void wsm__tickets_forget(struct wsm__waits *waits)
{
	while (waits->tickets)
		forget(waits->tickets);
}

/* Returns the first ticket past its deadline, or NULL: tickets are in the order of deadlines. */
static struct wsm__ticket *first_due(const struct wsm__core *core)
{
	struct wsm__ticket *ticket = core->tickets;

	while (ticket && ticket->awaited == WSM__AWAITS_LOG)
		ticket = ticket->hh.next;
	return ticket && ticket->deadline_ms <= core->now_ms ? ticket : NULL;
}

void wsm__tickets_expire(struct wsm__core *core)
{
	struct wsm__ticket *ticket;

	while ((ticket = first_due(core)) != NULL) {
		if (ticket->awaited == WSM__AWAITS_TOKEN) {
			wsm__ticket_refuse(ticket, 4401,
			                   "no token came in time: send {\"action\":\"auth\",\"token\":...} first");
			continue;
		}
		wsm__log(core->runtime, WSM_WARNING,
		         "the %s handler did not answer within auth_timeout (%g s), so the request was refused; make "
		         "the "
		         "handler faster, or raise auth_timeout",
		         ticket->awaited == WSM__AWAITS_AUTHENTICATE ? "authenticate" : "authorize",
		         core->config->auth_timeout);
		wsm__ticket_refuse(ticket, 4401, "the application did not answer in time");
	}
}

void wsm__tickets_fini(struct wsm__core *core)
{
	while (core->tickets)
		forget(core->tickets);
}
