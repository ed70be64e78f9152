/* The steps of the state machine. */
#include "rooms_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TTL_MS 1000u

const char *const model_names[NAMES] = { "a", "b", "c", "logs", "@all", "@user:u0" };

unsigned model_byte(struct model *model)
{
	return model->at < model->size ? model->data[model->at++] : 0;
}

unsigned model_pick(struct model *model, unsigned n)
{
	return model_byte(model) % n;
}

void *model_grow(void *array, uint32_t count, size_t size)
{
	if (count & (count - 1)) /* grows at powers of two */
		return array;
	array = realloc(array, (count ? count * 2 : 1) * size);
	if (!array)
		abort();
	return array;
}

/* ---- publishing ------------------------------------------------------------------------------------------------- */

static struct wsm__pub *new_publication(struct model *model, struct entry *entry)
{
	unsigned how = model_byte(model), more = model_byte(model), size = model_byte(model),
		 excluded = model_byte(model);
	size_t padding = size % 16;
	struct wsm__pub *pub;

	if (size >= 250)
		padding = model->registry.max_queue * (size % 4 + 1);
	else if (size >= 200)
		padding = model->registry.max_queue / (size % 8 + 2);
	memset(entry, 0, sizeof(*entry));
	pub = model_message(model, 'P', model->n_log, padding);
	pub->priority = (uint8_t)(WSM_CRITICAL + how % 3);
	pub->level = (uint8_t)(how & 64 ? more % 7 : 0);
	pub->key = how & 16 ? 1 + more / 8 % 2 : 0;
	pub->conflate = pub->key && (how & 32);
	if (excluded >= 192) {
		const struct client *who = &model->clients[excluded % CLIENTS];
		wsm_slice id = wsm__str(excluded & 32 ? who->id : who->user);

		pub->exclude = wsm__exclude_new(&id, 1);
		for (unsigned i = 0; i < CLIENTS; i++)
			if (i == who->number || (!(excluded & 32) && !strcmp(model->clients[i].user, who->user)))
				entry->excluded |= 1u << i;
	}
	entry->priority = pub->priority;
	entry->level = pub->level;
	entry->conflate = pub->conflate;
	entry->frame_len = pub->frame_len;
	entry->at_ms = model->now;
	return pub;
}

/* Who must get a publication without an offset: nobody who might be dropped, and of a key only the newest. */
static void owe(struct model *model, struct entry *entry, unsigned clients, enum wsm__backlog backlog)
{
	bool may_be_dropped = entry->priority == WSM_LOW || backlog == WSM__DROP_OLDEST || backlog == WSM__LATEST;

	entry->may = clients;
	entry->owed = may_be_dropped ? 0 : clients;
	for (uint32_t i = 0; entry->conflate && i < model->n_log; i++)
		if (model->log[i].conflate && model->log[i].key == entry->key)
			model->log[i].owed &= ~clients;
}

static void log_entry(struct model *model, const struct entry *entry, const struct wsm__pub *pub)
{
	struct incarnation *incarnation = entry->incarnation >= 0 ? &model->incarnations[entry->incarnation] : NULL;

	model->log = model_grow(model->log, model->n_log, sizeof(*model->log));
	model->log[model->n_log] = *entry;
	model->log[model->n_log].seq = pub->seq;
	model->log[model->n_log].offset = pub->offset;
	model->published++;
	if (pub->offset) {
		if (pub->offset != incarnation->last + 1)
			model_fault(model, "offset %llu follows %llu", (unsigned long long)pub->offset,
			            (unsigned long long)incarnation->last);
		incarnation->entries = model_grow(incarnation->entries, (uint32_t)incarnation->last, sizeof(uint32_t));
		incarnation->entries[incarnation->last++] = model->n_log;
	}
	model->n_log++;
}

static unsigned overflowed(const struct model *model)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		mask |= model->clients[i].sub.overflow ? 1u << i : 0;
	return mask;
}

