/* The visitors of harness.h: clients with an inbox. */
#include "harness.h"

static void on_message(wsc *client, unsigned opcode, const char *data, size_t len)
{
	struct visitor *visitor = client->data;
	json_t *row = json_object();

	if (opcode == WSC_TEXT)
		json_object_set_new(row, "text", json_stringn_nocheck(data ? data : "", len));
	else
		json_object_set_new(row, "binary", json_integer((json_int_t)len));
	json_array_append_new(visitor->inbox, row);
}

static void on_closed(wsc *client, int end)
{
	struct visitor *visitor = client->data;

	visitor->end = end;
	if (end >= 1000 && client->control_len > 2)
		snprintf(visitor->reason, sizeof(visitor->reason), "%.*s", (int)(client->control_len - 2),
		         client->control + 2);
}

/* One look at the socket; fails the test after `until`. */
static void turn(struct visitor *visitor, uint64_t until, const char *what)
{
	if (wsc_poll(&visitor->loop, 100) < 0)
		give_up("epoll_wait failed");
	if (visitor->loop.protocol_errors)
		give_up("the server broke the protocol: %s", visitor->loop.last_error);
	if (now_ms() > until)
		give_up("waited too long for %s", what);
}

void visitor_try(struct visitor *visitor, unsigned port, const char *path, const char *headers)
{
	static const wsc_hooks hooks = { .message = on_message, .closed = on_closed };
	uint64_t until = now_ms() + WAIT_SECS * 1000u;

	memset(visitor, 0, sizeof(*visitor));
	assert_int_equal(wsc_loop_init(&visitor->loop, &hooks, true), 0);
	visitor->loop.addresses = 1;
	visitor->ws.data = visitor;
	visitor->inbox = json_array();
	assert_int_equal(wsc_open(&visitor->loop, &visitor->ws, port, path, headers), 0);
	while (!visitor->end && visitor->ws.state != WSC_OPEN)
		turn(visitor, until, "the answer to the upgrade");
}

json_t *visitor_greet(struct visitor *visitor, unsigned port, const char *path)
{
	visitor_try(visitor, port, path, NULL);
	if (!visitor->ws.http_status || visitor->end == WSC_END_REFUSED)
		give_up("%s: refused with %u", path, visitor->ws.http_status);
	return visitor_next(visitor);
}

void visitor_open(struct visitor *visitor, unsigned port, const char *path)
{
	json_decref(visitor_greet(visitor, port, path));
}

void visitor_say(struct visitor *visitor, const char *format, ...)
{
	char text[4096];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_in_range(len, 0, sizeof(text) - 1);
	assert_int_equal(wsc_send(&visitor->ws, WSC_TEXT, text, (size_t)len), 0);
}

/* The next row of the inbox; the caller owns it. */
static json_t *next_row(struct visitor *visitor)
{
	uint64_t until = now_ms() + WAIT_SECS * 1000u;
	json_t *row;

	while (!json_array_size(visitor->inbox)) {
		if (visitor->end)
			give_up("the connection ended (%d %s) where a message was to come", visitor->end,
			        visitor->reason);
		turn(visitor, until, "a message");
	}
	row = json_incref(json_array_get(visitor->inbox, 0));
	json_array_remove(visitor->inbox, 0);
	return row;
}

char *visitor_text(struct visitor *visitor)
{
	json_t *row = next_row(visitor);
	const char *text = json_string_value(json_object_get(row, "text"));
	char *copy = text ? strdup(text) : NULL;

	if (!copy)
		give_up("a binary message came where text was to come");
	json_decref(row);
	return copy;
}

size_t visitor_binary(struct visitor *visitor)
{
	json_t *row = next_row(visitor);
	json_t *len = json_object_get(row, "binary");
	size_t bytes = (size_t)json_integer_value(len);

	if (!len)
		give_up("text came where a binary message was to come");
	json_decref(row);
	return bytes;
}

json_t *visitor_next(struct visitor *visitor)
{
	char *text = visitor_text(visitor);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (!json)
		give_up("not valid JSON: %.300s", text);
	free(text);
	return json;
}

json_t *visitor_await(struct visitor *visitor, const char *type)
{
	for (;;) {
		json_t *message = visitor_next(visitor);

		if (!strcmp(text_at(message, "type"), type))
			return message;
		json_decref(message);
	}
}

int visitor_end(struct visitor *visitor)
{
	uint64_t until = now_ms() + WAIT_SECS * 1000u;

	while (!visitor->end)
		turn(visitor, until, "the end of the connection");
	return visitor->end;
}

void visitor_expect_silence(struct visitor *visitor)
{
	json_t *message;

	visitor_say(visitor, "{\"action\":\"ping\",\"id\":\"silence\"}");
	message = of_type(visitor_next(visitor), "pong");
	assert_string_equal(text_at(message, "id"), "silence");
	json_decref(message);
}

static void forget(struct visitor *visitor)
{
	json_decref(visitor->inbox);
	wsc_fini(&visitor->ws);
	wsc_loop_fini(&visitor->loop);
}

void visitor_leave(struct visitor *visitor)
{
	if (!visitor->end) {
		wsc_close(&visitor->ws, 1000);
		visitor_end(visitor);
	}
	forget(visitor);
}

void visitor_vanish(struct visitor *visitor)
{
	if (!visitor->end)
		wsc_abort(&visitor->ws);
	forget(visitor);
}
