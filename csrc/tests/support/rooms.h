/*
 * rooms.h - a registry with a few subscribers in the hands of a test, and its traffic as text.
 *
 * A publication's payload is a short word ("a1"), so that a frame of it has len + 2 bytes, and what waits for a subscriber
 * reads as "a1 a2 b1". flush_one() stands for the socket: it takes everything that waits, then refills, as clients/flush.c does.
 */
#ifndef WSM_TESTS_ROOMS_H
#define WSM_TESTS_ROOMS_H

#include "exact.h"

#include <stdio.h>

#include "rooms/catchup.h"
#include "rooms/fanout.h"
#include "rooms/lag.h"
#include "rooms/membership.h"
#include "rooms/overflow.h"
#include "rooms/room.h"

#define SUBS 4
#define TTL_MS 1000u

struct hall {
	struct wsm__registry registry;
	struct wsm__sub subs[SUBS];
	uint64_t now;
	unsigned gaps;
	char gap_text[256];  /* the gaps told, "room offset missed" each */
	bool gap_fails;      /* there is no memory to tell one */
	bool tell_gaps;      /* as control messages "gap:room:offset", too */
	char text[4096];     /* of the last answer below */
	uint64_t recipients; /* of the last publication */
	uint64_t offset;
};

struct how {
	wsm_priority priority;
	int level;
	bool plain; /* without history and offset */
	uint64_t key;
	bool final; /* with the key, but not conflated */
	const char *exclude;
	size_t size; /* the word is followed by that many dots */
	char unused; /* so that publish() can be called without any */
};

static inline void on_gap(void *context, struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset,
                          uint64_t missed)
{
	struct hall *hall = context;
	size_t len = strlen(hall->gap_text);

	hall->gaps++;
	if (hall->gap_fails)
		wsm__sub_overflowed(&hall->registry, sub);
	snprintf(hall->gap_text + len, sizeof(hall->gap_text) - len, "%s%s %llu %llu", len ? ", " : "", room->name,
	         (unsigned long long)offset, (unsigned long long)missed);
	if (hall->tell_gaps) {
		char word[200];
		struct wsm__pub *pub;

		snprintf(word, sizeof(word), "gap:%s:%llu", room->name, (unsigned long long)offset);
		pub = wsm__pub_new(WSM__TEXT, wsm__str(word), false);
		pub->control = true;
		if (sub->firehose && room->visible)
			wsm__sub_push(&hall->registry, sub, pub);
		else
			wsm__sub_put(&hall->registry, sub, pub);
		wsm__pub_unref(pub);
	}
}

static inline void hall_init(struct hall *hall, size_t max_queue, uint32_t history)
{
	static const char *const clients[SUBS] = { "c0", "c1", "c2", "c3" };
	static const char *const users[SUBS] = { "u0", "u1", "u2", "u0" };
	static const uint8_t key[16] = { 1, 2, 3 };

	memset(hall, 0, sizeof(*hall));
	hall->now = 1000;
	wsm__registry_init(&hall->registry, key, "epochepo");
	hall->registry.max_queue = max_queue;
	hall->registry.history.size = history;
	hall->registry.history.bytes = 1 << 20;
	hall->registry.history.ttl_ms = TTL_MS;
	hall->registry.gap = on_gap;
	hall->registry.gap_context = hall;
	for (size_t i = 0; i < SUBS; i++) {
		wsm__sub_init(&hall->subs[i]);
		hall->subs[i].client_id = wsm__str(clients[i]);
		hall->subs[i].user_id = wsm__str(users[i]);
	}
}

/* One number of what became of the deliveries. */
static inline uint64_t fate(const struct hall *hall, enum wsm__fate fate)
{
	return hall->registry.deliveries.fates[fate];
}

/* All deliveries are somewhere, and what is said to wait does so. */
static inline void check_sums(const struct hall *hall)
{
	const struct wsm__room *room;
	uint64_t waiting = 0, lagging = 0;

	for (size_t i = 0; i < SUBS; i++) {
		const struct wsm__sub *sub = &hall->subs[i];
		const struct wsm__member *member;

		for (uint32_t k = 0; k < sub->outbox.count; k++)
			waiting += !wsm__outbox_at(&sub->outbox, k)->control;
		waiting += sub->replay_count - sub->replay_at + (sub->held ? sub->held->count : 0);
		for (member = sub->members; member; member = member->next)
			waiting += member->held ? member->held->count : 0;
	}
	for (room = hall->registry.rooms; room; room = room->hh.next)
		for (uint32_t i = 0; i < room->history.count; i++)
			lagging += wsm__history_at(&room->history, wsm__history_first(&room->history) + i)->lagging;
	assert_int_equal(waiting, fate(hall, WSM__WAITING));
	assert_int_equal(lagging, fate(hall, WSM__LAGGING));
	assert_int_equal(wsm__deliveries_total(hall->registry.deliveries.fates),
	                 waiting + lagging + fate(hall, WSM__WRITTEN) + fate(hall, WSM__CONFLATED) +
	                         wsm__deliveries_dropped(hall->registry.deliveries.fates));
}

static inline void hall_fini(struct hall *hall)
{
	check_sums(hall);
	for (size_t i = 0; i < SUBS; i++)
		wsm__sub_fini(&hall->registry, &hall->subs[i]);
	assert_int_equal(hall->registry.n_members, 0);
	assert_null(hall->registry.members);
	assert_null(hall->registry.dirty);
	assert_null(hall->registry.urgent);
	assert_int_equal(fate(hall, WSM__WAITING), 0);
	assert_int_equal(fate(hall, WSM__LAGGING), 0);
	wsm__registry_fini(&hall->registry);
}