static void publish(struct model *model)
{
	struct entry entry;
	struct wsm__pub *pub;
	unsigned name = model_pick(model, NAMES), audience = 0, before = overflowed(model), expected = 0, lost = 0,
		 all = 0;
	uint64_t dropped = model->registry.deliveries.fates[WSM__DROPPED_OVERFLOW], recipients;
	uint64_t deliveries = wsm__deliveries_total(model->registry.deliveries.fates);
	bool keep;
	int i;
	struct wsm__room *room = model_room(model, name, &i);

	pub = new_publication(model, &entry);
	if (room->settings.backlog == WSM__LATEST && pub->priority != WSM_CRITICAL) { /* as core/publish.c does */
		pub->conflate = entry.conflate = true;
		pub->key = pub->key ? pub->key : 3;
	}
	keep = !pub->conflate && model->registry.history.size && model_byte(model) % 4;
	pub->key = pub->key ? pub->key + 16 * room->id : 0;
	entry.key = pub->key;
	entry.incarnation = i;
	for (unsigned k = 0; k < CLIENTS; k++) {
		const struct client *client = &model->clients[k];
		const struct wsm__member *member = wsm__member_find(&model->registry, room->id, &client->sub);
		bool firehose = client->open && client->firehose && room->visible;

		if (!(member || firehose) || !oracle_is_for(&entry, client, firehose ? client->level : member->level))
			continue;
		all++;
		if (!(before & 1u << k))
			audience |= 1u << k;
	}
	if (!keep)
		owe(model, &entry, audience, (enum wsm__backlog)room->settings.backlog);
	recipients = wsm__room_publish(&model->registry, room, pub, keep ? room->history.last + 1 : 0, model->now);
	log_entry(model, &entry, pub);
	for (unsigned k = 0; k < CLIENTS; k++) {
		expected += (audience & 1u << k) != 0;
		lost += (overflowed(model) & ~before & 1u << k) != 0;
	}
	if (recipients > expected ||
	    recipients + lost + (model->registry.deliveries.fates[WSM__DROPPED_OVERFLOW] - dropped) < expected)
		model_fault(model, "%llu recipients of %u", (unsigned long long)recipients, expected);
	if (wsm__deliveries_total(model->registry.deliveries.fates) - deliveries != all)
		model_fault(model, "%llu deliveries for %u",
		            (unsigned long long)(wsm__deliveries_total(model->registry.deliveries.fates) - deliveries),
		            all);
	wsm__pub_unref(pub);
}

static void publish_to_client(struct model *model, struct client *client)
{
	struct entry entry;
	struct wsm__pub *pub = new_publication(model, &entry);
	bool queued;

	pub->level = entry.level = 0;
	pub->key = entry.key = pub->key ? pub->key + 4 : 0;
	entry.incarnation = -1;
	if (!client->sub.overflow && client->open)
		owe(model, &entry, 1u << client->number, WSM__RECOVER);
	queued = client->open && wsm__sub_deliver(&model->registry, &client->sub, pub);
	if (!queued)
		entry.owed = 0;
	if (!queued && entry.priority != WSM_LOW && client->open && !client->sub.overflow)
		model_fault(model, "a message to client %u got lost", client->number);
	model->published -= !client->open;
	log_entry(model, &entry, pub);
	wsm__pub_unref(pub);
}

/* ---- writing, as clients/flush.c does ------------------------------------------------------------------------------- */

static void flush_client(struct model *model, struct client *client, unsigned max)
{
	struct wsm__sub *sub = &client->sub;

	wsm__unmark_dirty(&model->registry, sub);
	if (sub->overflow) {
		model->overflows++;
		client_close(model, client);
		return;
	}
	if (client->choked)
		return;
	for (; sub->outbox.count && max; max--) {
		oracle_receive(model, client, wsm__outbox_at(&sub->outbox, 0));
		wsm__sub_written(&model->registry, sub, 1);
	}
	if (wsm__sub_lags(sub))
		wsm__refill(&model->registry, sub, model->now);
	if (sub->outbox.count)
		wsm__mark_dirty(&model->registry, sub, false);
	else
		wsm__outbox_shrink(&sub->outbox);
}

