#include "wire/command.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>

#include "base/slice.h"
#include "wire/json.h"
#include "wire/name.h"

static const struct {
	const char *name;
	enum wsm__action action;
	bool room; /* needs one */
} actions[] = {
	{ "ping", WSM__ACTION_PING, false },
	{ "subscribe", WSM__ACTION_SUBSCRIBE, true },
	{ "unsubscribe", WSM__ACTION_UNSUBSCRIBE, true },
	{ "stats", WSM__ACTION_STATS, false },
	{ "auth", WSM__ACTION_AUTH, false },
	{ "history", WSM__ACTION_HISTORY, true },
	{ "presence", WSM__ACTION_PRESENCE, true },
	{ "publish", WSM__ACTION_PUBLISH, true },
};
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* Memory for all slices of a command. */
struct storage {
	json_t *root;
	size_t len;
	char text[]; /* `len` bytes of the trimmed message, a NUL, then room for "project:<id>" */
};

static const char not_json[] = "the message is not valid JSON";

static size_t find_action(wsm_slice name)
{
	size_t i = 0;

	while (i < N_ACTIONS && !wsm__slice_is(name, actions[i].name))
		i++;
	return i;
}

bool wsm__command_is_core(wsm_slice action)
{
	return find_action(action) < N_ACTIONS;
}

static bool fail(struct wsm__command *command, const char *code, const char *sentence)
{
	command->error_code = code;
	command->error = sentence;
	return false;
}

static bool bad_request(struct wsm__command *command, const char *sentence)
{
	return fail(command, "bad_request", sentence);
}

static wsm_slice string_of(const json_t *value)
{
	return wsm__slice(json_string_value(value), json_string_length(value));
}

/* Returns a member of the object, or NULL. null counts as absent: many clients write "none" like that. */
static const json_t *member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

/*
 * Finds a member's text as the client wrote it. The parser has seen the member, so the scanner finds it; if the two ever
 * disagree, this refuses the message.
 */
static bool take_raw(struct wsm__command *command, const char *name, wsm_slice *out)
{
	struct storage *storage = command->storage;

	return wsm__json_get(wsm__slice(storage->text, storage->len), name, out) || fail(command, "bad_json", not_json);
}

/* An optional string. */
static bool take_string(struct wsm__command *command, const char *name, wsm_slice *out, const char *sentence)
{
	const json_t *value = member(((struct storage *)command->storage)->root, name);

	if (!value)
		return true;
	if (!json_is_string(value) || json_string_length(value) == 0)
		return bad_request(command, sentence);
	*out = string_of(value);
	return true;
}

/* Writes "project:<id>" behind the text; `id` points into the parsed message, which is longer than it. */
static wsm_slice project_room(struct storage *storage, wsm_slice id)
{
	size_t prefix = sizeof(WSM__PROJECT) - 1;
	char *out = storage->text + storage->len + 1;

	memcpy(out, WSM__PROJECT, prefix);
	memcpy(out + prefix, id.data, id.len);
	out[prefix + id.len] = '\0';
	return wsm__slice(out, prefix + id.len);
}

static bool take_project(struct wsm__command *command)
{
	struct storage *storage = command->storage;
	const json_t *value = member(storage->root, "project_id");

	if (!value)
		return true;
	if (json_is_string(value) && json_string_length(value) > 0) {
		command->project_id = string_of(value);
	} else if (json_is_integer(value)) {
		/* Many applications number their projects. JSON allows no leading zeros, so the text has one form only. */
		if (!take_raw(command, "project_id", &command->project_id))
			return false;
	} else {
		return bad_request(command, "\"project_id\" must be a non-empty string or an integer");
	}
	command->room = project_room(storage, command->project_id);
	return true;
}

static bool no_room_name(struct wsm__command *command)
{
	return fail(command, "room_invalid",
	            "a room name has 1 to 128 bytes, no spaces, control characters or '*', and no '@' in front");
}

