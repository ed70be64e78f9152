#include "clients/opening.h"

#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "host/checks.h"
#include "host/conn_info.h"
#include "host/request.h"
#include "host/token.h"
#include "wire/name.h"
#include "wire/target.h"

static void messages_free(struct wsm__early *message)
{
	while (message) {
		struct wsm__early *next = message->next;

		free(message);
		message = next;
	}
}

void wsm__opening_free(struct wsm__opening *opening)
{
	if (!opening)
		return;
	for (size_t i = 0; i < opening->n_rooms; i++)
		free(opening->rooms[i]);
	free(opening->rooms);
	free(opening->resume);
	if (opening->token)
		explicit_bzero(opening->token, strlen(opening->token));
	free(opening->token);
	free(opening->answer_id);
	messages_free(opening->early);
	messages_free(opening->welcome);
	wsm__buffer_fini(&opening->described);
	for (size_t i = 0; i < opening->n_gaps; i++)
		wsm__pub_unref(opening->gaps[i]);
	free(opening->gaps);
	free(opening);
}

void wsm__opening_refuse(struct wsm__opening *opening, const char *reason)
{
	opening->refuse_code = 4400;
	opening->refuse_reason = reason;
}

int wsm__opening_add_room(struct wsm__opening *opening, wsm_slice room)
{
	char **grown = realloc(opening->rooms, (opening->n_rooms + 1) * sizeof(char *));

	if (!grown)
		return WSM_ENOMEM;
	opening->rooms = grown;
	opening->rooms[opening->n_rooms] = wsm__slice_dup(room);
	return opening->rooms[opening->n_rooms] ? (opening->n_rooms++, WSM_OK) : WSM_ENOMEM;
}

/* The parameters of the query that every endpoint knows: level, resume. */
static void opening_query(struct wsm__opening *opening, wsm_slice query)
{
	char word[32], *resume = malloc(query.len + 1);
	int len = wsm__query_get(query, "level", word, sizeof(word));
	int level = len >= 0 ? wsm_level_parse(wsm__slice(word, (size_t)len)) : WSM_LEVEL_NONE;

	if (len == -2 || level < 0)
		wsm__opening_refuse(opening, "level must be debug, info, success, warning, error or critical");
	else
		opening->level = level;
	len = resume ? wsm__query_get(query, "resume", resume, query.len + 1) : -1;
	if (len >= 0)
		opening->n_resume = wsm__resume_parse(wsm__slice(resume, (size_t)len), &opening->resume);
	if (len == -2 || opening->n_resume < 0) {
		opening->n_resume = 0;
		wsm__opening_refuse(opening, "resume must be base64url of {\"room\":[\"epoch\",offset]}");
	}
	free(resume);
}

struct wsm__opening *wsm__opening_new(const struct wsm__core *core, const struct wsm__request *request,
                                      const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                      const wsm_admission *admission)
{
	struct wsm__opening *opening = calloc(1, sizeof(*opening));
	char room[WSM__ROOM_SIZE];

	if (!opening)
		return NULL;
	wsm__buffer_init(&opening->described);
	if (wsm__wants(core, WSM_WANT_AUTHENTICATE) && !(admission && admission->ask))
		wsm__request_describe(&opening->described, request, params);
	opening_query(opening, request->query);
	for (size_t i = 0; endpoint && i < endpoint->n_rooms; i++) {
		int len = wsm__room_from_template(endpoint->rooms[i], params, room);

		if (len < 0)
			wsm__opening_refuse(opening, "the path does not name a valid room");
		else if (wsm__opening_add_room(opening, wsm__slice(room, (size_t)len)))
			goto fail;
	}
	opening->n_endpoint_rooms = opening->n_rooms;
	opening->firehose = endpoint && (endpoint->flags & WSM_ENDPOINT_FIREHOSE);
	if (request->token.len && !(opening->token = wsm__slice_dup(request->token)))
		goto fail;
	if (!admission)
		return opening;
	if (!endpoint && wsm__opening_add_room(opening, wsm__str("@all")))
		goto fail;
	return opening;
fail:
	wsm__opening_free(opening);
	return NULL;
}

static bool has_token_param(const struct wsm__path_params *params)
{
	for (size_t i = 0; i < params->count; i++)
		if (wsm__slice_is(params->at[i].name, "token"))
			return true;
	return false;
}

const wsm_conn_info *wsm__opening_describe(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                           const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                           const wsm_admission *admission, struct wsm__opening *opening)
{
	char client_id[24], session[WSM__ID_MAX + 1];
	int len = wsm__query_get(request->query, "session_id", session, sizeof(session));
	wsm_slice texts[7] = { { NULL, 0 } };
	const wsm_conn_info *info;
	struct wsm__buffer query;
	bool claims_session = len > 0 && wsm__id_valid(wsm__slice(session, (size_t)len));

	wsm__random_name(client_id, 22);
	texts[0] = admission && admission->client_id.len ? admission->client_id : wsm__slice(client_id, 22);
	if (admission) {
		texts[1] = admission->user_id;
		texts[2] = admission->session_id;
	}
	/* A session belongs to a user: whoever names the user also names the session. */
	if (claims_session && !texts[1].len && !texts[2].len && wsm__checks_believe_session(core->runtime, admission))
		texts[2] = wsm__slice(session, (size_t)len);
	else if (!claims_session && (len > 0 || len == -2))
		wsm__opening_refuse(opening,
		                    "session_id must be at most 120 bytes of UTF-8 without control characters");
	/* A token is secret: handlers may log the query, so take the token out. */
	wsm__buffer_init(&query);
	wsm__token_redact(core->runtime, request->query, &query);
	texts[3] = endpoint && params && has_token_param(params) ? wsm__str(endpoint->path) : request->path;
	texts[4] = wsm__slice(query.data, query.len);
	texts[5] = request->ip;
	texts[6] = wsm__request_header(request, "user-agent");
	info = query.failed ? NULL : wsm__info_new(number, (int64_t)wsm__unix_ms(), texts);
	wsm__buffer_fini(&query);
	return info;
}

int wsm__opening_welcome(struct wsm__opening *opening, const wsm_slice *messages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct wsm__early *message = calloc(1, sizeof(*message) + messages[i].len);

		if (!message)
			return WSM_ENOMEM;
		message->len = messages[i].len;
		if (message->len)
			memcpy(message->data, messages[i].data, message->len);
		LL_APPEND(opening->welcome, message);
	}
	return WSM_OK;
}
