/* page.h - what a member catches up with from the log of its room, where history no longer reaches back. */
#ifndef WSM_ROOMS_PAGE_H
#define WSM_ROOMS_PAGE_H

#include "rooms/deliveries.h"
#include "rooms/registry.h"

/* Whether the next publication after its position is one that only the log has. */
static inline bool wsm__page_needed(const struct wsm__member *member)
{
	const struct wsm__room *room = member->room;

	return room->kept_from && member->position < room->history.last &&
	       member->position + 1 < wsm__history_first(&room->history);
}
/* The next publication of its page; NULL: there is none. Borrowed. */
static inline struct wsm__pub *wsm__page_next(const struct wsm__member *member)
{
	return member->page_at < member->page_count ? member->page[member->page_at] : NULL;
}
/* Whether the subscriber waits for a page. */
static inline bool wsm__sub_reads(const struct wsm__sub *sub)
{
	const struct wsm__member *member;

	DL_FOREACH(sub->members, member) {
		if (member->read)
			return true;
	}
	return false;
}
/* It is done with. */
void wsm__page_pop(struct wsm__member *member);
/* Asks the log for the page after its position, unless it waits for one. */
void wsm__page_ask(struct wsm__registry *registry, struct wsm__member *member);
/*
 * The page that a member waited for has come: copies the list, with references. The subscriber is to be written to.
 * `pubs` NULL: it could not be read, and the member finds a gap.
 */
void wsm__page_take(struct wsm__registry *registry, struct wsm__member *member, struct wsm__pub **pubs, uint32_t n);
/* history.owed: its members that are still to get it will read it. */
void wsm__page_owe(struct wsm__room *room, struct wsm__pub *pub);
/* What it was owed goes to `fate`: it does not come any more, or was found to be gone. */
void wsm__page_pay(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate);
/* Waits for none, and has none: what was still to come goes to `fate`. */
void wsm__page_forget(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate);

#endif
