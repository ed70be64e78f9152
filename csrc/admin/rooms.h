/* rooms.h - the table of rooms. */
#ifndef WSM_ADMIN_ROOMS_H
#define WSM_ADMIN_ROOMS_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__core;
struct wsm__table_request;

bool wsm__admin_rooms(struct wsm__core *core, const struct wsm__table_request *request, struct wsm__buffer *out);

#endif
