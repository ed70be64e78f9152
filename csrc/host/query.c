/*
 * Questions of the host: the caller waits, or the answer comes as an event. Both threads share a question with a waiting caller, so
 * it has references: a caller that gives up leaves it to the runtime thread.
 */
#include "host/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "host/events.h"
#include "host/handle.h"
#include "host/lists.h"
#include "host/queue.h"
#include "wire/name.h"

static void asked_unref(struct wsm__asked *asked)
{
	if (atomic_fetch_sub(&asked->refs, 1) != 1)
		return;
	pthread_cond_destroy(&asked->answered);
	pthread_mutex_destroy(&asked->lock);
	wsm__buffer_fini(&asked->answer);
	wsm_text_free(&asked->rest_answer.body);
	if (asked->event)
		wsm_event_free(&asked->event->event);
	free(asked);
}

static struct wsm__lists lists_of(const wsm_rest_request *rest)
{
	return (struct wsm__lists){ .rooms = rest->rooms,
	                            .n_rooms = rest->n_rooms,
	                            .subscribe = rest->subscribe,
	                            .n_subscribe = rest->n_subscribe };
}

static size_t header_bytes(const wsm_rest_request *rest)
{
	size_t bytes = 0;

	for (size_t i = 0; i < rest->n_headers; i++)
		bytes += sizeof(wsm_member) + rest->headers[i].name.len + rest->headers[i].json.len + 2;
	return bytes;
}

static void copy_rest(struct wsm__asked *asked, const wsm_rest_request *rest, const struct wsm__lists *from,
                      struct wsm__arena *arena)
{
	wsm_member *headers = (wsm_member *)(void *)(asked + 1);
	struct wsm__lists lists;

	asked->rest = *rest;
	asked->rest.method = wsm__arena_copy(arena, rest->method);
	asked->rest.path = wsm__arena_copy(arena, rest->path);
	asked->rest.query = wsm__arena_copy(arena, rest->query);
	asked->rest.ip = wsm__arena_copy(arena, rest->ip);
	asked->rest.host = wsm__arena_copy(arena, rest->host);
	asked->rest.via = wsm__arena_copy(arena, rest->via);
	asked->rest.body = wsm__arena_copy(arena, rest->body);
	asked->rest.user_id = wsm__arena_copy(arena, rest->user_id);
	asked->rest.reason = wsm__arena_copy(arena, rest->reason);
	asked->rest.headers = headers;
	for (size_t i = 0; i < rest->n_headers; i++) {
		headers[i].name = wsm__arena_copy(arena, rest->headers[i].name);
		headers[i].json = wsm__arena_copy(arena, rest->headers[i].json);
	}
	lists = wsm__lists_copy(from, (wsm_slice *)(void *)(headers + rest->n_headers), arena);
	asked->rest.rooms = lists.rooms;
	asked->rest.subscribe = lists.subscribe;
}

static struct wsm__asked *asked_new(const wsm_question *question, const wsm_rest_request *rest)
{
	struct wsm__lists lists = { .n_rooms = 0 };
	size_t bytes = 10;
	struct wsm__asked *asked;
	struct wsm__arena arena;
	pthread_condattr_t attr;

	if (rest)
		lists = lists_of(rest);
	if (question)
		bytes += question->room.len + question->epoch.len + question->after.len;
	else
		bytes += rest->method.len + rest->path.len + rest->query.len + rest->ip.len + rest->host.len +
		         rest->via.len + rest->body.len + rest->user_id.len + rest->reason.len + header_bytes(rest) +
		         wsm__lists_bytes(&lists) + wsm__lists_count(&lists) * sizeof(wsm_slice);
	asked = calloc(1, sizeof(*asked) + bytes);
	if (!asked)
		return NULL;
	arena.at = (char *)(asked + 1);
	if (rest)
		arena.at += rest->n_headers * sizeof(wsm_member) + wsm__lists_count(&lists) * sizeof(wsm_slice);
	asked->head.kind = WSM__CMD_QUERY;
	atomic_init(&asked->refs, 2);
	pthread_mutex_init(&asked->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&asked->answered, &attr);
	pthread_condattr_destroy(&attr);
	wsm__buffer_init(&asked->answer);
	asked->act = rest ? WSM__ACT_REST : WSM__ACT_ASK;
	if (question) {
		asked->question = *question;
		asked->question.room = wsm__arena_copy(&arena, question->room);
		asked->question.epoch = wsm__arena_copy(&arena, question->epoch);
		asked->question.after = wsm__arena_copy(&arena, question->after);
		return asked;
	}
	copy_rest(asked, rest, &lists, &arena);
	return asked;
}

