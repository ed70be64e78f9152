#include "host/lists.h"

#include "base/arena.h"
#include "base/error.h"
#include "policy/access.h"
#include "wire/name.h"

static int no_name(wsm_slice room, const char *list, const char *what, wsm_error *error)
{
	return wsm__fail(error, WSM_EROOM, "room \"%.*s\" in %s is no valid name of a public room%s",
	                 (int)(room.len > 60 ? 60 : room.len), room.data ? room.data : "", list, what);
}

int wsm__lists_check(const struct wsm__lists *lists, wsm_error *error)
{
	static const char *const or_pattern = ", nor the beginning of one followed by *";
	int status = WSM_OK;

	for (size_t i = 0; i < lists->n_rooms && !status; i++)
		if (!wsm__room_name_valid(lists->rooms[i]))
			status = no_name(
				lists->rooms[i], "rooms",
				wsm__access_pattern_valid(lists->rooms[i])
			                ? "; rooms are joined: to let many be subscribed to, name them in subscribe"
			                : "",
				error);
	for (size_t i = 0; i < lists->n_subscribe && !status; i++)
		if (!wsm__access_pattern_valid(lists->subscribe[i]))
			status = no_name(lists->subscribe[i], "subscribe", or_pattern, error);
	for (size_t i = 0; i < lists->n_publish && !status; i++)
		if (!wsm__access_pattern_valid(lists->publish[i]))
			status = no_name(lists->publish[i], "publish", or_pattern, error);
	return status;
}

wsm_slice wsm__lists_at(const struct wsm__lists *lists, size_t i)
{
	if (i < lists->n_rooms)
		return lists->rooms[i];
	i -= lists->n_rooms;
	if (i < lists->n_subscribe)
		return lists->subscribe[i];
	i -= lists->n_subscribe;
	return i < lists->n_publish ? lists->publish[i] : lists->welcome[i - lists->n_publish];
}

size_t wsm__lists_bytes(const struct wsm__lists *lists)
{
	size_t bytes = 0;

	for (size_t i = 0; i < wsm__lists_count(lists); i++)
		bytes += wsm__lists_at(lists, i).len + 1;
	return bytes;
}

struct wsm__lists wsm__lists_copy(const struct wsm__lists *lists, wsm_slice *slices, struct wsm__arena *arena)
{
	struct wsm__lists copy = *lists;

	for (size_t i = 0; i < wsm__lists_count(lists); i++)
		slices[i] = wsm__arena_copy(arena, wsm__lists_at(lists, i));
	copy.rooms = slices;
	copy.subscribe = slices + lists->n_rooms;
	copy.publish = copy.subscribe + lists->n_subscribe;
	copy.welcome = copy.publish + lists->n_publish;
	return copy;
}
