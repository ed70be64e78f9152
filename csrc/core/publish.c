/* Publications on the runtime thread: rate, place in the room, envelope, fan-out. */
#include "core/publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "core/core.h"
#include "host/report.h"
#include "host/route.h"
#include "policy/config.h"
#include "rooms/fanout.h"
#include "rooms/room.h"
#include "wire/name.h"

/* ---- one message ------------------------------------------------------------------------------------------------ */

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

/* ---- once --------------------------------------------------------------------------------------------------------- */

/* It was published to that room, where it has no position; or is going to be. */
static void claim(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice room, bool waiting)
{
	const struct wsm__once_place nowhere = { .waiting = waiting };

	wsm__once_put(&core->once, room, publish->once, &nowhere, core->now_ms);
}

/* It was published there. `offset` 0: it has no position. */
static void remember(struct wsm__core *core, const struct wsm__publish *publish, const struct wsm__room *room,
                     uint64_t offset)
{
	struct wsm__once_place place = { .offset = offset,
	                                 .stored = offset && wsm__log_orders(&core->log, &room->settings) };

	memcpy(place.epoch, room->epoch, sizeof(place.epoch));
	wsm__once_put(&core->once, wsm__room_name(room), publish->once, &place, core->now_ms);
}

/* Nothing came of it. */
static void forget(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice room)
{
	if (publish->once.len)
		wsm__once_drop(&core->once, room, publish->once);
}

static void answer_duplicate(const struct wsm__publish *publish, wsm_delivery *delivery, uint64_t offset,
                             const char *epoch)
{
	delivery->duplicate = true;
	if (publish->n_rooms > 1)
		return; /* the others may be sent */
	delivery->message_id[0] = '\0';
	delivery->offset = offset;
	memcpy(delivery->epoch, offset ? epoch : "", offset ? sizeof(delivery->epoch) : 1);
}

/* The one with its id that was published to that room before, or is going to be; NULL: it has none, or is the first. */
static const struct wsm__once_place *find_first(struct wsm__core *core, const struct wsm__publish *publish,
                                                wsm_slice room)
{
	return publish->once.len ? wsm__once_find(&core->once, room, publish->once, core->now_ms) : NULL;
}

/* ---- in a room ---------------------------------------------------------------------------------------------------- */

/* Gives it its place in the room, and sends it. `offset` 0: it has none. False: there is no memory, and nothing has happened. */
static bool publish_in_room(struct wsm__core *core, const struct wsm__publish *publish, const struct wsm__stamp *stamp,
                            struct wsm__room *room, uint64_t offset, wsm_delivery *delivery)
{
	const struct wsm__place place = { wsm__room_name(room), offset, room->epoch, room->epoch_untold };
	bool positioned;
	struct wsm__pub *pub = wsm__message_build(&core->text, publish, stamp, &place, &positioned);
	uint64_t recipients;

	if (!pub)
		return false;
	set_key(core, pub, publish, room->id, is_latest_only(publish, &room->settings));
	recipients = wsm__room_publish(&core->registry, room, pub, positioned ? offset : 0, core->now_ms);
	delivery->recipients += recipients;
	note(core, publish, wsm__room_name(room), pub, recipients);
	if (positioned) {
		delivery->offset = offset;
		memcpy(delivery->epoch, room->epoch, sizeof(delivery->epoch));
		room->epoch_untold = false;
	}
	if (publish->once.len)
		remember(core, publish, room, positioned ? offset : 0);
	wsm__pub_unref(pub);
	return true;
}

/* ---- rooms with a log -------------------------------------------------------------------------------------------- */

/* A publication that waits for the logs of its rooms. */
struct wsm__sending {
	struct wsm__publish *publish;
	struct wsm__stamp stamp;
	wsm_delivery delivery;
	unsigned waiting; /* rooms; and one more while it is being sent */
	void (*done)(struct wsm__core *core, uint64_t ticket, const wsm_delivery *delivery);
	uint64_t ticket;
};

/* One of its rooms. */
struct lot {
	struct wsm__submission submission; /* first */
	struct wsm__sending *sending;
};

