/* name.h - the grammar of room names (docs/protocol.md, "Rooms"). */
#ifndef WSM_WIRE_NAME_H
#define WSM_WIRE_NAME_H

#include "ws_manager.h"

#define WSM__ROOM_NAME_MAX 128
#define WSM__ID_MAX 120   /* user, session, client ids: bytes */
#define WSM__ONCE_MAX 128 /* `once` of a publication: bytes */
/* Of a char[] that holds the name of any room, the core's own too ("@session:" and an id), with its NUL. */
#define WSM__ROOM_SIZE 136
/* The name of a project's room is this and an id. */
#define WSM__PROJECT "project:"

/* 1-128 bytes of UTF-8 without control characters (C0, DEL, C1), spaces (Unicode White_Space) or '*', not beginning with '@'. */
bool wsm__room_name_valid(wsm_slice name);
/* 1-120 bytes of UTF-8 without control characters. */
bool wsm__id_valid(wsm_slice id);
/* 1-128 bytes of UTF-8 without control characters. */
bool wsm__once_valid(wsm_slice once);
/* Whether a room is a project's; `*id` is its id then. */
bool wsm__room_project(wsm_slice room, wsm_slice *id);

#endif
