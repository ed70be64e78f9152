/* Reads and answers requests on a socket that is not a WebSocket (yet): HTTP/1.1 (RFC 9112). */
#include "sockets/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/peers.h"
#include "core/core.h"
#include "core/publish.h"
#include "policy/config.h"
#include "rest/call.h"
#include "rest/rest.h"
#include "sockets/answer.h"
#include "sockets/callers.h"
#include "sockets/upgrade.h"
#include "wire/handshake.h"

#define PIECE_MAX 65536u /* most bytes of an answer in one write */

struct wsm__entry {
	struct wsm__buffer in;
	size_t at;       /* start of this request in `in` */
	size_t seen;     /* for wsm__head_end() */
	size_t head_len; /* 0 until the head is complete */
	size_t body_len; /* bytes of body to wait for */
	struct wsm__buffer out;
	size_t out_at; /* bytes of `out` that are written */
	bool last;     /* the session ends with this answer */
};

static const struct wsm__session_ops ops;

static void entry_free(struct wsm__session *session)
{
	if (!session->entry)
		return;
	wsm__buffer_fini(&session->entry->in);
	wsm__buffer_fini(&session->entry->out);
	free(session->entry);
	session->entry = NULL;
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

static const char *phrase(unsigned status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 411:
		return "Length Required";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 417:
		return "Expectation Failed";
	case 426:
		return "Upgrade Required";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 503:
		return "Service Unavailable";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Error";
	}
}

/* `headers`, `extra`: header lines. */
static void put_answer(struct wsm__entry *entry, unsigned status, const char *type, const char *headers,
                       const char *extra, wsm_slice body, bool head_only)
{
	wsm__buffer_addf(&entry->out, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s\r\n", status,
	                 phrase(status), type, body.len, headers, extra, entry->last ? "Connection: close\r\n" : "");
	if (!head_only)
		wsm__buffer_add_slice(&entry->out, body);
}

/*
 * Writes as much of the answer as the socket takes. The rest stays here, and further requests wait until it is gone.
 */
static void pump(struct wsm__session *session)
{
	struct wsm__entry *entry = session->entry;

	if (entry->out.failed) {
		wsm__session_doom(session);
		return;
	}
	while (entry->out_at < entry->out.len && !session->choked) {
		size_t left = entry->out.len - entry->out_at, piece = left < PIECE_MAX ? left : PIECE_MAX;

		if (!wsm__session_write(session, entry->out.data + entry->out_at, piece))
			return;
		entry->out_at += piece;
	}
	if (session->phase == WSM__DOOMED)
		return;
	if (entry->out_at < entry->out.len || (session->choked && entry->out.len)) {
		if (wsm__session_answering(session, entry->out.len))
			wsm__callers_bound(session);
		return;
	}
	wsm__session_wait(session);
	if (!entry->out.len) /* "100 Continue" is no answer */
		return;
	wsm__buffer_fini(&entry->out);
	entry->out_at = 0;
	session->served = true;
	if (entry->last)
		wsm__session_linger(session);
}

/* Returns whether only a broken or hostile client gets this status; others (403, 404) mostly come from configuration. */
static bool is_offence(unsigned status)
{
	return status == 400 || status == 405 || status == 408 || status == 426 || status == 431 || status == 501 ||
	       status == 505;
}

static void note_offence(struct wsm__session *session)
{
	char ip[WSM__ADDRESS_TEXT];
	struct wsm__address address;

	wsm__session_ip(session, ip);
	wsm__address_parse(&address, wsm__str(ip));
	wsm__peer_offence(session->core, wsm__peer_get(session->core, &address), WSM__OFFENCE_handshake);
}

void wsm__entry_refuse(struct wsm__session *session, unsigned status, const char *extra, const char *why)
{
	char line[256];
	int len = snprintf(line, sizeof(line), "%s\n", why);

	session->core->counters.handshakes_refused++;
	if (is_offence(status))
		note_offence(session);
	session->entry->last = true;
	put_answer(session->entry, status, "text/plain; charset=utf-8", WSM__REST_HEADERS, extra,
	           wsm__slice(line, (size_t)len), false);
	pump(session);
}

static void refuse(struct wsm__session *session, const struct wsm__refusal *refusal)
{
	wsm__entry_refuse(session, refusal->status, refusal->extra, refusal->why);
}