/* Of several rooms, none is the one. */
static void name_none(wsm_delivery *delivery)
{
	delivery->room[0] = delivery->epoch[0] = '\0';
	delivery->offset = 0;
}

static void finish(struct wsm__core *core, struct wsm__sending *sending)
{
	struct wsm__publish *publish = sending->publish;

	if (publish->n_rooms > 1)
		name_none(&sending->delivery);
	wsm__report_published(publish->tally);
	if (sending->done)
		sending->done(core, sending->ticket, &sending->delivery);
	wsm__publish_free(publish, &sending->delivery);
	free(sending);
}

/* There was no memory to send it. If it has its offset, who is there reads it from the log. */
static void leave_to_log(struct wsm__core *core, const struct wsm__submission *submission, wsm_delivery *delivery)
{
	const struct wsm__publish *publish = submission->publish;
	struct wsm__room *room = submission->room->room;

	if (!submission->stored) {
		delivery->status = WSM_ENOMEM;
		forget(core, publish, wsm__room_name(room));
		return;
	}
	wsm__room_unsent(&core->registry, room, submission->offset);
	delivery->offset = submission->offset;
	memcpy(delivery->epoch, room->epoch, sizeof(delivery->epoch));
	if (publish->once.len)
		remember(core, publish, room, submission->offset);
}

/*
 * Whether one that the log has not kept is to be sent no more, since one with its id was sent meanwhile. A claim that it finds is its
 * own, or of one behind it.
 */
static bool came_second(struct wsm__core *core, const struct wsm__submission *submission, wsm_delivery *delivery)
{
	const struct wsm__once_place *first;

	if (submission->stored)
		return false;
	first = find_first(core, submission->publish, wsm__room_name(submission->room->room));
	if (!first || first->waiting)
		return false;
	answer_duplicate(submission->publish, delivery, first->offset, first->epoch);
	return true;
}

/* The log has answered, and it is its turn. */
static void apply(void *context, struct wsm__submission *submission)
{
	struct wsm__core *core = context;
	struct wsm__sending *sending = ((struct lot *)(void *)submission)->sending;
	struct wsm__room *room = submission->room->room;
	wsm_delivery *delivery = &sending->delivery;

	if (core->settled)
		core->settled(core, submission->serial);
	if (submission->status) {
		delivery->status = submission->status;
		note(core, sending->publish, wsm__room_name(room), NULL, 0);
	} else if (submission->duplicate) {
		answer_duplicate(sending->publish, delivery, submission->offset, room->epoch);
		delivery->stored |= submission->stored;
	} else if (!came_second(core, submission, delivery)) {
		if (!publish_in_room(core, sending->publish, &sending->stamp, room, submission->offset, delivery))
			leave_to_log(core, submission, delivery);
		delivery->stored |= submission->stored;
	}
	free(submission);
	if (--sending->waiting == 0)
		finish(core, sending);
}

/* As the queue that it came through, which has a reserve for what is critical: what waits for a log takes memory as well. */
static bool may_wait(const struct wsm__core *core, const struct wsm__publish *publish, size_t bytes)
{
	size_t max = core->config->max_pending;

	if (publish->priority == WSM_CRITICAL)
		max += max / WSM__RESERVE;
	return core->log.bytes + bytes <= max || !core->log.bytes;
}

/* A publication while it is being sent to its rooms. */
struct run {
	struct wsm__core *core;
	struct wsm__publish *publish;
	struct wsm__stamp stamp;
	wsm_delivery *delivery;       /* the caller's, or that of `sending` */
	struct wsm__sending *sending; /* made by the first of its rooms that waits */
};

static bool make_sending(struct run *run)
{
	if (run->sending)
		return true;
	run->sending = calloc(1, sizeof(*run->sending));
	if (!run->sending)
		return false;
	run->sending->publish = run->publish;
	run->sending->stamp = run->stamp;
	run->sending->delivery = *run->delivery;
	run->sending->waiting = 1;
	run->delivery = &run->sending->delivery;
	return true;
}

