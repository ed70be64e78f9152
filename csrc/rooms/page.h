/* page.h - pages of a room's log, for members whose position history no longer reaches. */
#ifndef WSM_ROOMS_PAGE_H
#define WSM_ROOMS_PAGE_H

#include "rooms/deliveries.h"
#include "rooms/registry.h"

/* Returns whether only the log has the member's next publication. */
static inline bool wsm__page_needed(const struct wsm__member *member)
{
	const struct wsm__room *room = member->room;

	return room->kept_from && member->position < room->history.last &&
	       member->position + 1 < wsm__history_first(&room->history);
}
/* Returns the next publication of its page, or NULL. Borrowed. */
static inline struct wsm__pub *wsm__page_next(const struct wsm__member *member)
{
	return member->page_at < member->page_count ? member->page[member->page_at] : NULL;
}
/* Returns whether the subscriber waits for a page. */
static inline bool wsm__sub_reads(const struct wsm__sub *sub)
{
	const struct wsm__member *member;

	DL_FOREACH(sub->members, member) {
		if (member->read)
			return true;
	}
	return false;
}
/* Removes the next publication of the page. */
void wsm__page_pop(struct wsm__member *member);
/* Asks the log for the page after the member's position, unless it waits for one. */
void wsm__page_ask(struct wsm__registry *registry, struct wsm__member *member);
/*
 * Gives a member the page that it waited for: copies the list, with references, and marks the subscriber dirty.
 * `pubs` NULL: the log could not read it, and the member finds a gap.
 */
void wsm__page_take(struct wsm__registry *registry, struct wsm__member *member, struct wsm__pub **pubs, uint32_t n);
/* history.owed: makes the members that must still get a publication read it from the log. */
void wsm__page_owe(struct wsm__room *room, struct wsm__pub *pub);
/* Moves the deliveries that the member is owed to `fate`: they do not come any more, or are gone. */
void wsm__page_pay(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate);
/* Drops the member's page, and the wait for one: its publications go to `fate`. */
void wsm__page_forget(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate);

#endif
