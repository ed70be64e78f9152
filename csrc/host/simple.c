#include "host/simple.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "host/queue.h"

struct wsm__simple *wsm__simple_new(enum wsm__command_kind kind, uint64_t number, wsm_slice a, wsm_slice b, wsm_slice c,
                                    wsm_slice d, const wsm_slice *rooms, size_t n_rooms)
{
	size_t bytes = a.len + b.len + c.len + d.len + 4;
	struct wsm__simple *command;
	struct wsm__arena arena;

	for (size_t i = 0; i < n_rooms; i++)
		bytes += rooms[i].len + 1;
	command = malloc(sizeof(*command) + n_rooms * sizeof(wsm_slice) + bytes);
	if (!command)
		return NULL;
	memset(command, 0, sizeof(*command));
	command->rooms = (wsm_slice *)(void *)(command + 1);
	command->n_rooms = n_rooms;
	arena.at = (char *)(command->rooms + n_rooms);
	command->head.kind = kind;
	command->head.bytes = sizeof(*command) + bytes;
	command->number = number;
	command->a = wsm__arena_copy(&arena, a);
	command->b = wsm__arena_copy(&arena, b);
	command->c = wsm__arena_copy(&arena, c);
	command->d = wsm__arena_copy(&arena, d);
	for (size_t i = 0; i < n_rooms; i++)
		command->rooms[i] = wsm__arena_copy(&arena, rooms[i]);
	return command;
}

int wsm__simple_post(wsm_runtime *runtime, struct wsm__simple *command, bool force, wsm_error *error)
{
	int status = command ? wsm__post(runtime, &command->head, force) : WSM_ENOMEM;

	if (!status)
		return WSM_OK;
	free(command);
	return wsm__fail(error, status, "%s", wsm_status_text(status));
}