static int submit(struct run *run, struct wsm__room *room, bool keep)
{
	struct wsm__core *core = run->core;
	size_t bytes = run->publish->head.bytes;
	struct lot *lot;

	if (!may_wait(core, run->publish, bytes)) {
		atomic_fetch_add_explicit(&core->runtime->overloaded[run->publish->priority], 1, memory_order_relaxed);
		return WSM_EOVERLOADED;
	}
	lot = make_sending(run) ? calloc(1, sizeof(*lot)) : NULL;
	if (!lot)
		return WSM_ENOMEM;
	lot->sending = run->sending;
	lot->submission.publish = run->publish;
	lot->submission.stamp = &run->sending->stamp;
	lot->submission.bytes = bytes;
	lot->submission.keep = keep;
	run->sending->waiting++;
	if (!wsm__log_submit(&core->log, room, &lot->submission))
		return WSM_OK;
	run->sending->waiting--;
	free(lot);
	return WSM_ENOMEM;
}

/* Whether it goes through the room's log, or waits for what does; *keep: as one that gets an offset. */
static bool goes_through_log(struct run *run, struct wsm__room *room, const struct wsm__room_settings *settings,
                             bool *keep)
{
	bool ordered = wsm__log_orders(&run->core->log, settings);

	if (room->log && !ordered)
		wsm__log_ready(&run->core->log,
		               room); /* it is stored no longer: it begins to leave, and until it has left: */
	if (*keep && (ordered || room->log))
		*keep = wsm__message_takes_offset(run->publish);
	return (*keep && (ordered || room->log)) || wsm__log_pending(room);
}

/* ---- one room, one client ------------------------------------------------------------------------------------------ */

/* For every publication: not by printf(). */
static void name_room(wsm_delivery *delivery, wsm_slice name)
{
	size_t len = name.len < sizeof(delivery->room) ? name.len : sizeof(delivery->room) - 1;

	memcpy(delivery->room, name.data, len);
	delivery->room[len] = '\0';
}

/* `known`: one with its id is going to be sent. */
static void submit_to_room(struct run *run, struct wsm__room *room, bool keep, bool known)
{
	/* Of what is kept, the log knows whether it is the first. */
	bool claims = run->publish->once.len && !keep && !known;
	int status;

	if (claims)
		claim(run->core, run->publish, wsm__room_name(room), true);
	status = submit(run, room, keep);
	if (!status)
		return;
	run->delivery->status = status;
	if (claims)
		forget(run->core, run->publish, wsm__room_name(room));
}

static void publish_to_room(struct run *run, wsm_slice name)
{
	struct wsm__core *core = run->core;
	struct wsm__registry *registry = &core->registry;
	bool everyone = registry->n_firehose && (name.data[0] != '@' || wsm__slice_is(name, "@all"));
	struct wsm__room *room = wsm__room_find(registry, name);
	struct wsm__room_settings settings;
	const struct wsm__once_place *first = find_first(core, run->publish, name);
	bool keep;

	name_room(run->delivery, name);
	if (first && !first->waiting) {
		answer_duplicate(run->publish, run->delivery, first->offset, first->epoch);
		run->delivery->stored |= first->stored;
		return;
	}
	if (room)
		settings = room->settings;
	else
		wsm__room_settle(registry, name, &settings);
	/* What a newer one replaces must not leave a hole in the offsets, so it has none. */
	keep = !first && run->publish->keep && !is_latest_only(run->publish, &settings) && settings.history.size > 0;
	if (room && (keep || everyone))
		wsm__room_touch(room, core->now_ms);
	else if (keep || everyone)
		room = wsm__room_get(registry, name, core->now_ms);
	if (room && goes_through_log(run, room, &settings, &keep)) {
		submit_to_room(run, room, keep, first != NULL);
	} else if (!room || (!keep && !wsm__room_has_audience(registry, room))) {
		if (run->publish->once.len)
			claim(core, run->publish, name, false);
		note(core, run->publish, name, NULL, 0);
	} else if (!publish_in_room(core, run->publish, &run->stamp, room, keep ? room->history.last + 1 : 0,
	                            run->delivery)) {
		run->delivery->status = WSM_ENOMEM;
		forget(core, run->publish, name);
	}
}