/* "room" or "channel". */
static bool take_room_name(struct wsm__command *command, const char *name, const char *sentence)
{
	const json_t *value = member(((struct storage *)command->storage)->root, name);

	if (json_is_string(value) && json_string_length(value) == 0)
		return no_room_name(command);
	return take_string(command, name, &command->room, sentence);
}

static bool take_room(struct wsm__command *command)
{
	if (!take_room_name(command, "room", "\"room\" must be a string"))
		return false;
	if (command->room.len == 0 && !take_room_name(command, "channel", "\"channel\" must be a string"))
		return false;
	if (command->room.len == 0 && !take_project(command))
		return false;
	if (command->room.len == 0)
		return bad_request(command, "a room is missing: give \"room\", \"channel\" or \"project_id\"");
	return wsm__room_name_valid(command->room) || no_room_name(command);
}

static bool take_since(struct wsm__command *command)
{
	const json_t *since = member(((struct storage *)command->storage)->root, "since");
	const json_t *epoch, *offset;

	if (!since)
		return true;
	epoch = member(since, "epoch");
	offset = member(since, "offset");
	if (!json_is_string(epoch) || !json_is_integer(offset) || json_integer_value(offset) < 0)
		return bad_request(command, "\"since\" must be {\"epoch\": string, \"offset\": integer from 0}");
	command->has_since = true;
	command->epoch = string_of(epoch);
	command->since = (uint64_t)json_integer_value(offset);
	return true;
}

static bool take_level(struct wsm__command *command)
{
	static const char sentence[] = "\"level\" must be debug, info, success, warning, error or critical";
	wsm_slice word = { NULL, 0 };
	int level;

	if (!take_string(command, "level", &word, sentence))
		return false;
	if (word.len == 0)
		return true;
	level = wsm_level_parse(word);
	if (level < 0)
		return bad_request(command, sentence);
	command->level = level;
	return true;
}

static bool take_limit(struct wsm__command *command, int least)
{
	const json_t *limit = member(((struct storage *)command->storage)->root, "limit");
	json_int_t number;

	if (!limit)
		return true;
	number = json_integer_value(limit);
	if (!json_is_integer(limit) || number < least)
		return bad_request(command, least ? "\"limit\" must be an integer from 1"
		                                  : "\"limit\" must be an integer from 0");
	command->has_limit = true;
	command->limit = number > UINT_MAX ? UINT_MAX : (unsigned)number;
	return true;
}

static bool take_data(struct wsm__command *command)
{
	/* Raw, so that the client's numbers keep their digits. Here null is a value. */
	if (!json_object_get(((struct storage *)command->storage)->root, "data"))
		return bad_request(command, "\"data\" is missing");
	return take_raw(command, "data", &command->data) &&
	       take_string(command, "type", &command->type, "\"type\" must be a non-empty string");
}

static bool take_fields(struct wsm__command *command)
{
	switch (command->action) {
	case WSM__ACTION_SUBSCRIBE:
		return take_since(command) && take_level(command);
	case WSM__ACTION_HISTORY:
		return take_since(command) && take_limit(command, 1);
	case WSM__ACTION_PRESENCE:
		return take_limit(command, 0) &&
		       take_string(command, "after", &command->after, "\"after\" must be a non-empty string");
	case WSM__ACTION_PUBLISH:
		return take_data(command);
	case WSM__ACTION_AUTH:
		if (!take_string(command, "token", &command->token, "\"token\" must be a non-empty string"))
			return false;
		return command->token.len > 0 || bad_request(command, "\"token\" is missing");
	default:
		return true;
	}
}

/* "id" as the client wrote it, so that it comes back digit by digit. */
static bool take_id(struct wsm__command *command)
{
	const json_t *id = member(((struct storage *)command->storage)->root, "id");

	if (!id)
		return true;
	if (!json_is_string(id) && !json_is_number(id))
		return command->action == WSM__ACTION_OTHER ||
		       bad_request(command, "\"id\" must be a string or a number");
	return take_raw(command, "id", &command->id);
}

