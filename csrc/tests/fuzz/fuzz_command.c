/* Clients' messages: whatever comes, the command is consistent with what the JSON parser says of the text. */
#include "check.h"

#include <jansson.h>

#include "wire/command.h"
#include "wire/name.h"

static void check_error(const struct wsm__command *command)
{
	CHECK(command->error && command->error[0] != '\0');
	CHECK(strcmp(command->error_code, "bad_json") == 0 || strcmp(command->error_code, "bad_request") == 0 ||
	      strcmp(command->error_code, "room_invalid") == 0);
}

/* Goes back to the client as it is. */
static void check_id(wsm_slice id)
{
	json_t *value;

	if (id.len == 0)
		return;
	value = json_loadb(id.data, id.len, JSON_DECODE_ANY, NULL);
	CHECK(json_is_string(value) || json_is_number(value));
	json_decref(value);
}

static void check_accepted(const struct wsm__command *command, wsm_slice text)
{
	json_t *root, *data;

	if (command->action == WSM__ACTION_TEXT || command->storage == NULL)
		return;
	root = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	CHECK(json_is_object(root) || (json_is_array(root) && command->name.len == 0 && command->id.len == 0));
	CHECK((command->action == WSM__ACTION_OTHER) == !wsm__command_is_core(command->name));
	if (command->room.len > 0)
		CHECK(wsm__room_name_valid(command->room));
	if (command->action == WSM__ACTION_PUBLISH) {
		data = json_loadb(command->data.data, command->data.len, JSON_DECODE_ANY, NULL);
		CHECK(data && json_equal(data, json_object_get(root, "data")));
		json_decref(data);
	}
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wsm_slice text = exact(data, size), original = exact(data, size);
	struct wsm__command command;

	wsm__command_parse(&command, text);
	drop(text); /* nothing of the command may point into it */
	CHECK(wsm__utf8_valid(command.name));
	check_id(command.id);
	if (command.error_code)
		check_error(&command);
	else
		check_accepted(&command, original);
	wsm__command_fini(&command);
	drop(original);
	return 0;
}