static void publish_to_client(struct run *run, wsm_slice client_id)
{
	struct wsm__core *core = run->core;
	const struct wsm__publish *publish = run->publish;
	wsm_delivery *delivery = run->delivery;
	struct wsm__sub *sub = core->find_client(core, client_id);
	struct wsm__room_settings settings;
	struct wsm__place place = { .offset = 0 };
	const struct wsm__once_place *first;
	struct wsm__pub *pub;
	bool positioned;
	uint64_t recipients;
	char room[WSM__ROOM_SIZE];

	snprintf(room, sizeof(room), "@client:%.*s", (int)client_id.len, client_id.data);
	memcpy(delivery->room, room, sizeof(room));
	first = find_first(core, publish, wsm__str(room));
	if (first) {
		answer_duplicate(publish, delivery, 0, "");
		return;
	}
	if (publish->once.len)
		claim(core, publish, wsm__str(room), false);
	if (!sub || wsm__excluded(publish->exclude, client_id, sub->user_id))
		return;
	place.room = wsm__str(room);
	pub = wsm__message_build(&core->text, publish, &run->stamp, &place, &positioned);
	if (!pub) {
		delivery->status = WSM_ENOMEM;
		forget(core, publish, place.room);
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

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

/* NULL: it is done with, and `delivery` says how; the publication is still the caller's. */
static struct wsm__sending *publish_all(struct wsm__core *core, struct wsm__publish *publish, wsm_delivery *delivery)
{
	struct run run = { .core = core, .publish = publish, .delivery = delivery };

	memset(delivery, 0, sizeof(*delivery));
	wsm__core_stamp(core, &run.stamp);
	memcpy(delivery->message_id, run.stamp.message_id, sizeof(run.stamp.message_id));
	for (size_t i = 0; i < publish->n_rooms; i++) {
		if (publish->to_client)
			publish_to_client(&run, publish->rooms[i]);
		else
			publish_to_room(&run, publish->rooms[i]);
	}
	core->counters.broadcasts++;
	if (run.sending && --run.sending->waiting > 0)
		return run.sending;
	if (run.sending) {
		*delivery = *run.delivery;
		free(run.sending);
	}
	if (publish->n_rooms > 1)
		name_none(delivery);
	return NULL;
}

/* ---- rate ------------------------------------------------------------------------------------------------------- */

static void send_and_free(struct wsm__core *core, struct wsm__publish *publish)
{
	wsm_delivery delivery;

	publish->tally = publish->flags & WSM_PUBLISH_REPORT ? wsm__report_begin(publish->receipt) : NULL;
	if (publish_all(core, publish, &delivery))
		return;
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

/* One that is known is no news: it has no turn of its own, and takes nobody's place. */
static bool is_known(struct wsm__core *core, const struct wsm__publish *publish)
{
	char room[WSM__ROOM_SIZE];

	snprintf(room, sizeof(room), "%s%.*s", publish->to_client ? "@client:" : "", (int)publish->rooms[0].len,
	         publish->rooms[0].data);
	return find_first(core, publish, wsm__str(room)) != NULL;
}

void wsm__publish_run(struct wsm__core *core, struct wsm__publish *publish)
{
	struct wsm__publish *held;
	void *superseded;

	if (publish->once.len && publish->n_rooms == 1 && is_known(core, publish)) {
		send_and_free(core, publish);
		return;
	}
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

struct wsm__sending *wsm__publish_start(struct wsm__core *core, struct wsm__publish *publish, wsm_delivery *delivery)
{
	struct wsm__sending *sending = publish_all(core, publish, delivery);

	if (!sending)
		wsm__publish_free(publish, NULL);
	return sending;
}

void wsm__publish_then(struct wsm__sending *sending,
                       void (*done)(struct wsm__core *core, uint64_t ticket, const wsm_delivery *delivery),
                       uint64_t ticket)
{
	sending->done = done;
	sending->ticket = ticket;
}

static void woken(void *context)
{
	wsm__core_now(context);
}

void wsm__publish_init(struct wsm__core *core)
{
	core->log.woken = woken;
	core->log.apply = apply;
	core->log.context = core;
	core->log.text = &core->text;
}
