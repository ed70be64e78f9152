/* The model's clients: coming, subscribing, resuming, and what they are told. */
#include "rooms_model.h"

#include <stdlib.h>
#include <string.h>

/* ---- rooms ------------------------------------------------------------------------------------------------------ */

static int incarnation_of(struct model *model, const struct wsm__room *room, unsigned name)
{
	struct incarnation *incarnation;

	for (unsigned i = 0; i < model->n_incarnations; i++)
		if (model->incarnations[i].room_id == room->id)
			return (int)i;
	incarnation = &model->incarnations[model->n_incarnations];
	incarnation->room_id = room->id;
	incarnation->name = name;
	incarnation->visible = room->visible;
	memcpy(incarnation->epoch, room->epoch, sizeof(incarnation->epoch));
	return (int)model->n_incarnations++;
}

struct wsm__room *model_room(struct model *model, unsigned name, int *incarnation)
{
	struct wsm__room *room = wsm__room_get(&model->registry, wsm__str(model_names[name]), model->now);

	room->settings.backlog = (enum wsm__backlog)model->backlogs[name];
	*incarnation = incarnation_of(model, room, name);
	return room;
}

/* ---- control messages ------------------------------------------------------------------------------------------- */

static struct note *note_new(struct model *model, enum note_kind kind, int incarnation)
{
	struct note *note = calloc(1, sizeof(*note));

	if (!note)
		abort();
	note->kind = kind;
	note->incarnation = incarnation;
	note->number = model->n_notes;
	model->notes = model_grow(model->notes, model->n_notes, sizeof(struct note *));
	model->notes[model->n_notes++] = note;
	return note;
}

struct wsm__pub *model_message(struct model *model, char kind, uint32_t number, size_t padding)
{
	size_t len = 1 + sizeof(number) + padding;
	char *text = calloc(1, len);
	struct wsm__pub *pub;

	if (!text)
		abort();
	text[0] = kind;
	memcpy(text + 1, &number, sizeof(number));
	pub = wsm__pub_new(WSM__BINARY, wsm__slice(text, len), false);
	free(text);
	if (pub->frame_len > model->largest)
		model->largest = pub->frame_len;
	return pub;
}

static void push_note(struct model *model, struct client *client, const struct note *note)
{
	struct wsm__pub *pub = model_message(model, 'N', note->number, 0);

	pub->control = true;
	if (note->kind == NOTE_GAP && !(client->firehose && model->incarnations[note->incarnation].visible))
		wsm__sub_put(&model->registry, &client->sub, pub);
	else
		wsm__sub_push(&model->registry, &client->sub, pub);
	wsm__pub_unref(pub);
}

void model_on_gap(void *context, struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, uint64_t missed)
{
	struct model *model = context;
	struct client *client = (struct client *)(void *)sub;
	unsigned name = 0;
	struct note *note;

	(void)missed;
	while (!wsm__slice_is(wsm__room_name(room), model_names[name]))
		name++;
	note = note_new(model, NOTE_GAP, incarnation_of(model, room, name));
	note->position = offset;
	model->gaps++;
	if (client->open)
		push_note(model, client, note);
	else
		client->stashed[client->n_stashed++] = note;
}

/* ---- coming and going ------------------------------------------------------------------------------------------- */

void client_close(struct model *model, struct client *client)
{
	if (!client->open)
		return;
	for (uint32_t i = 0; i < model->n_log; i++)
		model->log[i].owed &= ~(1u << client->number);
	wsm__sub_fini(&model->registry, &client->sub);
	wsm__sub_init(&client->sub);
	client->sub.client_id = wsm__str(client->id);
	client->sub.user_id = wsm__str(client->user);
	client->open = false;
}

static struct wsm__named *named_as(struct wsm__named *named, size_t n, const struct wsm__room *room)
{
	for (size_t i = 0; i < n; i++)
		if (named[i].room == room)
			return &named[i];
	return NULL;
}

/* A room that was not named goes on from the newest named position, or is told to have a gap. */
static void check_unnamed(struct model *model, struct client *client, int i, uint64_t newest, uint64_t position)
{
	const struct incarnation *incarnation = &model->incarnations[i];

	for (size_t k = 0; k < client->n_stashed; k++)
		if (client->stashed[k]->incarnation == i)
			return;
	for (uint64_t offset = 1; offset <= position; offset++) {
		const struct entry *entry = &model->log[incarnation->entries[offset - 1]];

		if (entry->seq > newest && oracle_is_for(entry, client, client->level))
			model_fault(model, "client %u resumes room %d at %llu, and %llu is newer than what it had",
			            client->number, i, (unsigned long long)position, (unsigned long long)offset);
	}
}

