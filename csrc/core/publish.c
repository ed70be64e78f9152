/* Publications on the runtime thread: rate, place in the room, envelope, fan-out. */
#include "core/publish.h"

#include <stdio.h>
#include <string.h>

#include "base/siphash.h"
#include "core/core.h"
#include "host/report.h"
#include "host/route.h"
#include "rooms/fanout.h"
#include "rooms/room.h"
#include "wire/envelope.h"

/* ---- one message ------------------------------------------------------------------------------------------------ */

/* The framed message; NULL when out of memory. *positioned: whether the offset got into it. */
static struct wsm__pub *build(struct wsm__core *core, const struct wsm__publish *publish,
                              const struct wsm__stamp *stamp, wsm_slice room, uint64_t offset, const char *epoch,
                              bool *positioned)
{
	struct wsm__envelope envelope = {
		.type = publish->type,
		.flat = publish->flat && publish->type.len,
		.payload = publish->payload,
		.members = publish->members,
		.n_members = publish->n_members,
		.timestamp = wsm__str(stamp->timestamp),
		.message_id = wsm__str(stamp->message_id),
		.room = room,
		.offset = offset,
		.epoch = wsm__str(epoch),
	};
	enum wsm__opcode opcode = publish->flags & WSM_PUBLISH_BINARY ? WSM__BINARY : WSM__TEXT;
	bool verbatim = (publish->flags & (WSM_PUBLISH_BINARY | WSM_PUBLISH_TEXT)) != 0;
	struct wsm__pub *pub;
	size_t said = 0;
	int status;

	wsm__buffer_clear(&core->text);
	status = verbatim ? WSM_EJSON : wsm__envelope_write(&core->text, &envelope, &said);
	*positioned = status == WSM_OK && offset != 0;
	if (status && status != WSM_EJSON) /* out of memory: the rest was looked at when it was published */
		return NULL;
	/* What is no JSON object goes out as it is. */
	pub = wsm__pub_new(opcode, status ? publish->payload : wsm__slice(core->text.data, core->text.len), false);
	if (!pub)
		return NULL;
	if (!status && said + 1 < core->text.len)
		pub->said_len = (uint32_t)said;
	pub->own = publish->by_core;
	pub->priority = publish->priority;
	pub->level = publish->level;
	pub->conflate = publish->conflate;
	if (publish->exclude) {
		pub->exclude = publish->exclude;
		pub->exclude->refs++;
	}
	if (publish->tally) {
		pub->tally = publish->tally;
		pub->tally->refs++;
	}
	return pub;
}

static uint64_t key_hash(struct wsm__core *core, uint64_t room_id, wsm_slice key)
{
	uint64_t hash;

	if (!key.len)
		return 0;
	hash = wsm__siphash(key.data, key.len, core->registry.key) ^ (room_id * 0x9e3779b97f4a7c15u);
	return hash ? hash : 1;
}

/* Of a room that keeps the newest only: by key, else by type; those of no type are of one kind, too. */
static uint64_t latest_key(struct wsm__core *core, uint64_t room_id, const struct wsm__publish *publish)
{
	wsm_slice type = publish->type.len ? publish->type : wsm__publish_own_type(publish->payload);
	uint64_t hash;

	if (publish->key.len)
		return key_hash(core, room_id, publish->key);
	hash = wsm__siphash(type.data, type.len, core->registry.key) ^ (~room_id * 0x9e3779b97f4a7c15u);
	return hash ? hash : 1;
}

static bool is_latest_only(const struct wsm__publish *publish, const struct wsm__room_settings *settings)
{
	return settings->backlog == WSM__LATEST && publish->priority != WSM_CRITICAL;
}

static void set_key(struct wsm__core *core, struct wsm__pub *pub, const struct wsm__publish *publish, uint64_t room_id,
                    bool latest)
{
	pub->conflate |= latest;
	pub->key = latest ? latest_key(core, room_id, publish) : key_hash(core, room_id, publish->key);
}

static void note(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice room, struct wsm__pub *pub,
                 uint64_t recipients)
{
	if (core->published)
		core->published(core, publish, room, pub, recipients);
}

static void publish_to_room(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice name,
                            const struct wsm__stamp *stamp, wsm_delivery *delivery)
{
	struct wsm__registry *registry = &core->registry;
	bool everyone = registry->n_firehose && (name.data[0] != '@' || wsm__slice_is(name, "@all"));
	struct wsm__room *room = wsm__room_find(registry, name);
	struct wsm__room_settings settings;
	struct wsm__pub *pub;
	bool positioned, keep, latest;
	uint64_t recipients;

	if (room)
		settings = room->settings;
	else
		wsm__room_settle(registry, name, &settings);
	latest = is_latest_only(publish, &settings);
	/* What a newer one replaces must not leave a hole in the offsets, so it has none. */
	keep = publish->keep && !latest && settings.history.size > 0;
	if (room && (keep || everyone))
		wsm__room_touch(room, core->now_ms);
	else if (keep || everyone)
		room = wsm__room_get(registry, name, core->now_ms);
	snprintf(delivery->room, sizeof(delivery->room), "%.*s", (int)name.len, name.data);
	if (!room || (!keep && !wsm__room_has_audience(registry, room))) {
		note(core, publish, name, NULL, 0);
		return;
	}
	pub = build(core, publish, stamp, name, keep ? room->history.last + 1 : 0, room->epoch, &positioned);
	if (!pub) {
		delivery->status = WSM_ENOMEM;
		return;
	}
	set_key(core, pub, publish, room->id, latest);
	recipients = wsm__room_publish(registry, room, pub, positioned, core->now_ms);
	delivery->recipients += recipients;
	note(core, publish, name, pub, recipients);
	if (positioned) {
		delivery->offset = pub->offset;
		memcpy(delivery->epoch, room->epoch, sizeof(delivery->epoch));
	}
	wsm__pub_unref(pub);
}