static void expire(struct wsm__session *session)
{
	struct wsm__entry *entry = session->entry;

	if (session->served && entry->at == entry->in.len && !session->choked) {
		wsm__session_doom(session); /* it was kept for a further request */
		return;
	}
	session->core->counters.handshake_timeouts++;
	if (session->choked || entry->at == entry->in.len)
		wsm__session_doom(session); /* it does not read; or it has not said a word */
	else
		wsm__entry_refuse(session, 408, "", "the request did not come in time (handshake_timeout)");
}

/* ---- REST ------------------------------------------------------------------------------------------------------- */

/* Fills in a REST call from the head of its request. */
static void read_call(wsm_rest_request *call, const struct wsm__session *session, const struct wsm__head *head,
                      const char *ip)
{
	memset(call, 0, sizeof(*call));
	call->method = head->method;
	call->path = head->path;
	call->query = head->query;
	call->ip = wsm__str(ip);
	call->host = head->host;
	call->headers = head->fields;
	call->n_headers = head->n_fields;
	call->tls = session->tls != NULL;
}

/* Returns whether the call would read a body: a caller without the right gets its refusal before it sends a megabyte. */
static bool takes_body(const struct wsm__session *session, const struct wsm__head *head)
{
	char ip[WSM__ADDRESS_TEXT];
	wsm_rest_request call;

	wsm__session_ip(session, ip);
	read_call(&call, session, head, ip);
	return session->core->config->rest && wsm__rest_takes_body(session->core, &call);
}

static void identify(struct wsm__session *session, struct wsm__inquiry *inquiry);

static void identified(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__session *session = ticket->who;
	struct wsm__core *core = session->core;
	const struct wsm__address client = session->peer->address;

	identify(session, &(struct wsm__inquiry){ .decision = outcome->decision });
	if (wsm__outcome_offends(outcome)) /* afterwards: the ban that may follow is no answer to this call */
		wsm__peer_offence(core, wsm__peer_get(core, &client), WSM__OFFENCE_token);
}

static bool ask_host(struct wsm__session *session, const struct wsm__buffer *question)
{
	struct wsm__ticket *ticket;

	if (question->failed)
		return false;
	ticket = wsm__ticket_new(session->core, WSM__AWAITS_AUTHENTICATE, &session->waits, session, identified, NULL);
	return ticket && wsm__ticket_ask(ticket, wsm__str(NULL), wsm__slice(question->data, question->len), NULL);
}

/* Makes the call wait for the host's authenticate handler. */
static void ask(struct wsm__session *session, const struct wsm__buffer *question)
{
	if (session->core->stopping)
		wsm__entry_refuse(session, 503, "", "the server is shutting down; try again in a moment");
	else if (ask_host(session, question))
		wsm__session_asking(session);
	else
		wsm__entry_refuse(session, 503, "Retry-After: 1\r\n", "the application is overloaded");
}

static void log_answered(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	identify(ticket->who, &(struct wsm__inquiry){ .again = true,
	                                              .log_status = outcome->status,
	                                              .page = outcome->read,
	                                              .delivery = outcome->delivery });
}

/* Makes the call wait for the log of a room. */
static void wait_for_log(struct wsm__session *session, const struct wsm__inquiry *inquiry)
{
	struct wsm__ticket *ticket =
		wsm__ticket_new(session->core, WSM__AWAITS_LOG, &session->waits, session, log_answered, NULL);

	wsm__session_asking(session);
	if (ticket && inquiry->sending)
		wsm__publish_then(inquiry->sending, wsm__ticket_published, ticket->number);
	else if (!ticket || !wsm__ticket_await(ticket, &inquiry->need))
		wsm__session_doom(session);
}

/* Answers a call, or lets it wait. `inquiry`: the result of an earlier wait. */
static void answer_rest(struct wsm__session *session, const struct wsm__head *head, wsm_slice body,
                        struct wsm__inquiry *inquiry)
{
	struct wsm__entry *entry = session->entry;
	char ip[WSM__ADDRESS_TEXT];
	struct wsm__address client;
	wsm_rest_request request;
	wsm_rest_answer answer;
	struct wsm__refusal refusal;
	bool failed;

