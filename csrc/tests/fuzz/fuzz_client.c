/*
 * A whole connection: the first byte chooses the endpoint, the rest is messages, one per line (a line that begins with a NUL is a
 * binary one). All that comes back is JSON of the protocol, or the connection is closed with a documented code.
 */
#include "runtime_common.h"

#include <jansson.h>
#include <stdio.h>

#include "wire/own.h"

static const char *const paths[] = {
	"/ws", "/ws/updates", "/ws/notifications", "/ws/project/7", "/ws/logs", "/ws/project/%40", "/ws", "/nowhere",
};
static const char *const queries[] = { "", "level=info", "session_id=s", "resume=eyJhIjpbImUiLDFdfQ" };

/* Runs everything that was asked before. */
static void settle(wsm_runtime *runtime)
{
	const wsm_question question = { .kind = WSM_QUERY_POSITION, .room = wsm__str("a") };
	wsm_text text;

	CHECK(!wsm_query(runtime, &question, &text, NULL));
	wsm_text_free(&text);
}

/* Of the connection under test: all that is published here comes from it. */
static char client_id[128];

/* A publication says who published it and where it stands, whatever its author wrote. */
static void check_publication(const json_t *message)
{
	const json_t *from = json_object_get(message, "from"), *offset = json_object_get(message, "offset");
	const char *room = json_string_value(json_object_get(message, "room"));

	CHECK(json_object_size(from) == 2 && json_is_null(json_object_get(from, "user_id")));
	CHECK(!strcmp(json_string_value(json_object_get(from, "client_id")), client_id));
	CHECK(room && !strncmp(room, "open:", 5));
	CHECK(!offset || json_integer_value(offset) > 0);
	CHECK(!json_object_get(message, "@position") && !json_object_get(message, "id"));
	CHECK(json_string_length(json_object_get(message, "message_id")) == 26);
	CHECK(json_string_length(json_object_get(message, "timestamp")) == 24);
}

static void check_message(const wsm_event *event)
{
	json_t *message = json_loadb(event->data.data, event->data.len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(message, "type"));
	const char *id = json_string_value(json_object_get(json_object_get(message, "data"), "client_id"));

	CHECK(!event->binary && json_is_object(message));
	if (!type)
		type = json_string_value(json_object_get(message, "event_type"));
	CHECK(type);
	if (!wsm__own_type(wsm__str(type)))
		check_publication(message);
	else
		CHECK(!json_object_get(message, "room") && !json_object_get(message, "@position"));
	if (id && !json_object_get(message, "room"))
		snprintf(client_id, sizeof(client_id), "%s", id);
	json_decref(message);
}

static void check_events(wsm_runtime *runtime, uint64_t conn, size_t *sent)
{
	wsm_event *event = wsm_events_take(runtime);

	while (event) {
		wsm_event *next = event->next;

		if (event->kind == WSM_EVENT_BRIDGE_SEND && event->conn == conn) {
			check_message(event);
			*sent += event->data.len;
		} else if (event->kind == WSM_EVENT_CLOSED) {
			CHECK(event->code >= 1000 && event->code < 5000);
			CHECK(wsm__utf8_valid(event->text) && event->text.len <= 123);
		}
		wsm_event_free(event);
		event = next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const options[] = { "rate",      "0", "subscription_rate", "0", "byte_rate", "0",
	                                       "max_rooms", "8", "history_size",      "8", "max_queue", "65536",
	                                       NULL };
	wsm_runtime *runtime = fuzz_runtime(options);
	wsm_request request;
	wsm_slice text, rest;
	uint64_t conn;
	unsigned status;
	size_t sent = 0;

	if (size == 0)
		return 0;
	CHECK(!wsm_room_rule_set(runtime, wsm__str("open:*"), wsm__str("publish"), wsm__str("anyone"), NULL));
	text = rest = exact(data + 1, size - 1);
	memset(&request, 0, sizeof(request));
	request.path = wsm__str(paths[data[0] & 7]);
	request.query = wsm__str(queries[data[0] >> 3 & 3]);
	request.ip = wsm__str("127.0.0.1");
	if (wsm_bridge_open(runtime, &request, NULL, &conn, &status, NULL)) {
		CHECK(status == 403 || status == 404);
		drop(text);
		return 0;
	}
	while (rest.len) {
		wsm_slice line = fuzz_line(&rest), copy;
		bool binary = line.len && line.data[0] == '\0';

		copy = exact(line.data + binary, line.len - binary);
		CHECK(!wsm_bridge_receive(runtime, conn, binary, copy.data, copy.len));
		drop(copy);
		settle(runtime);
		check_events(runtime, conn, &sent);
		CHECK(!wsm_bridge_written(runtime, conn, sent));
		sent = 0;
	}
	CHECK(!wsm_bridge_closed(runtime, conn, 1000, wsm__str("")));
	settle(runtime);
	check_events(runtime, conn, &sent);
	drop(text);
	return 0;
}