static void greet_firehose(struct model *model, struct client *client, struct note *greeting, struct wsm__named *named,
                           size_t n)
{
	uint64_t newest = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const struct incarnation *incarnation;

		if (!named[i].recovered)
			continue;
		any = true;
		incarnation = &model->incarnations[incarnation_of(model, named[i].room, 0)];
		if (named[i].since.offset && model->log[incarnation->entries[named[i].since.offset - 1]].seq > newest)
			newest = model->log[incarnation->entries[named[i].since.offset - 1]].seq;
	}
	for (unsigned i = 0; any && i < model->n_incarnations; i++) {
		const struct incarnation *gone = &model->incarnations[i];
		struct wsm__room *room = wsm__room_find(&model->registry, wsm__str(model_names[gone->name]));

		if (gone->visible && gone->last && (!room || room->id != gone->room_id) &&
		    model->log[gone->entries[gone->last - 1]].seq > newest)
			model_fault(model, "client %u recovers, and room %u went with news", client->number, i);
	}
	for (unsigned name = 0; name < NAMES; name++) {
		struct wsm__room *room = wsm__room_find(&model->registry, wsm__str(model_names[name]));
		struct wsm__named *row = room ? named_as(named, n, room) : NULL;
		int i = room ? incarnation_of(model, room, name) : 0;

		if (!room || !room->visible)
			continue;
		model->recovered += row && row->recovered;
		model->not_recovered += row && !row->recovered;
		greeting->positions[i] =
			row && row->recovered ? row->since.offset : wsm__firehose_position(&client->sub, room);
		if (any && !row)
			check_unnamed(model, client, i, newest, greeting->positions[i]);
		else if (!row && greeting->positions[i] != room->history.last)
			model_fault(model, "client %u does not begin at the end of room %d", client->number, i);
	}
}

static void open_firehose(struct model *model, struct client *client, struct note *greeting, bool resume)
{
	struct wsm__named named[NAMES];
	size_t n = 0;
	unsigned mask = resume ? model_byte(model) : 0;

	client->n_stashed = 0;
	wsm__firehose_join(&model->registry, &client->sub, client->level);
	for (unsigned i = 0; i < model->n_incarnations && n < NAMES; i++) {
		const struct incarnation *incarnation = &model->incarnations[i];
		struct wsm__room *room = wsm__room_find(&model->registry, wsm__str(model_names[incarnation->name]));

		if (!client->views[i].joined || !incarnation->visible || !(mask & 1u << incarnation->name))
			continue;
		if (room && named_as(named, n, room)) /* the client forgets the former life of a room */
			n = (size_t)(named_as(named, n, room) - named);
		named[n].room = room;
		named[n].since.epoch = wsm__str(incarnation->epoch);
		named[n++].since.offset = client->views[i].position;
	}
	if (n && wsm__firehose_resume(&model->registry, &client->sub, named, n, model->now))
		abort();
	greet_firehose(model, client, greeting, named, n);
}

void client_open(struct model *model, struct client *client, bool firehose, bool resume)
{
	struct note *greeting = note_new(model, NOTE_GREETING, -1);
	struct view views[INCARNATIONS];

	memcpy(views, client->views, sizeof(views));
	greeting->n_incarnations = model->n_incarnations;
	greeting->positions = malloc(INCARNATIONS * sizeof(uint64_t));
	if (!greeting->positions)
		abort();
	for (unsigned i = 0; i < INCARNATIONS; i++)
		greeting->positions[i] = UINT64_MAX;
	client->choked = client->greeted = false;
	client->firehose = firehose;
	client->level = firehose && model_byte(model) & 128 ? (int)model_pick(model, 7) : 0;
	if (firehose)
		open_firehose(model, client, greeting, resume);
	client->open = true;
	push_note(model, client, greeting);
	for (size_t i = 0; firehose && i < client->n_stashed; i++)
		push_note(model, client, client->stashed[i]);
	wsm__refill(&model->registry, &client->sub, model->now);
	for (unsigned i = 0; resume && i < model->n_incarnations; i++) {
		struct wsm__since since = { wsm__str(model->incarnations[i].epoch), views[i].position };

		if (views[i].joined && !(firehose && model->incarnations[i].visible))
			client_subscribe(model, client, model->incarnations[i].name, views[i].level, &since);
	}
}

/* ---- subscriptions ---------------------------------------------------------------------------------------------- */

