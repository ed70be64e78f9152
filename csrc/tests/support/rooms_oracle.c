/* What each client must see, and what must hold inside the registry. */
#include "rooms_model.h"

#include <stdio.h>
#include <string.h>

#define GAP_BYTES 16 /* of the gap that a refill ends with, at most */

void model_fault(struct model *model, const char *format, ...)
{
	va_list args;

	if (model->fault[0])
		return;
	va_start(args, format);
	vsnprintf(model->fault, sizeof(model->fault), format, args);
	va_end(args);
}

bool oracle_is_for(const struct entry *entry, const struct client *client, int level)
{
	return (!entry->level || entry->level >= level) && !(entry->excluded & 1u << client->number);
}

uint64_t oracle_first(const struct model *model, const struct incarnation *incarnation)
{
	const struct wsm__history_limits *limits = &model->registry.history;
	uint64_t first = incarnation->last + 1;
	size_t bytes = 0, count = 0;

	while (first > 1) {
		const struct entry *entry = &model->log[incarnation->entries[first - 2]];

		bytes += entry->frame_len;
		if (++count > limits->size || (count > 1 && bytes > limits->bytes) ||
		    model->now - entry->at_ms >= limits->ttl_ms)
			break;
		first--;
	}
	return first;
}

/* Goes to `position`, over nothing that is for the client. */
static void skip_to(struct model *model, const struct client *client, int i, uint64_t position, const char *why)
{
	const struct incarnation *incarnation = &model->incarnations[i];
	const struct view *view = &client->views[i];

	for (uint64_t offset = view->position + 1; offset <= position; offset++) {
		if (oracle_is_for(&model->log[incarnation->entries[offset - 1]], client, view->level)) {
			model_fault(model, "client %u, room %d: %llu is missing (position %llu, %s %llu)",
			            client->number, i, (unsigned long long)offset, (unsigned long long)view->position,
			            why, (unsigned long long)position);
			return;
		}
	}
}

static struct view *view_of(struct model *model, struct client *client, int i)
{
	struct view *view = &client->views[i];

	if (!view->known && client->firehose && model->incarnations[i].visible && i >= (int)client->n_incarnations)
		*view = (struct view){ .known = true, .joined = true, .level = client->level };
	return view;
}

/* Inside a room, all come in the order in which they were published; but for conflated ones, which take older ones' places. */
static void check_order(struct model *model, struct client *client, struct view *view, const struct entry *entry)
{
	if (entry->conflate)
		return;
	if (entry->seq < view->seq)
		model_fault(model, "client %u, room %d: publication %u comes after a later one", client->number,
		            entry->incarnation, (unsigned)(entry - model->log));
	view->seq = entry->seq;
}

static void receive_positioned(struct model *model, struct client *client, const struct entry *entry)
{
	struct view *view = view_of(model, client, entry->incarnation);

	if (!view->joined)
		model_fault(model, "client %u gets %llu of room %d and is no member", client->number,
		            (unsigned long long)entry->offset, entry->incarnation);
	else if (!oracle_is_for(entry, client, view->level))
		model_fault(model, "client %u gets %llu of room %d, which is not for it", client->number,
		            (unsigned long long)entry->offset, entry->incarnation);
	else if (entry->offset <= view->position)
		model_fault(model, "client %u gets %llu of room %d again (position %llu)", client->number,
		            (unsigned long long)entry->offset, entry->incarnation, (unsigned long long)view->position);
	else
		skip_to(model, client, entry->incarnation, entry->offset - 1, "then");
	check_order(model, client, view, entry);
	view->position = entry->offset;
	client->received[entry->incarnation]++;
}

static void receive_plain(struct model *model, struct client *client, struct entry *entry)
{
	unsigned bit = 1u << client->number;
	unsigned long long number = (unsigned long long)(entry - model->log);

	if (entry->received & bit)
		model_fault(model, "client %u gets publication %llu twice", client->number, number);
	else if (!(entry->may & bit))
		model_fault(model, "client %u gets publication %llu, which is not for it", client->number, number);
	else if (entry->incarnation >= 0 && !view_of(model, client, entry->incarnation)->joined)
		model_fault(model, "client %u gets publication %llu after it has left", client->number, number);
	else if (entry->incarnation >= 0)
		check_order(model, client, view_of(model, client, entry->incarnation), entry);
	for (uint32_t i = (uint32_t)number + 1; entry->conflate && i < model->n_log; i++)
		if (model->log[i].conflate && model->log[i].key == entry->key && (model->log[i].received & bit))
			model_fault(model, "client %u gets publication %llu after the newer %u of its key",
			            client->number, number, i);
	entry->received |= bit;
	entry->owed &= ~bit;
}