static inline struct wsm__room *room_of(struct hall *hall, const char *name)
{
	struct wsm__room *room = wsm__room_get(&hall->registry, wsm__str(name), hall->now);

	assert_non_null(room);
	return room;
}

static inline struct wsm__pub *word_pub(const char *word, struct how how)
{
	char text[4096];
	struct wsm__pub *pub;
	size_t len = strlen(word);

	memcpy(text, word, len);
	memset(text + len, '.', how.size);
	pub = wsm__pub_new(WSM__TEXT, wsm__slice(text, len + how.size), false);
	assert_non_null(pub);
	if (how.priority)
		pub->priority = (uint8_t)how.priority;
	pub->level = (uint8_t)how.level;
	pub->key = how.key;
	pub->conflate = how.key && !how.final;
	if (how.exclude) {
		wsm_slice id = wsm__str(how.exclude);

		pub->exclude = wsm__exclude_new(&id, 1);
	}
	return pub;
}

static inline uint64_t publish_how(struct hall *hall, const char *room, const char *word, struct how how)
{
	struct wsm__pub *pub = word_pub(word, how);

	uint64_t offset = how.plain || pub->conflate ? 0 : room_of(hall, room)->history.last + 1;

	hall->recipients = wsm__room_publish(&hall->registry, room_of(hall, room), pub, offset, hall->now);
	hall->offset = pub->offset;
	wsm__pub_unref(pub);
	return hall->recipients;
}
#define publish(hall, room, word, ...) publish_how(hall, room, word, (struct how){ .unused = 0, __VA_ARGS__ })

/* A message to that client alone. */
static inline bool deliver_to(struct hall *hall, size_t sub, const char *word, struct how how)
{
	struct wsm__pub *pub = word_pub(word, how);
	bool queued = wsm__sub_deliver(&hall->registry, &hall->subs[sub], pub);

	wsm__pub_unref(pub);
	return queued;
}

static inline void control(struct hall *hall, size_t sub, const char *word)
{
	struct wsm__pub *pub = word_pub(word, (struct how){ 0 });

	pub->control = true;
	wsm__sub_push(&hall->registry, &hall->subs[sub], pub);
	wsm__pub_unref(pub);
}

static inline struct wsm__joined join_level(struct hall *hall, size_t sub, const char *room, int level)
{
	struct wsm__joined joined;

	assert_int_equal(
		wsm__join(&hall->registry, &hall->subs[sub], room_of(hall, room), level, NULL, hall->now, &joined),
		WSM_OK);
	return joined;
}

static inline struct wsm__joined join(struct hall *hall, size_t sub, const char *room)
{
	return join_level(hall, sub, room, WSM_LEVEL_NONE);
}

/* With `since`, in the present epoch; without a refill. */
static inline struct wsm__joined join_since(struct hall *hall, size_t sub, const char *name, uint64_t offset)
{
	struct wsm__room *room = room_of(hall, name);
	struct wsm__since since = { wsm__str(room->epoch), offset };
	struct wsm__joined joined;

	assert_int_equal(wsm__join(&hall->registry, &hall->subs[sub], room, 0, &since, hall->now, &joined), WSM_OK);
	return joined;
}

static inline bool leave(struct hall *hall, size_t sub, const char *room)
{
	return wsm__leave(&hall->registry, &hall->subs[sub], room_of(hall, room));
}

static inline void refill(struct hall *hall, size_t sub)
{
	wsm__refill(&hall->registry, &hall->subs[sub], hall->now);
}

static inline void add_word(struct hall *hall, const struct wsm__pub *pub)
{
	wsm_slice payload = wsm__pub_payload(pub);
	const char *dots = memchr(payload.data, '.', payload.len);
	size_t len = strlen(hall->text);

	snprintf(hall->text + len, sizeof(hall->text) - len, "%s%.*s", len ? " " : "",
	         (int)(dots ? (size_t)(dots - payload.data) : payload.len), payload.data);
}

/* What waits, without taking it. Checks the outbox's sums. */
static inline const char *waiting(struct hall *hall, size_t sub)
{
	const struct wsm__outbox *outbox = &hall->subs[sub].outbox;
	size_t bytes = 0;
	uint32_t conflatable = 0;

	hall->text[0] = '\0';
	for (uint32_t i = 0; i < outbox->count; i++) {
		add_word(hall, wsm__outbox_at(outbox, i));
		bytes += wsm__outbox_at(outbox, i)->frame_len;
		conflatable += wsm__outbox_at(outbox, i)->conflate;
	}
	assert_int_equal(bytes, outbox->bytes);
	assert_int_equal(conflatable, outbox->conflatable);
	return hall->text;
}

/* Takes what waits, then refills. */
static inline const char *flush_one(struct hall *hall, size_t sub)
{
	struct wsm__sub *to = &hall->subs[sub];

	waiting(hall, sub);
	wsm__sub_written(&hall->registry, to, to->outbox.count);
	wsm__unmark_dirty(&hall->registry, to);
	if (wsm__sub_lags(to))
		wsm__refill(&hall->registry, to, hall->now);
	return hall->text;
}

/* Flushes until nothing comes any more; everything that came. */
static inline const char *flush_all(struct hall *hall, size_t sub)
{
	static char all[16384];

	all[0] = '\0';
	do {
		const char *part = flush_one(hall, sub);
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%s%s", len && *part ? " " : "", part);
	} while (hall->subs[sub].outbox.count);
	assert_false(wsm__sub_lags(&hall->subs[sub]));
	return all;
}

#endif