static void read_object(struct wsm__command *command)
{
	const json_t *action = member(((struct storage *)command->storage)->root, "action");
	size_t i;

	if (json_is_string(action))
		command->name = string_of(action);
	i = find_action(command->name);
	if (i < N_ACTIONS)
		command->action = actions[i].action;
	if (!take_id(command) || i == N_ACTIONS)
		return;
	if (!actions[i].room || take_room(command))
		take_fields(command);
}

/*
 * Finds action and id of a message that is not JSON, so that the client can match the error. The name goes back as an escaped string,
 * so any text will do; the id goes back as JSON, so it must be JSON.
 */
static void salvage(struct wsm__command *command)
{
	struct storage *storage = command->storage;
	wsm_slice text = wsm__slice(storage->text, storage->len), value;
	size_t i;

	/* Decoded in the spare part of the storage: text is never longer than its JSON form. */
	if (wsm__json_get(text, "action", &value)) {
		char *out = storage->text + storage->len + 1;
		int n = wsm__json_string(value, out, storage->len);

		if (n > 0)
			command->name = wsm__slice(out, (size_t)n);
		i = find_action(command->name);
		if (i < N_ACTIONS)
			command->action = actions[i].action;
	}
	if (wsm__json_get(text, "id", &value) && value.len > 0 && value.data[0] != '{' && value.data[0] != '[') {
		json_t *id = json_loadb(value.data, value.len, JSON_DECODE_ANY, NULL);

		if (json_is_string(id) || json_is_number(id))
			command->id = value;
		json_decref(id);
	}
}

static bool keep_text(struct wsm__command *command, wsm_slice text)
{
	struct storage *storage;

	/* Twice the text, prefix and NULs: what project_room() and salvage() write is shorter than the text. */
	if (text.len > (SIZE_MAX - sizeof(*storage)) / 2 - sizeof(WSM__PROJECT))
		return false;
	storage = malloc(sizeof(*storage) + 2 * text.len + 1 + sizeof(WSM__PROJECT));
	if (!storage)
		return false;
	storage->root = NULL;
	storage->len = text.len;
	memcpy(storage->text, text.data, text.len);
	storage->text[text.len] = '\0';
	command->storage = storage;
	return true;
}

void wsm__command_parse(struct wsm__command *command, wsm_slice text)
{
	struct storage *storage;
	json_error_t reason;

	memset(command, 0, sizeof(*command));
	command->level = WSM_LEVEL_NONE;
	text = wsm__json_trim(text);
	if (text.len == 0 || (text.data[0] != '{' && text.data[0] != '[')) {
		bool ping = wsm__slice_is(text, "ping");

		command->action = ping ? WSM__ACTION_PING : WSM__ACTION_TEXT;
		command->name = wsm__str(ping ? "ping" : NULL);
		return;
	}
	command->action = WSM__ACTION_OTHER;
	if (!keep_text(command, text)) {
		fail(command, "internal", "out of memory");
		return;
	}
	storage = command->storage;
	if (!wsm__json_depth_within(text, WSM__COMMAND_MAX_DEPTH)) {
		/* Check this before the parser, which recurses. */
		fail(command, "bad_json", "the message nests arrays and objects more than 32 deep");
		salvage(command);
		return;
	}
	if (memchr(text.data, '\0', text.len)) {
		/* jansson 2.14 does not see a NUL after a number. */
		fail(command, "bad_json", "the message has a NUL byte in it");
		salvage(command);
		return;
	}
	storage->root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &reason);
	if (!storage->root) {
		if (json_error_code(&reason) == json_error_out_of_memory)
			fail(command, "internal", "out of memory");
		else if (json_error_code(&reason) == json_error_duplicate_key)
			fail(command, "bad_json", "the message has an object with the same key twice");
		else
			fail(command, "bad_json", not_json);
		salvage(command);
		return;
	}
	if (json_is_object(storage->root)) /* an array is the application's to understand */
		read_object(command);
}

void wsm__command_fini(struct wsm__command *command)
{
	struct storage *storage = command->storage;

	if (!storage)
		return;
	json_decref(storage->root);
	free(storage);
	command->storage = NULL;
}
