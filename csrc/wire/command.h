/* command.h - what clients send (docs/protocol.md, "What a client may send"). No I/O. */
#ifndef WSM_WIRE_COMMAND_H
#define WSM_WIRE_COMMAND_H

#include "ws_manager.h"

#define WSM__COMMAND_MAX_DEPTH 32 /* nesting of arrays and objects in a client's message */

enum wsm__action {
	WSM__ACTION_PING,
	WSM__ACTION_SUBSCRIBE,
	WSM__ACTION_UNSUBSCRIBE,
	WSM__ACTION_STATS,
	WSM__ACTION_AUTH,
	WSM__ACTION_HISTORY,
	WSM__ACTION_PRESENCE,
	WSM__ACTION_PUBLISH,
	WSM__ACTION_OTHER, /* a JSON object with another action, or with none (`action` is empty then) */
	WSM__ACTION_TEXT   /* text that does not begin with '{' or '[' and is not "ping" */
};

/* Result of a parse. Slices point into `storage`, which wsm__command_fini() releases. */
struct wsm__command {
	enum wsm__action action;
	wsm_slice name;       /* the action as the client wrote it */
	wsm_slice id;         /* "id" as JSON text: a string or a number; empty if absent */
	wsm_slice room;       /* from room, else channel, else project_id (then "project:<id>") */
	wsm_slice project_id; /* set where the room comes from it; an integer as its digits */
	wsm_slice token, type;
	wsm_slice data; /* "data" as JSON text, for publish */
	bool has_since;
	wsm_slice epoch; /* since.epoch */
	uint64_t since;  /* since.offset */
	bool has_limit;
	unsigned limit;  /* 0 if absent; presence may ask for 0 */
	wsm_slice after; /* presence: where the page before ended */
	int level;       /* wsm_level, WSM_LEVEL_NONE if absent */
	const char *
		error_code; /* static: "bad_json", "bad_request", "room_invalid", "internal" (no memory); NULL: success */
	const char *error; /* static sentence that goes with it */
	void *storage;
};

/*
 * Parses one text message; call wsm__command_fini() in any case. Sets `action`, `name` and `id` as far as it can read them, also on
 * error. "bad_json": broken JSON, duplicate keys, NUL, too deep. "bad_request": wrong types or missing fields for a core action,
 * or an array. "room_invalid": the room's name breaks the grammar. A null member counts as absent, except publish's data. Of
 * other actions it reads only "id", which stays empty unless it is a string or a number.
 */
void wsm__command_parse(struct wsm__command *command, wsm_slice text);
void wsm__command_fini(struct wsm__command *command);
/* Returns whether a word is one of the core's own actions. */
bool wsm__command_is_core(wsm_slice action);

#endif
