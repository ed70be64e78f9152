#include "rest/questions.h"

#include "clients/answers.h"
#include "clients/conn.h"
#include "clients/flush.h"
#include "clients/peers.h"
#include "clients/presence.h"
#include "clients/subscription.h"
#include "core/publish.h"
#include "host/query.h"
#include "host/report.h"
#include "rest/call.h"
#include "rest/rest.h"

static int answer_question(struct wsm__core *core, struct wsm__asked *asked, struct wsm__inquiry *inquiry)
{
	const wsm_question *question = &asked->question;
	struct wsm__history_request history = {
		.room = question->room,
		.has_since = question->epoch.len > 0,
		.since = { question->epoch, question->since },
		.limit = question->limit,
		.max_bytes = SIZE_MAX / 2,
		.page = inquiry->page,
	};
	struct wsm__presence_page page;
	struct wsm__conn *conn;

	switch (question->kind) {
	case WSM_QUERY_STATS:
		wsm__answer_stats(core, &asked->answer);
		break;
	case WSM_QUERY_CONNECTIONS:
		wsm__answer_connections(core, &asked->answer);
		break;
	case WSM_QUERY_ROOMS_OF:
		conn = wsm__conn_by_client(core, question->room);
		if (!conn)
			return WSM_ENOTFOUND;
		wsm__answer_rooms_of(conn, &asked->answer);
		break;
	case WSM_QUERY_SUBSCRIBERS:
		wsm__buffer_add_uint(&asked->answer, wsm__subscribers(core, question->room));
		break;
	case WSM_QUERY_PRESENCE:
		page.room = question->room;
		page.limit = question->limit;
		if (!wsm__presence_cursor(question->after, &page))
			return WSM_EINVAL;
		wsm__answer_presence(core, &page, &asked->answer);
		break;
	case WSM_QUERY_HISTORY:
		inquiry->waits = wsm__history_needs(core, &history, &inquiry->need);
		if (inquiry->waits)
			return WSM_OK;
		wsm__answer_history(core, &history, &asked->answer);
		break;
	case WSM_QUERY_POSITION:
		inquiry->waits = wsm__room_needs(core, question->room, &inquiry->need);
		if (inquiry->waits)
			return WSM_OK;
		wsm__answer_position(core, question->room, &asked->answer);
		break;
	case WSM_QUERY_METRICS:
		wsm__answer_metrics(core, &asked->answer);
		break;
	case WSM_QUERY_BANS:
		wsm__peers_answer_bans(core, &asked->answer);
		break;
	default:
		return WSM_EINVAL;
	}
	return asked->answer.failed ? WSM_ENOMEM : WSM_OK;
}

/* ---- REST calls of the host ---------------------------------------------------------------------------------------- */

/* Answers a REST call of the host, or lets it wait. The host asks its handler itself. WSM_OK, also while it waits; WSM_ENOMEM. */
static int answer_rest(struct wsm__core *core, struct wsm__asked *asked, struct wsm__inquiry *inquiry)
{
	const wsm_rest_request *request = &asked->rest;
	const wsm_decision no = { .allow = false, .code = request->code, .reason = request->reason };
	wsm_rest_answer *answer = &asked->rest_answer;
	struct wsm__address client;
	int status;

	inquiry->can_ask = request->asks;
	inquiry->decision = request->refused ? &no : NULL;
	wsm__buffer_init(&inquiry->question);
	status = wsm__rest_answer(core, request, inquiry, answer);
	if (!status && inquiry->asks) {
		wsm_text_free(&answer->body);
		answer->status = 0;
		status = wsm__buffer_steal(&inquiry->question, &answer->body);
	}
	if (inquiry->waits)
		wsm_text_free(&answer->body);
	wsm__buffer_fini(&inquiry->question);
	/* Count it after the answer, as on the own port: a ban that follows must not answer this call. */
	if (request->refused && wsm__decision_offends(&no) && wsm__rest_client(core->runtime, request, &client))
		wsm__peer_offence(core, wsm__peer_get(core, &client), WSM__OFFENCE_token);
	return status;
}

/* ---- any question -------------------------------------------------------------------------------------------------- */

static void run(struct wsm__core *core, struct wsm__asked *asked, struct wsm__inquiry *inquiry);

static void log_answered(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__inquiry inquiry = {
		.log_status = outcome->status, .page = outcome->read, .delivery = outcome->delivery, .again = true
	};

	if (outcome->status && ((struct wsm__asked *)ticket->who)->act != WSM__ACT_REST)
		wsm__query_finish(ticket->core->runtime, ticket->who, outcome->status);
	else
		run(ticket->core, ticket->who, &inquiry);
}

static void wait_for_log(struct wsm__core *core, struct wsm__asked *asked, const struct wsm__inquiry *inquiry)
{
	struct wsm__ticket *ticket = wsm__ticket_new(core, WSM__AWAITS_LOG, &core->waits, asked, log_answered, NULL);

	if (ticket && inquiry->sending)
		wsm__publish_then(inquiry->sending, wsm__ticket_published, ticket->number);
	else if (!ticket || !wsm__ticket_await(ticket, &inquiry->need))
		wsm__query_finish(core->runtime, asked, WSM_ENOMEM);
}

static int answer(struct wsm__core *core, struct wsm__asked *asked, struct wsm__inquiry *inquiry)
{
	switch (asked->act) {
	case WSM__ACT_REST:
		return answer_rest(core, asked, inquiry);
	case WSM__ACT_JOIN:
		inquiry->waits = wsm__room_needs(core, asked->question.room, &inquiry->need);
		return inquiry->waits ? WSM_OK
		                      : wsm__subscription_join(core, asked->question.since, asked->question.room);
	case WSM__ACT_LEAVE:
		return wsm__subscription_leave(core, asked->question.since, asked->question.room);
	default:
		return answer_question(core, asked, inquiry);
	}
}

static void run(struct wsm__core *core, struct wsm__asked *asked, struct wsm__inquiry *inquiry)
{
	int status = answer(core, asked, inquiry);

	if (inquiry->waits && !status)
		wait_for_log(core, asked, inquiry);
	else
		wsm__query_finish(core->runtime, asked, status);
}

void wsm__query_run(struct wsm__core *core, struct wsm__asked *asked)
{
	struct wsm__inquiry inquiry = { .again = false };

	wsm__flush(core); /* what the asker has published counts as sent, unless a socket is full */
	wsm__reports_tell(&core->registry.deliveries);
	run(core, asked, &inquiry);
}

void wsm__questions_end(struct wsm__core *core)
{
	const struct wsm__ticket *ticket;

	DL_FOREACH(core->waits.tickets, ticket) {
		if (ticket->who)
			wsm__query_finish(core->runtime, ticket->who, WSM_ENOTRUNNING);
	}
	wsm__tickets_forget(&core->waits);
}
