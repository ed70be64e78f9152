#include "rooms/deliveries.h"

#include <stdlib.h>

void wsm__tally_unref(struct wsm__tally *tally)
{
	if (tally && !--tally->refs)
		tally->free(tally);
}

void wsm__tally_move(struct wsm__deliveries *all, struct wsm__tally *tally, enum wsm__fate from, enum wsm__fate to)
{
	if (tally->final)
		return;
	tally->fates[from]--;
	tally->fates[to]++;
	if (tally->changed)
		return;
	tally->changed = true;
	tally->refs++;
	tally->next_changed = all->changed;
	all->changed = tally;
}