static void receive_note(struct model *model, struct client *client, const struct note *note)
{
	int i = note->incarnation;
	struct view *view = i >= 0 ? view_of(model, client, i) : NULL;

	switch (note->kind) {
	case NOTE_GREETING:
		if (client->greeted)
			model_fault(model, "client %u is greeted twice", client->number);
		client->greeted = true;
		client->n_incarnations = note->n_incarnations;
		memset(client->views, 0, sizeof(client->views));
		for (i = 0; client->firehose && i < (int)INCARNATIONS; i++)
			if (note->positions[i] != UINT64_MAX)
				client->views[i] =
					(struct view){ true, true, false, note->positions[i], client->level, 0 };
		break;
	case NOTE_SUBSCRIBED:
		if (note->fresh && note->received != client->received[i])
			model_fault(model, "client %u, room %d: messages came that will be repeated", client->number,
			            i);
		if (note->already && note->position < view->position)
			model_fault(model, "client %u, room %d: the answer names %llu, and it has %llu", client->number,
			            i, (unsigned long long)note->position, (unsigned long long)view->position);
		if (note->already && !note->gap)
			skip_to(model, client, i, note->position, "subscribed at");
		*view = (struct view){
			true, true, note->gap, note->position, note->level, note->already ? view->seq : 0
		};
		break;
	case NOTE_UNSUBSCRIBED:
		if (!client->firehose || !model->incarnations[i].visible)
			view->joined = false;
		break;
	case NOTE_GAP:
		if (!view->joined)
			model_fault(model, "client %u is told of a gap in room %d and is no member", client->number, i);
		/* Of the firehose's gaps it is not known whether anything in them was for this client. */
		if (!client->firehose && note->position <= view->position)
			model_fault(model, "client %u is told of a gap in room %d to %llu, and has %llu",
			            client->number, i, (unsigned long long)note->position,
			            (unsigned long long)view->position);
		view->gap = false;
		if (note->position > view->position)
			view->position = note->position;
		break;
	case NOTE_BEAT:
		break;
	}
}

void oracle_receive(struct model *model, struct client *client, const struct wsm__pub *pub)
{
	wsm_slice payload = wsm__pub_payload(pub);
	uint32_t number;

	memcpy(&number, payload.data + 1, sizeof(number));
	if (payload.data[0] == 'N') {
		receive_note(model, client, model->notes[number]);
		return;
	}
	model->received++;
	if (!client->greeted)
		model_fault(model, "client %u gets a publication before its greeting", client->number);
	if (pub->offset != model->log[number].offset)
		model_fault(model, "publication %u has another offset", number);
	if (pub->offset)
		receive_positioned(model, client, &model->log[number]);
	else
		receive_plain(model, client, &model->log[number]);
}

static void check_client(struct model *model, struct client *client)
{
	const struct wsm__sub *sub = &client->sub;
	const struct wsm__outbox *outbox = &sub->outbox;
	const struct wsm__member *member;
	size_t held = 0, bytes = 0, bound = model->registry.max_queue / 2 + model->largest + GAP_BYTES;
	uint32_t conflatable = 0, members = 0, lagging = 0;

	for (uint32_t i = 0; i < outbox->count; i++) {
		bytes += wsm__outbox_at(outbox, i)->frame_len;
		conflatable += wsm__outbox_at(outbox, i)->conflate;
	}
	if (bytes != outbox->bytes || conflatable != outbox->conflatable)
		model_fault(model, "client %u: the sums of its outbox are wrong", client->number);
	if (bound < model->registry.max_queue)
		bound = model->registry.max_queue;
	if (outbox->count > 1 && bytes > bound)
		model_fault(model, "client %u: %zu bytes in %u messages wait", client->number, bytes, outbox->count);
	held += sub->held ? sub->held->bytes : 0;
	for (member = sub->members; member; member = member->next) {
		members++;
		lagging += member->lagging;
		held += member->held ? member->held->bytes : 0;
		if (member->held && member->held->count && !member->lagging)
			model_fault(model, "client %u: something is held back for ever", client->number);
		if (member->room->members[member->index] != member)
			model_fault(model, "client %u: a member's index is wrong", client->number);
	}
	if (held != sub->held_bytes)
		model_fault(model, "client %u: the sum of what is held back is wrong", client->number);
	if (held > model->registry.max_queue && held > model->largest)
		model_fault(model, "client %u: %zu bytes are held back", client->number, held);
	if (members != sub->n_members || lagging != sub->n_lagging)
		model_fault(model, "client %u: the counts of its members are wrong", client->number);
	/* Who has something to be written, or to be refilled, is on a list or waits for its socket. */
	if (client->open && !client->choked && !sub->dirty && (outbox->count || sub->overflow || wsm__sub_lags(sub)))
		model_fault(model, "client %u is forgotten: %u wait, lagging %d", client->number, outbox->count,
		            wsm__sub_lags(sub));
}

