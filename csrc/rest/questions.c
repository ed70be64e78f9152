#include "rest/questions.h"

#include "clients/answers.h"
#include "clients/conn.h"
#include "clients/flush.h"
#include "clients/peers.h"
#include "clients/presence.h"
#include "clients/subscription.h"
#include "host/query.h"
#include "host/report.h"
#include "rest/call.h"
#include "rest/rest.h"

static int answer_question(struct wsm__core *core, struct wsm__asked *asked)
{
	const wsm_question *question = &asked->question;
	struct wsm__history_request history = {
		.room = question->room,
		.has_since = question->epoch.len > 0,
		.since = { question->epoch, question->since },
		.limit = question->limit,
		.max_bytes = SIZE_MAX / 2,
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
		wsm__answer_history(core, &history, &asked->answer);
		break;
	case WSM_QUERY_POSITION:
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

/* A call of the host, which may ask its handler itself, as the own port does. */
static int answer_rest(struct wsm__core *core, const wsm_rest_request *request, wsm_rest_answer *answer)
{
	const wsm_decision no = { .allow = false, .code = request->code, .reason = request->reason };
	struct wsm__inquiry inquiry = { .decision = request->refused ? &no : NULL };
	struct wsm__address client;
	int status;

	wsm__buffer_init(&inquiry.question);
	status = wsm__rest_answer(core, request, request->asks || request->refused ? &inquiry : NULL, answer);
	if (!status && inquiry.asks) {
		wsm_text_free(&answer->body);
		answer->status = 0;
		status = wsm__buffer_steal(&inquiry.question, &answer->body);
	}
	wsm__buffer_fini(&inquiry.question);
	/* Afterwards, as on the own port: the ban that may follow is no answer to this call. */
	if (request->refused && wsm__decision_offends(&no) && wsm__rest_client(core->runtime, request, &client))
		wsm__peer_offence(core, wsm__peer_get(core, &client), WSM__OFFENCE_token);
	return status;
}

void wsm__query_run(struct wsm__core *core, struct wsm__asked *asked)
{
	int status;

	wsm__flush(core); /* what the asker has published counts as sent, unless a socket is full */
	wsm__reports_tell(&core->registry.deliveries);
	switch (asked->act) {
	case WSM__ACT_REST:
		status = answer_rest(core, &asked->rest, &asked->rest_answer);
		break;
	case WSM__ACT_JOIN:
		status = wsm__subscription_join(core, asked->question.since, asked->question.room);
		break;
	case WSM__ACT_LEAVE:
		status = wsm__subscription_leave(core, asked->question.since, asked->question.room);
		break;
	default:
		status = answer_question(core, asked);
		break;
	}
	wsm__query_finish(asked, status);
}
