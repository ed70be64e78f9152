/*
 * The shared vectors (tests/vectors, see its README): what is published through the public C API, and the exact messages that
 * clients then get. The Python and Node packages run the same files.
 */
#include "harness.h"

#include <glob.h>
#include <regex.h>

#define CLIENTS_MAX 8

static struct host host;
static struct {
	char name[16];
	struct visitor visitor;
} clients[CLIENTS_MAX];
static size_t n_clients;
static json_t *kept; /* name -> text */

/* ---- comparing -------------------------------------------------------------------------------------------------- */

static bool has_shape(const char *shape, const json_t *value)
{
	static const char *const shapes[][2] = {
		{ "<timestamp>", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$" },
		{ "<id>", "^[0-9A-HJKMNP-TV-Z]{26}$" },
		{ "<epoch>", "^[A-Za-z0-9_-]{8,23}$" },
		{ "<text>", "." },
	};
	const char *text = json_string_value(value), *pattern = NULL;
	regex_t regex;
	bool found;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (!strcmp(shape, shapes[i][0]))
			pattern = shapes[i][1];
	if (!pattern)
		return json_is_string(value) && !strcmp(shape, text);
	if (!text || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

static bool same(const json_t *heard, const json_t *expected)
{
	const char *name, *text = json_string_value(expected);
	json_t *value;
	size_t i;

	if (text && *text == '$')
		return json_equal(heard, json_object_get(kept, text + 1));
	if (text)
		return has_shape(text, heard);
	if (json_is_number(expected))
		return json_is_number(heard) && json_number_value(heard) == json_number_value(expected);
	if (json_is_array(expected)) {
		if (json_array_size(heard) != json_array_size(expected) || !json_is_array(heard))
			return false;
		json_array_foreach((json_t *)(uintptr_t)expected, i, value)
			if (!same(json_array_get(heard, i), value))
				return false;
		return true;
	}
	if (json_is_object(expected)) {
		if (!json_is_object(heard) || json_object_size(heard) != json_object_size(expected))
			return false;
		json_object_foreach((json_t *)(uintptr_t)expected, name, value)
			if (!same(json_object_get(heard, name), value))
				return false;
		return true;
	}
	return heard && json_typeof(heard) == json_typeof(expected);
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

static struct visitor *client(const char *name)
{
	for (size_t i = 0; i < n_clients; i++)
		if (!strcmp(clients[i].name, name))
			return &clients[i].visitor;
	give_up("there is no client %s", name);
	return NULL;
}

static void do_open(const json_t *step)
{
	const json_t *greeting = json_object_get(step, "greeting");
	struct visitor *visitor = &clients[n_clients].visitor;
	json_t *first;

	assert_true(n_clients < CLIENTS_MAX);
	snprintf(clients[n_clients++].name, sizeof(clients[0].name), "%s", text_at(step, "open"));
	if (json_is_null(greeting)) {
		visitor_try(visitor, host.port, text_at(step, "path"), NULL);
		return;
	}
	first = visitor_greet(visitor, host.port, text_at(step, "path"));
	if (greeting && !same(first, greeting))
		give_up("another greeting came: %s", json_dumps(first, JSON_COMPACT));
	json_decref(first);
}

static wsm_slice slice_of(const json_t *text)
{
	return wsm__slice(json_string_value(text), json_string_length(text));
}

/* The target of a verb and how many arguments come before the message; the id is the first. */
static const struct verb {
	const char *name;
	wsm_target target;
	bool named; /* has an id, and perhaps the name of an event */
} verbs[] = {
	{ "broadcast", WSM_TO_ALL, false },          { "send_to_room", WSM_TO_ROOM, true },
	{ "publish_to_channel", WSM_TO_ROOM, true }, { "send_to_project", WSM_TO_PROJECT, true },
	{ "send_to_session", WSM_TO_SESSION, true }, { "send_to_user", WSM_TO_USER, true },
};

static json_t *describe(const json_t *step, wsm_publication *publication, wsm_slice *id)
{
	const json_t *args = json_object_get(step, "args");
	json_t *data = json_object_get(step, "data");
	const char *verb = text_at(step, "call");

	data = data ? data : json_object_get(step, "fields");
	if (data) {
		publication->type = slice_of(json_object_get(step, "type"));
		return data;
	}
	if (!strcmp(verb, "notify")) {
		publication->type = slice_of(json_array_get(args, 0));
		return json_array_get(args, 1);
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verb, verbs[i].name))
			continue;
		publication->target = verbs[i].target;
		if (!verbs[i].named)
			return json_array_get(args, 0);
		*id = slice_of(json_array_get(args, 0));
		publication->ids = id;
		publication->n_ids = 1;
		if (json_array_size(args) == 3)
			publication->type = slice_of(json_array_get(args, 1));
		return json_array_get(args, json_array_size(args) - 1);
	}
	give_up("no verb of C is called %s", verb);
	return NULL;
}

static void check_delivery(const wsm_delivery *delivery, const json_t *expected)
{
	if (json_object_get(expected, "recipients"))
		assert_int_equal(delivery->recipients, number_at(expected, "recipients"));
	if (json_object_get(expected, "offset"))
		assert_int_equal(delivery->offset, number_at(expected, "offset"));
	if (json_object_get(expected, "room"))
		assert_string_equal(delivery->room, text_at(expected, "room"));
	if (json_object_get(expected, "duplicate"))
		assert_int_equal(delivery->duplicate, true_at(expected, "duplicate"));
}

static void do_call(const json_t *step)
{
	wsm_publication publication = { .target = WSM_TO_AUTO };
	const json_t *options = json_object_get(step, "options");
	wsm_slice id = wsm__str(NULL), room = slice_of(json_object_get(options, "room"));
	json_t *message = describe(step, &publication, &id);
	wsm_delivery delivery;
	wsm_error error = { 0 };
	char *text = json_is_string(message) ? strdup(json_string_value(message))
	                                     : json_dumps(message, JSON_COMPACT | JSON_ENCODE_ANY);

	if (room.len) {
		publication.target = WSM_TO_ROOM;
		publication.ids = &room;
		publication.n_ids = 1;
	}
	if (json_is_false(json_object_get(options, "history")))
		publication.flags |= WSM_PUBLISH_NO_HISTORY;
	publication.once = slice_of(json_object_get(options, "once"));
	if (json_object_get(step, "raises")) {
		int status = wsm_publish(host.runtime, &publication, text, strlen(text), NULL, &error);

		assert_string_equal(wsm_status_code(status), text_at(step, "raises"));
	} else {
		delivery = host_publish(&host, &publication, text);
		check_delivery(&delivery, json_object_get(step, "delivery"));
	}
	free(text);
}

static void do_say(const json_t *step)
{
	json_t *message = json_object_get(step, "message"), *since = json_object_get(message, "since");
	const char *epoch = text_at(since, "epoch");
	char *text;

	if (*epoch == '$')
		json_object_set(since, "epoch", json_object_get(kept, epoch + 1));
	text = message ? json_dumps(message, JSON_COMPACT) : strdup(text_at(step, "text"));
	visitor_say(client(text_at(step, "say")), "%s", text);
	free(text);
}

static void do_hear(const json_t *step)
{
	struct visitor *visitor = client(text_at(step, "hear"));
	const json_t *expected = json_object_get(step, "message");
	json_t *heard, *path;
	const char *name;

	if (!expected) {
		char *text = visitor_text(visitor);

		assert_string_equal(text, text_at(step, "text"));
		free(text);
		return;
	}
	heard = visitor_next(visitor);
	if (!same(heard, expected))
		give_up("another message came: %s, expected: %s", json_dumps(heard, JSON_COMPACT),
		        json_dumps(expected, JSON_COMPACT));
	json_object_foreach(json_object_get(step, "keep"), name, path)
		json_object_set(kept, name, at(heard, json_string_value(path)));
	json_decref(heard);
}

static void do_leave(const json_t *step)
{
	const char *name = text_at(step, "leave");
	long long before = host_stat(&host, "active_connections");

	visitor_leave(client(name));
	for (size_t i = 0; i < n_clients; i++)
		if (!strcmp(clients[i].name, name))
			clients[i] = clients[--n_clients];
	host_stat_falls(&host, "active_connections", before - 1);
}

static void run_step(const json_t *step)
{
	if (json_object_get(step, "open"))
		do_open(step);
	else if (json_object_get(step, "call"))
		do_call(step);
	else if (json_object_get(step, "say"))
		do_say(step);
	else if (json_object_get(step, "hear"))
		do_hear(step);
	else if (json_object_get(step, "silence"))
		visitor_expect_silence(client(text_at(step, "silence")));
	else if (json_object_get(step, "end"))
		assert_int_equal(visitor_end(client(text_at(step, "end"))), number_at(step, "code"));
	else if (json_object_get(step, "leave"))
		do_leave(step);
	else
		give_up("no step of C: %s", json_dumps(step, JSON_COMPACT));
}

/* ---- cases ------------------------------------------------------------------------------------------------------ */

/* The text of an option or a setting. */
static char *text_of(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	return json_dumps(value, JSON_ENCODE_ANY);
}

/* The option `rooms` of the packages: settings of room rules, by pattern. */
static void set_rules(const json_t *rooms)
{
	const char *pattern, *setting;
	json_t *settings, *value;
	wsm_error error = { 0 };

	json_object_foreach((json_t *)(uintptr_t)rooms, pattern, settings)
		json_object_foreach(settings, setting, value) {
			char *text = text_of(json_is_boolean(value) ? NULL : value);
			const char *word = json_is_true(value) ? "on" : json_is_false(value) ? "off" : text;

			if (wsm_room_rule_set(host.runtime, wsm__str(pattern), wsm__str(setting), wsm__str(word),
			                      &error))
				give_up("%s", error.message);
			free(text);
		}
}

static void configure(const json_t *config)
{
	wsm_config *made = wsm_config_new();
	wsm_error error = { 0 };
	const char *name;
	json_t *value;

	wsm_config_set(made, "port", "0", NULL);
	json_object_foreach((json_t *)(uintptr_t)config, name, value) {
		char *text = text_of(value);

		if (strcmp(name, "rooms") && wsm_config_set(made, name, text, &error))
			give_up("%s", error.message);
		free(text);
	}
	host_make_with(&host, made);
	wsm_config_free(made);
	set_rules(json_object_get(config, "rooms"));
	host_start(&host);
}

static void run_case(const json_t *vector)
{
	json_t *step;
	size_t i;

	configure(json_object_get(vector, "config"));
	kept = json_object();
	n_clients = 0;
	json_array_foreach(json_object_get(vector, "steps"), i, step) {
		print_message("%s, step %zu\n", text_at(vector, "name"), i);
		run_step(step);
	}
	while (n_clients)
		visitor_leave(&clients[--n_clients].visitor);
	json_decref(kept);
	host_close(&host);
}

static void every_vector(void **state)
{
	glob_t files;
	size_t cases = 0;

	(void)state;
	assert_int_equal(glob(WSM_SOURCE_ROOT "/tests/vectors/*.json", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		json_error_t error;
		json_t *list = json_load_file(files.gl_pathv[i], 0, &error), *vector;
		size_t k;

		if (!list)
			give_up("%s: %s", files.gl_pathv[i], error.text);
		json_array_foreach(list, k, vector)
			run_case(vector);
		cases += json_array_size(list);
		json_decref(list);
	}
	globfree(&files);
	print_message("%zu cases\n", cases);
	assert_true(cases > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