	if (!session->core->config->rest) {
		wsm__entry_refuse(session, 404, "", "REST is switched off on this port");
		return;
	}
	wsm__session_ip(session, ip);
	read_call(&request, session, head, ip);
	request.body = body;
	if (wsm__rest_client(session->core->runtime, &request, &client) &&
	    !wsm__callers_enter(session, &client, &refusal)) {
		refuse(session, &refusal);
		return;
	}
	memset(&answer, 0, sizeof(answer));
	inquiry->can_ask = true;
	wsm__buffer_init(&inquiry->question);
	failed = wsm__rest_answer(session->core, &request, inquiry, &answer);
	if (inquiry->asks && !failed)
		ask(session, &inquiry->question);
	else if (inquiry->waits && !failed)
		wait_for_log(session, inquiry);
	wsm__buffer_fini(&inquiry->question);
	if (inquiry->asks || inquiry->waits || failed) {
		wsm_text_free(&answer.body);
		if (failed)
			wsm__session_doom(session);
		return;
	}
	/* Nobody reads a body where none belongs; it must not become the next request. */
	entry->last = !head->keep_alive || head->chunked || head->length != body.len;
	put_answer(entry, answer.status, answer.content_type, answer.headers, answer.cors,
	           wsm__slice(answer.body.data, answer.body.len), wsm__slice_is(head->method, "HEAD"));
	wsm_text_free(&answer.body);
	pump(session);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

/* Returns whether to read the body; false if there is none, or the request was refused. */
static bool expects_body(struct wsm__session *session, const struct wsm__head *head)
{
	wsm_slice expect = wsm__head_get(head, "expect");

	if (!wsm__slice_is(head->method, "POST"))
		return false;
	if (!head->has_length)
		wsm__entry_refuse(session, 411, "", "a POST needs Content-Length");
	else if (head->length > WSM_REST_BODY_MAX)
		wsm__entry_refuse(session, 413, "", "the body has more than 1 MiB");
	else if (expect.data && !wsm__slice_equal_nocase(expect, wsm__str("100-continue")))
		wsm__entry_refuse(session, 417, "", "only Expect: 100-continue is understood");
	else
		return head->length > 0 && takes_body(session, head);
	return false;
}

/*
 * Returns whether a REST call only offers another protocol, as some clients offer HTTP/2 with every request: answer it in HTTP/1.1
 * (RFC 9110 section 7.8).
 */
static bool goes_on_in_http(const struct wsm__session *session, const struct wsm__head *head)
{
	return wsm__rest_path(session->core, head->path) &&
	       !wsm__fields_list(head->fields, head->n_fields, "upgrade", "websocket");
}

/* Handles a request by its head. Returns true if that was all of it, or the session ends. */
static bool take_head(struct wsm__session *session)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct wsm__entry *entry = session->entry;
	const char *why;
	struct wsm__head head;
	struct wsm__refusal refusal;
	unsigned status = wsm__head_parse(&head, entry->in.data + entry->at, entry->head_len, &why);

	if (status) {
		wsm__entry_refuse(session, status, "", why);
		return true;
	}
	if (wsm__handshake_wanted(&head) && !goes_on_in_http(session, &head)) {
		if (!wsm__upgrade(session, &head, &refusal))
			refuse(session, &refusal);
		return true;
	}
	if (expects_body(session, &head)) {
		entry->body_len = (size_t)head.length;
		if (wsm__head_get(&head, "expect").data && entry->in.len - entry->at == entry->head_len)
			wsm__session_write(session, go_on, sizeof(go_on) - 1);
		if (session->phase == WSM__ENTERING)
			wsm__session_wait(session);
		return false;
	}
	if (session->phase == WSM__ENTERING && !entry->last)
		answer_rest(session, &head, wsm__slice(NULL, 0), &(struct wsm__inquiry){ .again = false });
	return true;
}

static void take_body(struct wsm__session *session)
{
	struct wsm__entry *entry = session->entry;
	const char *start = entry->in.data + entry->at, *why;
	struct wsm__head head;

	if (!wsm__head_parse(&head, start, entry->head_len, &why)) /* it was good before */
		answer_rest(session, &head, wsm__slice(start + entry->head_len, entry->body_len),
		            &(struct wsm__inquiry){ .again = false });
}

/* Takes a head or a body, and counts the time: of a thousand requests in one packet, most wait for a later turn of the loop. */
static bool take_part(struct wsm__session *session)
{
	uint64_t start = wsm__mono_us();
	bool done = true, again = session->served;

	if (session->entry->body_len)
		take_body(session);
	else
		done = take_head(session);
	wsm__session_took(session, again, wsm__mono_us() - start);
	return done;
}

/* Goes on to the next request, unless this one waits for the host or has become a WebSocket. */
static void next_request(struct wsm__session *session)
{
	struct wsm__entry *entry = session->entry;

	if (session->phase != WSM__ENTERING && session->phase != WSM__ANSWERING)
		return;
	entry->at += entry->head_len + entry->body_len;
	entry->seen = entry->head_len = entry->body_len = 0;
}

