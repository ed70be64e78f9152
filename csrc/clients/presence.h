/* presence.h - answers who is in a room, and tells the room's members of changes. */
#ifndef WSM_CLIENTS_PRESENCE_H
#define WSM_CLIENTS_PRESENCE_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__core;

#define WSM__PRESENCE_LIMIT 100u      /* ids of each kind for a client that gives no limit */
#define WSM__PRESENCE_LIMIT_MAX 1000u /* highest limit */

struct wsm__presence_page {
	wsm_slice room;
	uint32_t limit;                        /* ids of each kind; 0: only the totals */
	uint32_t clients_before, users_before; /* where the page before ended */
};

/* Reads the `next` of an earlier answer, or "" for the first page. Returns false for any other text. */
bool wsm__presence_cursor(wsm_slice text, struct wsm__presence_page *page);
/* Appends {"room","clients_total","users_total","clients","users","next"}. */
void wsm__answer_presence(struct wsm__core *core, const struct wsm__presence_page *page, struct wsm__buffer *out);
/* Tells the members of rooms with presence_events of changes, if it is time. */
void wsm__presence_turn(struct wsm__core *core);

#endif
