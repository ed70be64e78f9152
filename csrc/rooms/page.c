/* Asks for pages of a log, takes them, and uses them up. */
#include "rooms/page.h"

#include <stdlib.h>
#include <string.h>

static void release(struct wsm__member *member)
{
	while (member->page_at < member->page_count)
		wsm__pub_unref(member->page[member->page_at++]);
	free(member->page);
	member->page = NULL;
	member->page_at = member->page_count = 0;
}

void wsm__page_pop(struct wsm__member *member)
{
	wsm__pub_unref(member->page[member->page_at++]);
	if (member->page_at == member->page_count)
		release(member);
}

void wsm__page_ask(struct wsm__registry *registry, struct wsm__member *member)
{
	if (!member->read && registry->read)
		registry->read(registry->log_context, member);
}

static void wait_no_longer(struct wsm__member *member)
{
	if (!member->read)
		return;
	DL_DELETE2(member->read->members, member, read_prev, read_next);
	member->read = NULL;
}

/* If the log cannot read a page, the member has a gap up to the first publication of history. */
static void pass_over(struct wsm__registry *registry, struct wsm__member *member)
{
	uint64_t upto = wsm__history_first(&member->room->history) - 1;

	if (upto <= member->position)
		return;
	registry->stats.gaps++;
	if (registry->gap)
		registry->gap(registry->gap_context, member->sub, member->room, upto, upto - member->position);
	member->position = member->from = upto;
	wsm__page_pay(registry, member, WSM__DROPPED_GAP);
}

/* ---- the books ----------------------------------------------------------------------------------------------------- */

struct wsm__owed_tally {
	struct wsm__owed_tally *next;
	uint64_t offset;
	struct wsm__tally *tally; /* reference */
};

/* Lets the report go on when the log has read it; without memory for that, the report does not wait. */
static void owe_tally(struct wsm__member *member, struct wsm__pub *pub, struct wsm__deliveries *deliveries)
{
	struct wsm__owed_tally *owed = pub->tally ? malloc(sizeof(*owed)) : NULL;

	if (owed) {
		owed->offset = pub->offset;
		owed->tally = pub->tally;
		pub->tally->refs++;
		LL_PREPEND(member->owed_tallies, owed);
	} else if (pub->tally) {
		wsm__tally_move(deliveries, pub->tally, WSM__LAGGING, WSM__NEW);
	}
}

/* Gives a publication from the log the tally of the one that history has let go. */
static void take_tally(struct wsm__member *member, struct wsm__pub *pub)
{
	struct wsm__owed_tally *owed;

	LL_FOREACH(member->owed_tallies, owed) {
		if (owed->offset == pub->offset)
			break;
	}
	if (!owed)
		return;
	LL_DELETE(member->owed_tallies, owed);
	if (pub->tally)
		wsm__tally_unref(owed->tally);
	else
		pub->tally = owed->tally;
	free(owed);
}

void wsm__page_owe(struct wsm__room *room, struct wsm__pub *pub)
{
	for (uint32_t i = 0; i < room->n_members && pub->lagging; i++) {
		struct wsm__member *member = room->members[i];

		if (!member->lagging || member->position >= pub->offset ||
		    !wsm__pub_is_wanted(pub, member->sub, member->level))
			continue;
		if (!member->owed_from)
			member->owed_from = pub->offset;
		member->owed++;
		owe_tally(member, pub, room->history.deliveries);
		pub->lagging--;
	}
}

static bool is_owed(const struct wsm__member *member, const struct wsm__pub *pub)
{
	return member->owed_from && pub->offset >= member->owed_from;
}

static void count(struct wsm__registry *registry, struct wsm__member *member, struct wsm__pub *pub)
{
	if (is_owed(member, pub) && member->owed) { /* it was counted when it was published */
		member->owed--;
		pub->lagging++;
		take_tally(member, pub);
		return;
	}
	wsm__fate(&registry->deliveries, pub, WSM__NEW, WSM__LAGGING);
	registry->deliveries.replayed++;
}

static void uncount(struct wsm__registry *registry, struct wsm__member *member, struct wsm__pub *pub,
                    enum wsm__fate fate)
{
	bool again = fate == WSM__NEW && !is_owed(member, pub);

	wsm__fate(&registry->deliveries, pub, WSM__LAGGING,
	          again              ? WSM__NEW
	          : fate == WSM__NEW ? WSM__DROPPED_LEFT
	                             : fate);
	registry->deliveries.replayed -= again;
}

/* ---- a page -------------------------------------------------------------------------------------------------------- */

void wsm__page_take(struct wsm__registry *registry, struct wsm__member *member, struct wsm__pub **pubs, uint32_t n)
{
	wait_no_longer(member);
	release(member);
	member->page = pubs && n ? malloc(n * sizeof(*pubs)) : NULL;
	if (!member->page) {
		pass_over(registry, member);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		member->page[i] = wsm__pub_ref(pubs[i]);
		if (wsm__pub_is_wanted(pubs[i], member->sub, member->level))
			count(registry, member, pubs[i]);
	}
	member->page_count = n;
}

void wsm__page_forget(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate)
{
	wait_no_longer(member);
	for (uint32_t i = member->page_at; i < member->page_count; i++)
		if (wsm__pub_is_wanted(member->page[i], member->sub, member->level))
			uncount(registry, member, member->page[i], fate);
	release(member);
	wsm__page_pay(registry, member, fate == WSM__NEW ? WSM__DROPPED_LEFT : fate);
}

void wsm__page_pay(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate)
{
	struct wsm__owed_tally *owed;

	registry->deliveries.fates[WSM__LAGGING] -= member->owed;
	registry->deliveries.fates[fate] += member->owed;
	member->owed = member->owed_from = 0;
	while ((owed = member->owed_tallies) != NULL) {
		LL_DELETE(member->owed_tallies, owed);
		wsm__tally_move(&registry->deliveries, owed->tally, WSM__LAGGING, fate);
		wsm__tally_unref(owed->tally);
		free(owed);
	}
}