/* Goes one step. Returns false if the next one needs more bytes. */
static bool step(struct wsm__session *session)
{
	struct wsm__entry *entry = session->entry;
	size_t have = entry->in.len - entry->at;

	if (!entry->head_len) {
		entry->head_len = wsm__head_end(entry->in.data + entry->at, have, &entry->seen);
		if (entry->head_len > WSM__HEAD_MAX || (!entry->head_len && have >= WSM__HEAD_MAX)) {
			wsm__entry_refuse(session, 431, "", "the head of the request has more than 32 KiB");
			return true;
		}
		if (!entry->head_len)
			return false;
		if (wsm__session_defer(session))
			return false;
		if (!take_part(session))
			return true;
	} else {
		if (have - entry->head_len < entry->body_len)
			return false;
		take_part(session);
	}
	next_request(session);
	return true;
}

/* Gives bytes after the head of an upgrade to the WebSocket. */
static void go_on_open(struct wsm__session *session)
{
	struct wsm__entry *entry = session->entry;
	struct wsm__buffer in = entry->in;
	size_t used = entry->at + entry->head_len;

	wsm__buffer_init(&entry->in);
	entry_free(session);
	if (in.len > used && session->phase == WSM__OPEN)
		session->ops->receive(session, (uint8_t *)in.data + used, in.len - used);
	wsm__buffer_fini(&in);
}

static void proceed(struct wsm__session *session)
{
	struct wsm__entry *entry = session->entry;

	/* While an answer waits to be written, the next request waits too. */
	while (session->phase == WSM__ENTERING && !session->choked && !entry->last && entry->at < entry->in.len)
		if (!step(session))
			break;
	if (session->ops != &ops) {
		go_on_open(session);
		return;
	}
	if (entry->at == entry->in.len) {
		wsm__buffer_fini(&entry->in);
		entry->at = 0;
	} else if (entry->at) {
		entry->in.len -= entry->at;
		memmove(entry->in.data, entry->in.data + entry->at, entry->in.len);
		entry->at = 0;
	}
}

void wsm__entry_receive(struct wsm__session *session, const void *data, size_t len)
{
	struct wsm__entry *entry = session->entry;

	if (entry->last) /* all that follows is thrown away */
		return;
	wsm__buffer_add(&entry->in, data, len);
	if (entry->in.failed) {
		wsm__session_doom(session);
		return;
	}
	if (session->phase == WSM__ASKING && entry->in.len - entry->at > entry->head_len + WSM__HEAD_MAX)
		wsm__session_hold(session);
	proceed(session);
}

/* Answers a call after the host's word, or without it if that came too late; then goes on with what followed the call. */
static void identify(struct wsm__session *session, struct wsm__inquiry *inquiry)
{
	struct wsm__entry *entry = session->entry;
	uint64_t start = wsm__mono_us();
	bool again = session->served;
	struct wsm__head head;
	const char *why;

	wsm__session_asked(session);
	if (!wsm__head_parse(&head, entry->in.data + entry->at, entry->head_len, &why)) /* it was good before */
		answer_rest(session, &head, wsm__slice(entry->in.data + entry->at + entry->head_len, entry->body_len),
		            inquiry);
	wsm__session_took(session, again, wsm__mono_us() - start);
	next_request(session);
	if (session->phase == WSM__ENTERING)
		proceed(session);
}

static void resume(struct wsm__session *session)
{
	session->entry->seen = session->entry->head_len = 0; /* the same head once more */
	proceed(session);
}

static void receive(struct wsm__session *session, uint8_t *data, size_t len)
{
	wsm__entry_receive(session, data, len);
}

static void writable(struct wsm__session *session)
{
	if (session->phase != WSM__ENTERING && session->phase != WSM__ANSWERING)
		return;
	pump(session);
	if (session->phase == WSM__ENTERING)
		proceed(session);
}

static const struct wsm__session_ops ops = {
	.receive = receive, .writable = writable, .resume = resume, .expire = expire, .end = entry_free
};

bool wsm__http_begin(struct wsm__session *session)
{
	session->entry = calloc(1, sizeof(*session->entry));
	if (!session->entry)
		return false;
	session->ops = &ops;
	return true;
}

void wsm__http_stop(struct wsm__core *core)
{
	while (core->asking)
		wsm__ticket_refuse(core->asking->waits.tickets, 1001,
		                   "the server is shutting down; try again in a moment");
}