static const char *sentence(const struct wsm__asked *asked, int status)
{
	bool moves = asked->act == WSM__ACT_JOIN || asked->act == WSM__ACT_LEAVE;

	if (moves && status == WSM_ENOTFOUND)
		return "the connection has gone, or it is not let in yet";
	if (moves && status == WSM_EREFUSED)
		return "the connection, or its user, has as many subscriptions as it may (max_rooms, "
		       "max_rooms_per_user)";
	return wsm_status_text(status);
}

/* Posts the event, which exists since the question and takes over the answer: nothing can fail here. */
static void post_answer(wsm_runtime *runtime, struct wsm__asked *asked, int status)
{
	struct wsm__event *event = asked->event;

	if (!status)
		status = wsm__buffer_steal(&asked->answer, &event->answer);
	event->event.code = (unsigned)-status;
	if (status)
		event->event.text = wsm__str(sentence(asked, status));
	event->event.data = wsm__slice(event->answer.data, event->answer.len);
	asked->event = NULL;
	wsm__event_post(runtime, event, true);
}

void wsm__query_finish(wsm_runtime *runtime, struct wsm__asked *asked, int status)
{
	if (asked->event) {
		post_answer(runtime, asked, status);
		asked_unref(asked);
		return;
	}
	pthread_mutex_lock(&asked->lock);
	asked->status = status;
	asked->done = true;
	pthread_cond_signal(&asked->answered);
	pthread_mutex_unlock(&asked->lock);
	asked_unref(asked);
}

/* Posts a question and waits. The caller releases its reference in any case. */
static int ask(wsm_runtime *runtime, struct wsm__asked *asked, wsm_error *error)
{
	struct timespec until;
	int status = wsm__post(runtime, &asked->head, true), waited = 0;

	if (status) { /* it is not in the queue: release the queue's reference, too */
		asked_unref(asked);
		return wsm__fail(error, status, "%s", wsm_status_text(status));
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WSM_QUERY_TIMEOUT_MS / 1000;
	pthread_mutex_lock(&asked->lock);
	while (!asked->done && waited != ETIMEDOUT)
		waited = pthread_cond_timedwait(&asked->answered, &asked->lock, &until);
	status = asked->done ? asked->status : WSM_ETIMEOUT;
	pthread_mutex_unlock(&asked->lock);
	if (status)
		wsm__fail(error, status, "%s", sentence(asked, status));
	return status;
}

/* ---- the public calls ------------------------------------------------------------------------------------------- */

static bool needs_room(wsm_query_kind kind)
{
	return kind == WSM_QUERY_SUBSCRIBERS || kind == WSM_QUERY_PRESENCE || kind == WSM_QUERY_HISTORY ||
	       kind == WSM_QUERY_POSITION;
}

static int no_room(wsm_slice room, wsm_error *error)
{
	return wsm__fail(error, WSM_EROOM, "room \"%.*s\" is no valid name of a public room",
	                 (int)(room.len > 60 ? 60 : room.len), room.data ? room.data : "");
}

static int check(const wsm_runtime *runtime, const wsm_question *question, wsm_error *error)
{
	int status = wsm__runtime_check(runtime, error);

	if (!status && needs_room(question->kind) && !wsm__room_name_valid(question->room) &&
	    !wsm__slice_is(question->room, "@all"))
		return no_room(question->room, error);
	return status;
}

int wsm_query(wsm_runtime *runtime, const wsm_question *question, wsm_text *answer, wsm_error *error)
{
	struct wsm__asked *asked;
	int status = check(runtime, question, error);

	answer->data = NULL;
	answer->len = 0;
	if (status)
		return status;
	asked = asked_new(question, NULL);
	if (!asked)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	status = ask(runtime, asked, error);
	if (!status)
		status = wsm__buffer_steal(&asked->answer, answer);
	asked_unref(asked);
	return status;
}

/* Takes one of WSM_QUESTIONS_MAX places; wsm_events_take() gives it back. */
static bool take_place(wsm_runtime *runtime)
{
	if (atomic_fetch_add_explicit(&runtime->questions, 1, memory_order_relaxed) < WSM_QUESTIONS_MAX)
		return true;
	atomic_fetch_sub_explicit(&runtime->questions, 1, memory_order_relaxed);
	return false;
}

static struct wsm__asked *asked_later(const wsm_question *question, enum wsm__act act, uint64_t ticket)
{
	struct wsm__asked *asked = asked_new(question, NULL);

	if (!asked)
		return NULL;
	asked->act = act;
	atomic_store(&asked->refs, 1); /* nobody waits */
	asked->event = wsm__event_new(WSM_EVENT_ANSWER, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));
	if (!asked->event) {
		asked_unref(asked);
		return NULL;
	}
	asked->event->event.ticket = ticket;
	return asked;
}