static void publish_to_client(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice client_id,
                              const struct wsm__stamp *stamp, wsm_delivery *delivery)
{
	struct wsm__sub *sub = core->find_client(core, client_id);
	struct wsm__room_settings settings;
	struct wsm__pub *pub;
	bool positioned;
	uint64_t recipients;
	char room[136];

	snprintf(delivery->room, sizeof(delivery->room), "@client:%.*s", (int)client_id.len, client_id.data);
	if (!sub || wsm__excluded(publish->exclude, client_id, sub->user_id))
		return;
	memcpy(room, delivery->room, sizeof(room));
	pub = build(core, publish, stamp, wsm__str(room), 0, NULL, &positioned);
	if (!pub) {
		delivery->status = WSM_ENOMEM;
		return;
	}
	wsm__room_settle(&core->registry, wsm__str(room), &settings);
	pub->backlog = (uint8_t)settings.backlog;
	set_key(core, pub, publish, 0, is_latest_only(publish, &settings));
	recipients = wsm__sub_deliver(&core->registry, sub, pub);
	delivery->recipients += recipients;
	note(core, publish, wsm__str(room), pub, recipients);
	wsm__pub_unref(pub);
}

static void publish_all(struct wsm__core *core, const struct wsm__publish *publish, wsm_delivery *delivery)
{
	struct wsm__stamp stamp;

	memset(delivery, 0, sizeof(*delivery));
	wsm__core_stamp(core, &stamp);
	memcpy(delivery->message_id, stamp.message_id, sizeof(stamp.message_id));
	for (size_t i = 0; i < publish->n_rooms; i++) {
		if (publish->to_client)
			publish_to_client(core, publish, publish->rooms[i], &stamp, delivery);
		else
			publish_to_room(core, publish, publish->rooms[i], &stamp, delivery);
	}
	if (publish->n_rooms > 1) {
		delivery->room[0] = delivery->epoch[0] = '\0';
		delivery->offset = 0;
	}
	core->counters.broadcasts++;
}

/* ---- rate ------------------------------------------------------------------------------------------------------- */

static void send_and_free(struct wsm__core *core, struct wsm__publish *publish)
{
	wsm_delivery delivery;

	publish->tally = publish->flags & WSM_PUBLISH_REPORT ? wsm__report_begin(publish->receipt) : NULL;
	publish_all(core, publish, &delivery);
	wsm__report_published(publish->tally);
	wsm__publish_free(publish, &delivery);
}

static void on_throttle_timer(uv_timer_t *timer)
{
	struct wsm__core *core = timer->data;

	wsm__core_now(core);
	wsm__publish_due(core);
}

void wsm__publish_due(struct wsm__core *core)
{
	struct wsm__publish *publish;
	uint64_t next;

	while ((publish = wsm__throttle_due(&core->throttle, core->now_us)) != NULL)
		send_and_free(core, publish);
	next = wsm__throttle_next(&core->throttle);
	if (next && !core->stopping)
		uv_timer_start(&core->throttle_timer, on_throttle_timer, (next - core->now_us) / 1000 + 1, 0);
}

/* Room and key (or type) as one key of the throttle's table, in core->text. */
static wsm_slice throttle_key(struct wsm__core *core, const struct wsm__publish *publish)
{
	wsm__buffer_clear(&core->text);
	wsm__buffer_add(&core->text, publish->to_client ? "c" : "r", 1);
	wsm__buffer_add_slice(&core->text, publish->rooms[0]);
	wsm__buffer_add(&core->text, "", 1);
	wsm__buffer_add_slice(&core->text, publish->key.len ? publish->key : publish->type);
	return wsm__slice(core->text.data, core->text.failed ? 0 : core->text.len);
}

void wsm__publish_run(struct wsm__core *core, struct wsm__publish *publish)
{
	struct wsm__publish *held;
	void *superseded;

	if (publish->n_rooms == 1 && publish->max_rate > 0 && !core->stopping) {
		if (wsm__throttle_offer(&core->throttle, throttle_key(core, publish), publish->max_rate, core->now_us,
		                        publish, &superseded) == WSM__THROTTLE_HELD) {
			wsm_delivery none = { .superseded = true };

			core->counters.throttled++;
			core->counters.superseded += superseded != NULL;
			wsm__publish_free(superseded, &none);
			wsm__publish_due(core); /* its turn may come before the one that the timer waits for */
			return;
		}
	} else if (publish->n_rooms == 1 && publish->key.len) {
		/* The end of something must not be overtaken by a progress report that was held back. */
		held = wsm__throttle_flush(&core->throttle, throttle_key(core, publish));
		if (held)
			send_and_free(core, held);
	}
	send_and_free(core, publish);
}

void wsm__publish_now(struct wsm__core *core, struct wsm__publish *publish, wsm_delivery *delivery)
{
	publish_all(core, publish, delivery);
	wsm__publish_free(publish, NULL);
}
