/* oracle.c - see oracle.h. */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

#include "ws_scan.h"

void oracle_fault(struct oracle *oracle, const struct oracle_place *place, uint64_t *count, uint64_t by,
                  const char *what, const char *json)
{
	*count += by;
	if (oracle->first_fault[0] == '\0' || (count == &oracle->silent && *count == by))
		snprintf(oracle->first_fault, sizeof(oracle->first_fault), "client %u at %llu: %s: %.200s",
		         place->client, (unsigned long long)place->last, what, json);
}

void oracle_placed(struct oracle *oracle, struct oracle_place *place, const char *json)
{
	const char *verdict = wsc_scan_after(json, "\"recovered\"");
	char epoch[ORACLE_EPOCH_LEN];
	uint64_t offset;

	if (place->phase != ORACLE_ASKED || verdict == NULL || !wsc_scan_number(json, "\"offset\"", &offset) ||
	    !wsc_scan_text(json, "\"epoch\"", epoch, sizeof(epoch))) {
		oracle_fault(oracle, place, &oracle->wrong, 1, "a position that was not asked for, or is incomplete",
		             json != NULL ? json : "");
		return;
	}
	place->phase = ORACLE_IN;
	if (strncmp(verdict, "true", 4) == 0) {
		oracle->recovered++;
		if (!place->known || strcmp(epoch, place->epoch) != 0)
			oracle_fault(oracle, place, &oracle->wrong, 1, "recovered in an epoch that was not named",
			             json);
		return;
	}
	if (place->known) {
		oracle->told++;
		if (oracle->history > 0 && strcmp(epoch, place->epoch) == 0 && offset >= place->last &&
		    offset - place->last <= oracle->history)
			oracle_fault(oracle, place, &oracle->needless, 1, "not recovered, though history reaches back",
			             json);
	}
	place->known = true;
	place->last = offset;
	memcpy(place->epoch, epoch, sizeof(epoch));
}

void oracle_published(struct oracle *oracle, struct oracle_place *place, const char *json)
{
	uint64_t offset = 0, n;

	if (place->phase != ORACLE_IN && place->phase != ORACLE_LEAVING) {
		oracle_fault(oracle, place, &oracle->wrong, 1, "a message of a room that it is not in", json);
		return;
	}
	if (!wsc_scan_number(json, "\"offset\"", &offset) || !wsc_scan_number(json, "\"n\"", &n) || n != offset)
		oracle_fault(oracle, place, &oracle->wrong, 1, "another publication than the offset says", json);
	if (offset <= place->last)
		oracle_fault(oracle, place, &oracle->duplicates, 1, "a duplicate", json);
	else if (offset != place->last + 1)
		oracle_fault(oracle, place, &oracle->silent, offset - place->last - 1, "a silent gap", json);
	oracle->messages++;
	place->last = offset > place->last ? offset : place->last;
}

void oracle_left_out(struct oracle *oracle, struct oracle_place *place, const char *json)
{
	uint64_t offset, missed;

	oracle->gaps++;
	if (!wsc_scan_number(json, "\"offset\"", &offset) ||
	    (wsc_scan_number(json, "\"missed\"", &missed) && offset != place->last + missed)) {
		oracle_fault(oracle, place, &oracle->wrong, 1, "a gap that does not begin where the client is", json);
		return;
	}
	place->last = offset;
}