static int ask_later(wsm_runtime *runtime, const wsm_question *question, enum wsm__act act, uint64_t ticket,
                     wsm_error *error)
{
	struct wsm__asked *asked;
	int status;

	if (!take_place(runtime))
		return wsm__fail(error, WSM_EOVERLOADED,
		                 "%u questions wait for their answers to be taken; await some of them first",
		                 WSM_QUESTIONS_MAX);
	asked = asked_later(question, act, ticket);
	/* Forced, as a question with a waiting caller: the places are the bound. */
	status = asked ? wsm__post(runtime, &asked->head, true) : WSM_ENOMEM;
	if (!status)
		return WSM_OK;
	if (asked)
		asked_unref(asked);
	atomic_fetch_sub_explicit(&runtime->questions, 1, memory_order_relaxed);
	return wsm__fail(error, status, "%s", wsm_status_text(status));
}

int wsm_query_later(wsm_runtime *runtime, const wsm_question *question, uint64_t ticket, wsm_error *error)
{
	int status = check(runtime, question, error);

	return status ? status : ask_later(runtime, question, WSM__ACT_ASK, ticket, error);
}

static int check_move(const wsm_runtime *runtime, wsm_slice room, wsm_error *error)
{
	int status = wsm__runtime_check(runtime, error);

	return status || wsm__room_name_valid(room) ? status : no_room(room, error);
}

static int move_later(wsm_runtime *runtime, enum wsm__act act, uint64_t conn, wsm_slice room, uint64_t ticket,
                      wsm_error *error)
{
	const wsm_question question = { .room = room, .since = conn };
	int status = check_move(runtime, room, error);

	return status ? status : ask_later(runtime, &question, act, ticket, error);
}

int wsm_conn_join_later(wsm_runtime *runtime, uint64_t conn, wsm_slice room, uint64_t ticket, wsm_error *error)
{
	return move_later(runtime, WSM__ACT_JOIN, conn, room, ticket, error);
}

int wsm_conn_leave_later(wsm_runtime *runtime, uint64_t conn, wsm_slice room, uint64_t ticket, wsm_error *error)
{
	return move_later(runtime, WSM__ACT_LEAVE, conn, room, ticket, error);
}

static int move(wsm_runtime *runtime, enum wsm__act act, uint64_t conn, wsm_slice room, wsm_error *error)
{
	const wsm_question question = { .room = room, .since = conn };
	struct wsm__asked *asked;
	int status = check_move(runtime, room, error);

	if (status)
		return status;
	asked = asked_new(&question, NULL);
	if (!asked)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	asked->act = act;
	status = ask(runtime, asked, error);
	asked_unref(asked);
	return status;
}

int wsm_conn_join(wsm_runtime *runtime, uint64_t conn, wsm_slice room, wsm_error *error)
{
	return move(runtime, WSM__ACT_JOIN, conn, room, error);
}

int wsm_conn_leave(wsm_runtime *runtime, uint64_t conn, wsm_slice room, wsm_error *error)
{
	return move(runtime, WSM__ACT_LEAVE, conn, room, error);
}

int wsm_rest(wsm_runtime *runtime, const wsm_rest_request *request, wsm_rest_answer *answer, wsm_error *error)
{
	const struct wsm__lists lists = lists_of(request);
	struct wsm__asked *asked;
	int status = wsm__runtime_check(runtime, error);

	memset(answer, 0, sizeof(*answer));
	if (!status)
		status = wsm__lists_check(&lists, error);
	if (!status && request->user_id.len && !wsm__id_valid(request->user_id))
		status =
			wsm__fail(error, WSM_EINVAL,
			          "the user id must be 1 to %d bytes of UTF-8 without control characters", WSM__ID_MAX);
	if (!status && !wsm__utf8_valid(request->reason))
		status = wsm__fail(error, WSM_EINVAL, "the reason must be UTF-8");
	if (status)
		return status;
	asked = asked_new(NULL, request);
	if (!asked)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	status = ask(runtime, asked, error);
	if (!status) {
		*answer = asked->rest_answer;
		memset(&asked->rest_answer, 0, sizeof(asked->rest_answer));
	}
	asked_unref(asked);
	return status;
}
