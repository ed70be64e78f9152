/* The document that the panel polls, and the page itself. */
#include "admin/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "admin/connections.h"
#include "admin/page.h"
#include "admin/rooms.h"
#include "admin/samples.h"
#include "admin/table.h"
#include "admin/tail.h"
#include "clients/answers.h"
#include "clients/peers.h"
#include "core/core.h"
#include "host/checks.h"
#include "rest/call.h"
#include "wire/target.h"

#define TICK_MS 1000u /* between two samples, at least */
#define SUMS_MS 500u  /* polls that follow each other faster see the same sums over all connections */

struct wsm__admin {
	struct wsm__samples samples;
	struct wsm__sums sums;
	uint64_t sums_until_us;
};

/* ---- life ------------------------------------------------------------------------------------------------------- */

static struct wsm__admin *get(struct wsm__core *core)
{
	if (!core->admin)
		core->admin = calloc(1, sizeof(*core->admin));
	return core->admin;
}

void wsm__admin_tick(struct wsm__core *core)
{
	core->admin_due_ms = core->now_ms + TICK_MS;
	if (core->config->admin)
		get(core);
	if (core->admin)
		wsm__samples_note(&core->admin->samples, core);
	wsm__tail_tick(core);
}

void wsm__admin_fini(struct wsm__core *core)
{
	wsm__tail_end(core);
	free(core->admin);
	core->admin = NULL;
}

/* ---- the page --------------------------------------------------------------------------------------------------- */

void wsm__admin_page(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	wsm__buffer_add_str(call->out, wsm__admin_html_head);
	wsm__buffer_add_str(call->out, wsm__admin_html_body);
}

const char *wsm__admin_headers(void)
{
	return wsm__admin_html_headers;
}

void wsm__admin_explain(struct wsm__call *call)
{
	json_t *refusal = json_loadb(call->out->data, call->out->len, 0, NULL);
	const char *message = json_string_value(json_object_get(json_object_get(refusal, "error"), "message"));

	wsm__buffer_clear(call->out);
	wsm__buffer_add_str(call->out, wsm__admin_html_head);
	wsm__buffer_add_str(call->out, "<body class=\"refusal\">\n<main>\n<h1>ws_manager</h1>\n<p>");
	/* Sentences of our own: nothing in them needs to be escaped. */
	wsm__buffer_add_str(call->out, message ? message : "");
	wsm__buffer_add_str(call->out, "</p>\n</main>\n</body>\n</html>\n");
	json_decref(refusal);
}

/* ---- the document ----------------------------------------------------------------------------------------------- */

/* All connections are looked at for them: a hundredth of the thread's time at most, whoever polls. */
static const struct wsm__sums *sums(struct wsm__core *core)
{
	struct wsm__admin *admin = core->admin;
	uint64_t began = wsm__mono_us(), took;

	if (began < admin->sums_until_us)
		return &admin->sums;
	wsm__answer_sums(core, &admin->sums);
	took = wsm__mono_us() - began;
	admin->sums_until_us = began + (100 * took > SUMS_MS * 1000 ? 100 * took : SUMS_MS * 1000);
	return &admin->sums;
}

static void add_head(struct wsm__call *call)
{
	struct wsm__core *core = call->core;
	const struct wsm_config *config = core->config;
	char ip[WSM__ADDRESS_TEXT], access[WSM__ACCESS_LINE];

	wsm__buffer_addf(call->out,
	                 "{\"version\":\"" WSM_VERSION
	                 "\",\"now\":%llu,\"started\":%llu,\"you\":\"%s\",\"status\":\"%s\"",
	                 (unsigned long long)wsm__unix_ms(), (unsigned long long)core->started_unix_ms,
	                 wsm__address_format(&call->from.client.address, ip),
	                 core->stopping                          ? "stopping"
	                 : atomic_load(&core->runtime->draining) ? "draining"
	                                                         : "ok");
	wsm__checks_line(core->runtime, access);
	wsm__buffer_add_str(call->out, ",\"access\":");
	wsm__buffer_add_json(call->out, wsm__str(access));
	wsm__buffer_addf(call->out,
	                 ",\"bounds\":{\"connections\":%llu,\"queue\":%llu,\"pending\":%llu,\"history\":%llu}",
	                 (unsigned long long)config->max_connections, (unsigned long long)config->max_queue,
	                 (unsigned long long)config->max_pending, (unsigned long long)config->max_history_bytes);
}

/* A number of the query; 0 if there is none. */
static uint64_t number_of(wsm_slice query, const char *name)
{
	char text[24];

	return wsm__query_get(query, name, text, sizeof(text)) > 0 ? strtoull(text, NULL, 10) : 0;
}

static void add_events(struct wsm__call *call)
{
	if (wsm__tail_watch(call->core))
		wsm__tail_answer(call->core, number_of(call->request->query, "after"), call->out);
	else
		wsm__buffer_add_str(call->out, "null");
}

void wsm__admin_state(struct wsm__call *call, wsm_slice rest)
{
	struct wsm__core *core = call->core;
	wsm_slice query = call->request->query;
	char view[16], room[WSM__TABLE_SEARCH_MAX + 16];
	struct wsm__table_request request;
	int room_len = wsm__query_get(query, "room", room, sizeof(room));

	(void)rest;
	if (wsm__query_get(query, "view", view, sizeof(view)) < 0)
		view[0] = '\0';
	if (!wsm__table_parse(call, &request))
		return;
	if (!get(core)) {
		wsm__call_refuse(call, 503, "internal", "the server is out of memory");
		return;
	}
	add_head(call);
	wsm__buffer_add_str(call->out, ",\"stats\":");
	wsm__answer_figures(core, sums(core), call->out);
	wsm__buffer_add_str(call->out, ",\"samples\":");
	wsm__samples_answer(&core->admin->samples, number_of(query, "since"), call->out);
	wsm__buffer_add_str(call->out, ",\"connections\":");
	if (strcmp(view, "connections"))
		wsm__buffer_add_str(call->out, "null");
	else if (!wsm__admin_connections(core, &request, wsm__slice(room, room_len > 0 ? (size_t)room_len : 0),
	                                 call->out))
		goto no_column;
	wsm__buffer_add_str(call->out, ",\"rooms\":");
	if (strcmp(view, "rooms"))
		wsm__buffer_add_str(call->out, "null");
	else if (!wsm__admin_rooms(core, &request, call->out))
		goto no_column;
	wsm__buffer_add_str(call->out, ",\"bans\":");
	if (!strcmp(view, "bans"))
		wsm__peers_answer_bans(core, call->out);
	else
		wsm__buffer_add_str(call->out, "null");
	wsm__buffer_add_str(call->out, ",\"events\":");
	if (!strcmp(view, "events"))
		add_events(call);
	else
		wsm__buffer_add_str(call->out, "null");
	wsm__buffer_add_str(call->out, "}");
	return;
no_column:
	wsm__call_refuse(call, 400, "bad_request", "sort: the list has no column of that name (docs/admin.md)");
}
