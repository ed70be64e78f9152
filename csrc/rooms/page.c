/* Pages of a log: asked for, taken, used up. */
#include "rooms/page.h"

#include <stdlib.h>
#include <string.h>

#include "rooms/fanout.h"

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

/* What a log cannot give is a gap up to what history has. */
static void pass_over(struct wsm__registry *registry, struct wsm__member *member)
{
	uint64_t upto = wsm__history_first(&member->room->history) - 1;

	if (upto <= member->position)
		return;
	registry->stats.gaps++;
	if (registry->gap)
		registry->gap(registry->gap_context, member->sub, member->room, upto, upto - member->position);
	member->position = member->from = upto;
}

void wsm__page_take(struct wsm__registry *registry, struct wsm__member *member, struct wsm__pub **pubs, uint32_t n)
{
	wait_no_longer(member);
	wsm__mark_dirty(registry, member->sub, false);
	release(member);
	member->page = pubs && n ? malloc(n * sizeof(*pubs)) : NULL;
	if (!member->page) {
		pass_over(registry, member);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		member->page[i] = wsm__pub_ref(pubs[i]);
		if (!wsm__pub_is_wanted(pubs[i], member->sub, member->level))
			continue;
		wsm__fate(&registry->deliveries, pubs[i], WSM__NEW, WSM__LAGGING);
		registry->deliveries.replayed++;
	}
	member->page_count = n;
}

void wsm__page_forget(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate)
{
	wait_no_longer(member);
	for (uint32_t i = member->page_at; i < member->page_count; i++) {
		if (!wsm__pub_is_wanted(member->page[i], member->sub, member->level))
			continue;
		wsm__fate(&registry->deliveries, member->page[i], WSM__LAGGING, fate);
		if (fate == WSM__NEW)
			registry->deliveries.replayed--;
	}
	release(member);
}