static uint64_t waiting_for(const struct wsm__sub *sub)
{
	const struct wsm__member *member;
	uint64_t waiting = sub->replay_count - sub->replay_at + (sub->held ? sub->held->count : 0);

	for (uint32_t k = 0; k < sub->outbox.count; k++)
		waiting += !wsm__outbox_at(&sub->outbox, k)->control;
	for (member = sub->members; member; member = member->next)
		waiting += member->held ? member->held->count : 0;
	return waiting;
}

/* How many publications in histories are still owed to the client, by its members' positions. */
static uint64_t lagging_for(const struct model *model, const struct wsm__sub *sub)
{
	const struct wsm__member *member;
	const struct wsm__room *room;
	uint64_t lagging = 0;

	for (room = model->registry.rooms; room; room = room->hh.next) {
		const struct wsm__history *history = &room->history;

		for (uint64_t i = wsm__history_first(history); i <= history->last; i++) {
			const struct wsm__pub *pub = wsm__history_at(history, i);
			bool firehose = sub->firehose && room->visible;

			for (member = firehose ? NULL : sub->members; member; member = member->next)
				if (member->room == room && member->lagging && i > member->position)
					lagging += wsm__pub_is_wanted(pub, sub, member->level);
			if (firehose && sub->firehose_lagging && pub->seq > sub->firehose_seq)
				lagging += wsm__pub_is_wanted(pub, sub, sub->firehose_level);
		}
	}
	return lagging;
}

/* deliveries = written + dropped + conflated + pending, and each of them is what the clients and queues show. */
static void check_deliveries(struct model *model)
{
	const uint64_t *fates = model->registry.deliveries.fates;
	const struct wsm__room *room;
	uint64_t waiting = 0, lagging = 0, at_publications = 0;

	for (unsigned i = 0; i < CLIENTS; i++) {
		waiting += waiting_for(&model->clients[i].sub);
		lagging += lagging_for(model, &model->clients[i].sub);
	}
	for (room = model->registry.rooms; room; room = room->hh.next)
		for (uint64_t i = wsm__history_first(&room->history); i <= room->history.last; i++)
			at_publications += wsm__history_at(&room->history, i)->lagging;
	if (fates[WSM__WAITING] != waiting)
		model_fault(model, "%llu are said to wait, and %llu do", (unsigned long long)fates[WSM__WAITING],
		            (unsigned long long)waiting);
	if (fates[WSM__LAGGING] != lagging || at_publications != lagging)
		model_fault(model, "%llu (%llu) are said to lag, and %llu do", (unsigned long long)fates[WSM__LAGGING],
		            (unsigned long long)at_publications, (unsigned long long)lagging);
	if (fates[WSM__WRITTEN] != model->received)
		model_fault(model, "%llu are said to be written, and %llu came",
		            (unsigned long long)fates[WSM__WRITTEN], (unsigned long long)model->received);
	if (wsm__deliveries_total(fates) !=
	    waiting + lagging + model->received + fates[WSM__CONFLATED] + wsm__deliveries_dropped(fates))
		model_fault(model, "the deliveries do not add up");
}

void oracle_check(struct model *model)
{
	const struct wsm__registry_stats *stats = &model->registry.stats;

	for (unsigned i = 0; i < CLIENTS; i++)
		check_client(model, &model->clients[i]);
	check_deliveries(model);
	if (stats->published != model->published)
		model_fault(model, "published says %llu", (unsigned long long)stats->published);
	if (stats->gaps != model->gaps)
		model_fault(model, "gaps says %llu", (unsigned long long)stats->gaps);
}

void oracle_check_end(struct model *model)
{
	for (unsigned k = 0; k < CLIENTS; k++) {
		struct client *client = &model->clients[k];

		if (!client->open)
			continue;
		if (client->sub.outbox.count || wsm__sub_lags(&client->sub))
			model_fault(model, "client %u has not come to an end", k);
		for (unsigned i = 0; i < model->n_incarnations; i++)
			if (view_of(model, client, (int)i)->joined && view_of(model, client, (int)i)->gap)
				model_fault(model, "client %u was never told of a gap in room %u", k, i);
			else if (view_of(model, client, (int)i)->joined)
				skip_to(model, client, (int)i, model->incarnations[i].last, "at the end");
		for (uint32_t i = 0; i < model->n_log; i++)
			if (model->log[i].owed & 1u << k)
				model_fault(model, "client %u never got publication %u", k, i);
	}
}
