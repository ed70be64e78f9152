#include "wire/name.h"

#include "base/slice.h"

_Static_assert(sizeof("@session:") + WSM__ID_MAX <= WSM__ROOM_SIZE, "the longest room of the core fits");
_Static_assert(sizeof(((wsm_delivery *)NULL)->room) == WSM__ROOM_SIZE, "what is told of a room is as long");

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

/* White_Space of the Unicode character database, without the control characters among it. */
static bool is_space(uint32_t c)
{
	return c == 0x20 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
	       c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool valid(wsm_slice text, size_t max, bool room)
{
	size_t at = 0;

	if (text.len == 0 || text.len > max)
		return false;
	while (at < text.len) {
		uint32_t c;
		size_t n = wsm__utf8_decode(text, at, &c);

		if (n == 0 || is_control(c) || (room && (c == '*' || is_space(c))))
			return false;
		at += n;
	}
	return true;
}

bool wsm__room_name_valid(wsm_slice name)
{
	return valid(name, WSM__ROOM_NAME_MAX, true) && name.data[0] != '@';
}

bool wsm__id_valid(wsm_slice id)
{
	return valid(id, WSM__ID_MAX, false);
}

bool wsm__once_valid(wsm_slice once)
{
	return valid(once, WSM__ONCE_MAX, false);
}

bool wsm__room_project(wsm_slice room, wsm_slice *id)
{
	const size_t prefix = sizeof(WSM__PROJECT) - 1;

	if (!wsm__slice_starts(room, WSM__PROJECT))
		return false;
	*id = wsm__slice(room.data + prefix, room.len - prefix);
	return true;
}