static void flush(struct model *model, unsigned max, unsigned turns)
{
	struct wsm__registry *registry = &model->registry;

	while ((registry->urgent || registry->dirty) && turns--)
		flush_client(model, (struct client *)(void *)(registry->urgent ? registry->urgent : registry->dirty),
		             max);
}

/* ---- one step --------------------------------------------------------------------------------------------------- */

static void step_client(struct model *model, unsigned op, struct client *client)
{
	if (op >= 24) { /* comes */
		client_close(model, client);
		client_open(model, client, op & 1, op >= 26);
		return;
	}
	if (!client->open) {
		client_open(model, client, op & 1, true);
		return;
	}
	switch (op) {
	case 14:
		publish_to_client(model, client);
		break;
	case 15:
		client_beat(model, client);
		break;
	case 16:
	case 17:
		client->choked = true;
		break;
	case 18:
		client->choked = false;
		wsm__mark_dirty(&model->registry, &client->sub, true);
		break;
	case 19:
	case 20:
		client_subscribe(model, client, model_pick(model, NAMES),
		                 model_byte(model) & 128 ? (int)model_pick(model, 7) : 0, NULL);
		break;
	case 21:
		client_subscribe_since(model, client);
		break;
	case 22:
		client_unsubscribe(model, client);
		break;
	default:
		client_close(model, client);
		break;
	}
}

static void step(struct model *model)
{
	unsigned op = model_byte(model) % 36;

	if (op < 14) {
		publish(model);
	} else if (op < 28) {
		step_client(model, op, &model->clients[model_pick(model, CLIENTS)]);
	} else if (op < 33) {
		flush(model, 1 + model_byte(model) % 8, 1 + model_byte(model) % 16);
	} else {
		model->now += op == 33 ? model_byte(model) : TTL_MS * model_byte(model) / 128;
		if (op == 35)
			wsm__registry_expire(&model->registry, model->now);
	}
}

const char *model_run(struct model *model, const uint8_t *data, size_t size)
{
	static const size_t queues[] = { 64, 256, 1024, 4096 };
	static const uint32_t sizes[] = { 0, 1, 3, 8, 64 };
	static const size_t bytes[] = { 100, 2000, 1 << 20 };
	static const uint8_t key[16] = { 7 };

	model->data = data;
	model->size = size;
	model->now = 1000;
	wsm__registry_init(&model->registry, key, "modelmod");
	model->registry.max_queue = queues[model_pick(model, 4)];
	model->registry.history =
		(struct wsm__history_limits){ sizes[model_pick(model, 5)], bytes[model_pick(model, 3)], TTL_MS };
	for (unsigned i = 0; i < NAMES; i++)
		model->backlogs[i] = (uint8_t)model_pick(model, 4);
	model->registry.gap = model_on_gap;
	model->registry.gap_context = model;
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct client *client = &model->clients[i];

		client->number = i;
		snprintf(client->id, sizeof(client->id), "c%u", i);
		snprintf(client->user, sizeof(client->user), "u%u", i % 3);
		wsm__sub_init(&client->sub);
		client->sub.client_id = wsm__str(client->id);
		client->sub.user_id = wsm__str(client->user);
	}
	while (model->at < model->size && !model->fault[0] && model->n_incarnations + NAMES < INCARNATIONS) {
		step(model);
		oracle_check(model);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		model->clients[i].choked = false;
		if (model->clients[i].open)
			wsm__mark_dirty(&model->registry, &model->clients[i].sub, true);
	}
	flush(model, 100, 1000000);
	oracle_check(model);
	oracle_check_end(model);
	return model->fault[0] ? model->fault : NULL;
}

void model_fini(struct model *model)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		wsm__sub_fini(&model->registry, &model->clients[i].sub);
	wsm__registry_fini(&model->registry);
	for (unsigned i = 0; i < model->n_incarnations; i++)
		free(model->incarnations[i].entries);
	for (uint32_t i = 0; i < model->n_notes; i++) {
		free(model->notes[i]->positions);
		free(model->notes[i]);
	}
	free(model->notes);
	free(model->log);
}
