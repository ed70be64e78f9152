/* oracle.c - see oracle.h. */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
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

/* ---- which message stands at an offset ---------------------------------------------------------------------------- */

struct oracle_seen {
	uint64_t place, message; /* hashes; place 0: free */
};

static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash ^ hash >> 29;
}

static struct oracle_seen *seen_at(struct oracle_seen *seen, uint64_t cap, uint64_t place)
{
	uint64_t i = (place * 0x9e3779b97f4a7c15u >> 20) & (cap - 1);

	while (seen[i].place && seen[i].place != place)
		i = (i + 1) & (cap - 1);
	return &seen[i];
}

static void grow(struct oracle *oracle)
{
	uint64_t cap = oracle->seen_cap ? oracle->seen_cap * 2 : 4096;
	struct oracle_seen *seen = calloc(cap, sizeof(*seen));

	if (seen == NULL)
		abort();
	for (uint64_t i = 0; i < oracle->seen_cap; i++)
		if (oracle->seen[i].place)
			*seen_at(seen, cap, oracle->seen[i].place) = oracle->seen[i];
	free(oracle->seen);
	oracle->seen = seen;
	oracle->seen_cap = cap;
}

static void remember(struct oracle *oracle, const struct oracle_place *place, uint64_t offset, const char *json)
{
	uint64_t room = (place->room + 1) * 0x9e3779b97f4a7c15u, message;
	uint64_t at = mix(room, place->epoch) ^ offset * 0xff51afd7ed558ccdu;
	struct oracle_seen *seen;
	char id[64];

	if (!wsc_scan_text(json, "\"message_id\"", id, sizeof(id))) {
		oracle_fault(oracle, place, &oracle->wrong, 1, "a message without an id", json);
		return;
	}
	if (oracle->n_seen * 2 >= oracle->seen_cap)
		grow(oracle);
	message = mix(0xcbf29ce484222325u, id);
	at += at == 0;
	seen = seen_at(oracle->seen, oracle->seen_cap, at);
	if (!seen->place) {
		*seen = (struct oracle_seen){ at, message };
		oracle->n_seen++;
	} else if (seen->message != message) {
		oracle_fault(oracle, place, &oracle->twice, 1, "an offset that was another message", json);
	}
}

/* ---- what comes --------------------------------------------------------------------------------------------------- */

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
	if (!wsc_scan_number(json, "\"offset\"", &offset) || !wsc_scan_number(json, "\"n\"", &n) ||
	    (n != offset && n != 0))
		oracle_fault(oracle, place, &oracle->wrong, 1, "another publication than the offset says", json);
	if (offset <= place->last)
		oracle_fault(oracle, place, &oracle->duplicates, 1, "a duplicate", json);
	else if (offset != place->last + 1)
		oracle_fault(oracle, place, &oracle->silent, offset - place->last - 1, "a silent gap", json);
	oracle->messages++;
	if (oracle->remembers)
		remember(oracle, place, offset, json);
	place->last = offset > place->last ? offset : place->last;
}

void oracle_left_out(struct oracle *oracle, struct oracle_place *place, const char *json)
{
	uint64_t offset, missed;
	char epoch[ORACLE_EPOCH_LEN];

	oracle->gaps++;
	if (wsc_scan_text(json, "\"epoch\"", epoch, sizeof(epoch)) && strcmp(epoch, place->epoch) != 0 &&
	    wsc_scan_number(json, "\"offset\"", &offset)) { /* the room has begun anew */
		memcpy(place->epoch, epoch, sizeof(epoch));
		place->last = offset;
		return;
	}
	if (!wsc_scan_number(json, "\"offset\"", &offset) ||
	    (wsc_scan_number(json, "\"missed\"", &missed) && offset != place->last + missed)) {
		oracle_fault(oracle, place, &oracle->wrong, 1, "a gap that does not begin where the client is", json);
		return;
	}
	place->last = offset;
}