static void check_joined(struct model *model, const struct client *client, int i, int level,
                         const struct wsm__since *since, const struct wsm__joined *joined, bool lagged)
{
	const struct incarnation *incarnation = &model->incarnations[i];
	bool firehose = client->firehose && incarnation->visible;
	bool can = since && wsm__slice_is(since->epoch, incarnation->epoch) && since->offset <= incarnation->last &&
	           since->offset + 1 >= oracle_first(model, incarnation);
	uint64_t replayed = 0;

	if (joined->recovered && !can)
		model_fault(model, "client %u, room %d: recovered from nowhere", client->number, i);
	if (can && !joined->recovered && !(firehose && lagged))
		model_fault(model, "client %u, room %d: not recovered from %llu", client->number, i,
		            (unsigned long long)since->offset);
	for (uint64_t offset = can ? since->offset + 1 : 1; joined->recovered && offset <= incarnation->last; offset++)
		replayed += oracle_is_for(&model->log[incarnation->entries[offset - 1]], client, level);
	if (joined->replayed != replayed)
		model_fault(model, "client %u, room %d: says it replays %llu", client->number, i,
		            (unsigned long long)joined->replayed);
	if (joined->offset > incarnation->last)
		model_fault(model, "client %u, room %d: the answer's offset is in the future", client->number, i);
}

/* A recovery takes back what waits: answers that are still on their way do not follow on what was received before. */
static void forget_answers(struct model *model, const struct client *client, int incarnation)
{
	for (uint32_t i = 0; i < client->sub.outbox.count; i++) {
		wsm_slice payload = wsm__pub_payload(wsm__outbox_at(&client->sub.outbox, i));
		uint32_t number;

		memcpy(&number, payload.data + 1, sizeof(number));
		if (payload.data[0] == 'N' && model->notes[number]->incarnation == incarnation)
			model->notes[number]->already = false;
	}
}

void client_subscribe(struct model *model, struct client *client, unsigned name, int level,
                      const struct wsm__since *since)
{
	bool lagged = wsm__sub_lags(&client->sub), firehose;
	struct wsm__joined joined;
	struct note *note;
	int i;
	struct wsm__room *room = model_room(model, name, &i);

	firehose = client->firehose && room->visible;
	level = firehose ? client->level : level;
	if (wsm__join(&model->registry, &client->sub, room, level, since, model->now, &joined))
		abort();
	check_joined(model, client, i, level, since, &joined, lagged);
	if (joined.recovered)
		forget_answers(model, client, i);
	model->recovered += joined.recovered;
	model->not_recovered += since && !joined.recovered;
	model->rewinds += firehose && joined.recovered;
	note = note_new(model, NOTE_SUBSCRIBED, i);
	note->already = (joined.already || firehose) && !joined.recovered;
	note->gap = firehose && !joined.recovered &&
	            room->history.evicted_seq > wsm__firehose_until(&model->registry, &client->sub);
	note->position = joined.recovered ? since->offset : joined.offset;
	note->fresh = joined.recovered && since->offset >= client->views[i].position;
	note->received = client->received[i];
	note->level = level;
	push_note(model, client, note);
	wsm__refill(&model->registry, &client->sub, model->now);
}

void client_subscribe_since(struct model *model, struct client *client)
{
	unsigned name = model_pick(model, NAMES), how = model_byte(model);
	int level = how & 128 ? (int)model_pick(model, 7) : 0, i;
	struct wsm__room *room = model_room(model, name, &i);
	struct wsm__since since = { wsm__str(room->epoch), client->views[i].position };

	switch (how % 5) {
	case 0:
		break;
	case 1:
		since.offset -= since.offset ? 1 : 0;
		break;
	case 2:
		since.offset = room->history.last;
		break;
	case 3:
		since.offset = room->history.last + 3 - model_pick(model, 8);
		break;
	default:
		since.epoch = wsm__str("another");
		break;
	}
	client_subscribe(model, client, name, level, &since);
}

void client_unsubscribe(struct model *model, struct client *client)
{
	int i;
	struct wsm__room *room = model_room(model, model_pick(model, NAMES), &i);
	struct wsm__member *member = wsm__member_find(&model->registry, room->id, &client->sub);

	/* What is held back until the refill has come as far is not to come any more. */
	for (uint32_t k = 0; member && member->held && k < member->held->count; k++) {
		uint32_t number;

		memcpy(&number, wsm__pub_payload(wsm__outbox_at(member->held, k)).data + 1, sizeof(number));
		model->log[number].owed &= ~(1u << client->number);
	}
	if (wsm__leave(&model->registry, &client->sub, room))
		push_note(model, client, note_new(model, NOTE_UNSUBSCRIBED, i));
}

void client_beat(struct model *model, struct client *client)
{
	push_note(model, client, note_new(model, NOTE_BEAT, -1));
}
