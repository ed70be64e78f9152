#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "late_log.h"

uint64_t now_ms(void)
{
	return wsc_now_ns() / 1000000u;
}

static uint64_t deadline(void)
{
	return now_ms() + WAIT_SECS * 1000u;
}

/* ---- the runtime ------------------------------------------------------------------------------------------------ */

static void on_wake(void *data)
{
	const struct host *host = data;
	uint64_t one = 1;

	if (write(host->wake, &one, sizeof(one)) < 0)
		abort(); /* an eventfd takes that */
}

void host_make_with(struct host *host, const wsm_config *config)
{
	wsm_error error = { 0 };

	late_log_use();
	memset(host, 0, sizeof(*host));
	host->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	host->runtime = wsm_runtime_new(config, &error);
	if (!host->runtime)
		give_up("wsm_runtime_new: %s", error.message);
	assert_int_equal(wsm_set_wake(host->runtime, on_wake, host), WSM_OK);
}

void host_make(struct host *host, ...)
{
	wsm_config *config = wsm_config_new();
	const char *name, *value;
	wsm_error error = { 0 };
	va_list options;

	/* On a slow machine a test may last longer than the pause between two heartbeats: no client is to meet one by chance. */
	assert_int_equal(wsm_config_set(config, "heartbeat_interval", "600", &error), WSM_OK);
	assert_int_equal(wsm_config_set(config, "timeout", "1800", &error), WSM_OK);
	va_start(options, host);
	while ((name = va_arg(options, const char *)) != NULL) {
		value = va_arg(options, const char *);
		if (wsm_config_set(config, name, value, &error))
			give_up("option %s: %s", name, error.message);
	}
	va_end(options);
	host_make_with(host, config);
	wsm_config_free(config);
}

void host_start(struct host *host)
{
	wsm_error error = { 0 };

	if (wsm_runtime_start(host->runtime, &error))
		give_up("wsm_runtime_start: %s", error.message);
	host->port = wsm_runtime_port(host->runtime);
}

void host_close(struct host *host)
{
	int status = WSM_ETIMEOUT;

	/* A runtime with thousands of connections under a sanitizer may need more than the two seconds of one call. */
	for (int i = 0; i < 30 && status == WSM_ETIMEOUT; i++)
		status = wsm_runtime_stop(host->runtime, 0);
	assert_int_equal(status, WSM_OK);
	wsm_runtime_free(host->runtime);
	while (host->first) {
		wsm_event *next = host->first->next;

		wsm_event_free(host->first);
		host->first = next;
	}
	close(host->wake);
}

static void take_events(struct host *host)
{
	wsm_event **tail = &host->first;
	uint64_t wakes;

	if (read(host->wake, &wakes, sizeof(wakes)) < 0 && errno != EAGAIN)
		give_up("the eventfd cannot be read");
	while (*tail)
		tail = &(*tail)->next;
	*tail = wsm_events_take(host->runtime);
}

static wsm_event *pick(struct host *host, wsm_event_kind kind)
{
	for (wsm_event **place = &host->first; *place; place = &(*place)->next) {
		wsm_event *event = *place;

		if (event->kind != kind)
			continue;
		*place = event->next;
		event->next = NULL;
		return event;
	}
	return NULL;
}

wsm_event *host_event_now(struct host *host, wsm_event_kind kind)
{
	take_events(host);
	return pick(host, kind);
}

wsm_event *host_event(struct host *host, wsm_event_kind kind)
{
	struct pollfd wait = { .fd = host->wake, .events = POLLIN };
	uint64_t until = deadline();
	wsm_event *event;

	while (!(event = host_event_now(host, kind))) {
		uint64_t now = now_ms();

		/* The wake is what is waited for: an event without one is as good as lost. */
		if (now >= until || poll(&wait, 1, (int)(until - now)) == 0)
			give_up("no event of kind %d came with a wake", (int)kind);
	}
	return event;
}

wsm_event *host_line(struct host *host, const char *part)
{
	wsm_event *event = host_event(host, WSM_EVENT_LOG);

	while (!strstr(event->text.data, part)) {
		wsm_event_free(event);
		event = host_event(host, WSM_EVENT_LOG);
	}
	return event;
}

json_t *host_ask(struct host *host, wsm_query_kind kind, const char *room)
{
	wsm_question question = { .kind = kind, .room = wsm__str(room) };
	wsm_text answer;
	wsm_error error = { 0 };
	json_t *json;

	if (wsm_query(host->runtime, &question, &answer, &error))
		give_up("wsm_query: %s", error.message);
	json = json_loadb(answer.data, answer.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!json)
		give_up("the answer is no JSON: %.*s", (int)answer.len, answer.data);
	wsm_text_free(&answer);
	return json;
}

long long host_stat(struct host *host, const char *name)
{
	json_t *stats = host_ask(host, WSM_QUERY_STATS, NULL);
	long long value = number_at(stats, name);

	json_decref(stats);
	return value;
}

void host_stat_reaches(struct host *host, const char *name, long long value)
{
	uint64_t until = deadline();

	while (host_stat(host, name) < value) {
		if (now_ms() > until)
			give_up("%s does not reach %lld", name, value);
		poll(NULL, 0, 1);
	}
}

void host_stat_falls(struct host *host, const char *name, long long value)
{
	uint64_t until = deadline();

	while (host_stat(host, name) > value) {
		if (now_ms() > until)
			give_up("%s does not fall to %lld", name, value);
		poll(NULL, 0, 1);
	}
}

static wsm_delivery await_receipt(wsm_receipt *receipt)
{
	uint64_t until = deadline();
	wsm_delivery delivery;

	while (!wsm_receipt_done(receipt, &delivery)) {
		if (now_ms() > until)
			give_up("the receipt is never done");
		poll(NULL, 0, 1);
	}
	wsm_receipt_unref(receipt);
	return delivery;
}

wsm_delivery host_publish(struct host *host, const wsm_publication *publication, const char *payload)
{
	wsm_receipt *receipt;
	wsm_error error = { 0 };

	if (wsm_publish(host->runtime, publication, payload, strlen(payload), &receipt, &error))
		give_up("wsm_publish: %s", error.message);
	return await_receipt(receipt);
}

static wsm_publication to_room(const char *type, const wsm_slice *room)
{
	wsm_publication publication = { .type = wsm__str(type), .target = WSM_TO_ALL };

	if (!wsm__slice_is(*room, "@all")) {
		publication.target = WSM_TO_ROOM;
		publication.ids = room;
		publication.n_ids = 1;
	}
	return publication;
}

wsm_delivery host_send(struct host *host, const char *room, const char *type, const char *json)
{
	wsm_slice name = wsm__str(room);
	wsm_publication publication = to_room(type, &name);

	return host_publish(host, &publication, json);
}

void host_send_run(struct host *host, const char *room, unsigned first, unsigned last)
{
	wsm_slice name = wsm__str(room);
	wsm_publication publication = to_room("n", &name);
	wsm_error error = { 0 };
	char data[32];

	for (unsigned n = first; n <= last; n++) {
		snprintf(data, sizeof(data), "{\"n\":%u}", n);
		if (n == last)
			host_publish(host, &publication, data);
		else if (wsm_publish(host->runtime, &publication, data, strlen(data), NULL, &error))
			give_up("wsm_publish: %s", error.message);
	}
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

json_t *at(const json_t *json, const char *path)
{
	char name[160];

	while (json && *path) {
		size_t len = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		json = json_object_get(json, name);
		path += len + (path[len] == '.');
	}
	return (json_t *)(uintptr_t)json;
}

const char *text_at(const json_t *json, const char *path)
{
	const char *text = json_string_value(at(json, path));

	return text ? text : "";
}

long long number_at(const json_t *json, const char *path)
{
	const json_t *value = at(json, path);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

bool true_at(const json_t *json, const char *path)
{
	const json_t *value = at(json, path);

	assert_true(json_is_boolean(value));
	return json_is_true(value);
}

json_t *of_type(json_t *message, const char *type)
{
	if (strcmp(text_at(message, "type"), type) != 0) {
		char *text = json_dumps(message, JSON_ENCODE_ANY);

		give_up("a message of type %s was to come: %s", type, text ? text : "(none)");
	}
	return message;
}

void base64url(const char *text, char *out, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strlen(text);

	assert_true(size > len * 2 + 4);
	for (size_t i = 0; i < len; i += 3) {
		uint32_t group = (uint32_t)(uint8_t)text[i] << 16;

		group |= i + 1 < len ? (uint32_t)(uint8_t)text[i + 1] << 8 : 0;
		group |= i + 2 < len ? (uint32_t)(uint8_t)text[i + 2] : 0;
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		if (i + 1 < len)
			*out++ = digits[group >> 6 & 63];
		if (i + 2 < len)
			*out++ = digits[group & 63];
	}
	*out = '\0';
}

void resume_path(char *out, size_t size, const char *path, const char *room, const char *epoch, long long offset)
{
	char json[256], encoded[600];

	snprintf(json, sizeof(json), "{\"%s\":[\"%s\",%lld]}", room, epoch, offset);
	base64url(json, encoded, sizeof(encoded));
	snprintf(out, size, "%s?resume=%s", path, encoded);
}

void *host_stop_in_thread(void *argument)
{
	struct stopping *stopping = argument;

	stopping->status = wsm_runtime_stop(stopping->host->runtime, stopping->deadline_ms);
	return NULL;
}
