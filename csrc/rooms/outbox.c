#include "rooms/outbox.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4u

void wsm__outbox_init(struct wsm__outbox *outbox)
{
	memset(outbox, 0, sizeof(*outbox));
}

void wsm__outbox_fini(struct wsm__outbox *outbox)
{
	for (uint32_t i = 0; i < outbox->count; i++)
		wsm__pub_unref(wsm__outbox_at(outbox, i));
	free(outbox->ring);
	wsm__outbox_init(outbox);
}

static struct wsm__pub **slot(struct wsm__outbox *outbox, uint32_t i)
{
	return &outbox->ring[(outbox->head + i) & (outbox->capacity - 1)];
}

static int grow(struct wsm__outbox *outbox)
{
	uint32_t capacity = outbox->capacity ? outbox->capacity * 2 : FIRST_CAPACITY;
	struct wsm__pub **ring;

	if (outbox->count < outbox->capacity)
		return WSM_OK;
	ring = malloc(capacity * sizeof(*ring));
	if (!ring)
		return WSM_ENOMEM;
	for (uint32_t i = 0; i < outbox->count; i++)
		ring[i] = wsm__outbox_at(outbox, i);
	free(outbox->ring);
	outbox->ring = ring;
	outbox->head = 0;
	outbox->capacity = capacity;
	return WSM_OK;
}

static void account(struct wsm__outbox *outbox, const struct wsm__pub *pub)
{
	outbox->bytes += pub->frame_len;
	outbox->conflatable += pub->conflate;
}

static void unaccount(struct wsm__outbox *outbox, const struct wsm__pub *pub)
{
	outbox->bytes -= pub->frame_len;
	outbox->conflatable -= pub->conflate;
}

static void release(struct wsm__outbox *outbox, struct wsm__pub *pub)
{
	unaccount(outbox, pub);
	wsm__pub_unref(pub);
}

int wsm__outbox_push(struct wsm__outbox *outbox, struct wsm__pub *pub)
{
	int status = grow(outbox);

	if (status)
		return status;
	*slot(outbox, outbox->count++) = wsm__pub_ref(pub);
	account(outbox, pub);
	return WSM_OK;
}

/* The ring must have room for one more. */
static void insert_at(struct wsm__outbox *outbox, uint32_t at, struct wsm__pub *pub)
{
	outbox->count++;
	for (uint32_t i = outbox->count - 1; i > at; i--)
		*slot(outbox, i) = *slot(outbox, i - 1);
	*slot(outbox, at) = wsm__pub_ref(pub);
	account(outbox, pub);
}

int wsm__outbox_push_critical(struct wsm__outbox *outbox, struct wsm__pub *pub)
{
	uint32_t at = outbox->count;
	int status = grow(outbox);

	if (status)
		return status;
	while (at > 0) {
		const struct wsm__pub *before = wsm__outbox_at(outbox, at - 1);

		if (before->control || before->priority == WSM_CRITICAL || before->room_id == pub->room_id)
			break;
		at--;
	}
	insert_at(outbox, at, pub);
	return WSM_OK;
}

int wsm__outbox_insert(struct wsm__outbox *outbox, struct wsm__pub *pub)
{
	uint32_t at = outbox->count;
	int status = grow(outbox);

	if (status)
		return status;
	while (at > 0 && wsm__outbox_at(outbox, at - 1)->seq > pub->seq)
		at--;
	insert_at(outbox, at, pub);
	return WSM_OK;
}

/* Takes one out. Returns it with its reference. */
static struct wsm__pub *remove_at(struct wsm__outbox *outbox, uint32_t at)
{
	struct wsm__pub *pub = *slot(outbox, at);

	unaccount(outbox, pub);
	for (uint32_t i = at + 1; i < outbox->count; i++)
		*slot(outbox, i - 1) = *slot(outbox, i);
	outbox->count--;
	return pub;
}

/* Returns the index of the one that `pub` may replace; `count` if there is none. */
static uint32_t find_older(const struct wsm__outbox *outbox, const struct wsm__pub *pub)
{
	uint32_t left = outbox->conflatable;

	if (!pub->key)
		return outbox->count;
	/* From the back: it is most likely a recent one. */
	for (uint32_t i = outbox->count; i > 0 && left; i--) {
		const struct wsm__pub *other = wsm__outbox_at(outbox, i - 1);

		if (other->key == pub->key) /* not over "complete" between two reports of progress */
			return other->conflate ? i - 1 : outbox->count;
		left -= other->conflate;
	}
	return outbox->count;
}

enum wsm__replaced wsm__outbox_replace(struct wsm__outbox *outbox, struct wsm__pub *pub, size_t max_bytes,
                                       struct wsm__pub **older)
{
	uint32_t at = find_older(outbox, pub);

	*older = NULL;
	if (at == outbox->count)
		return WSM__REPLACED_NONE;
	*older = *slot(outbox, at);
	if (outbox->bytes - (*older)->frame_len + pub->frame_len > max_bytes) {
		remove_at(outbox, at);
		return WSM__REPLACED_GONE;
	}
	unaccount(outbox, *older);
	*slot(outbox, at) = wsm__pub_ref(pub);
	account(outbox, pub);
	return WSM__REPLACED;
}

struct wsm__pub *wsm__outbox_take_older(struct wsm__outbox *outbox, const struct wsm__pub *pub)
{
	uint32_t at = find_older(outbox, pub);

	return at == outbox->count ? NULL : remove_at(outbox, at);
}

void wsm__outbox_drop_front(struct wsm__outbox *outbox, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		release(outbox, *slot(outbox, 0));
		outbox->head = (outbox->head + 1) & (outbox->capacity - 1);
		outbox->count--;
	}
}

uint32_t wsm__outbox_remove(struct wsm__outbox *outbox, bool (*match)(struct wsm__pub *, void *), void *context)
{
	uint32_t kept = 0, before = outbox->count;

	for (uint32_t i = 0; i < before; i++) {
		struct wsm__pub *pub = *slot(outbox, i);

		if (match(pub, context))
			release(outbox, pub);
		else
			*slot(outbox, kept++) = pub;
	}
	outbox->count = kept;
	return before - kept;
}

void wsm__outbox_shrink(struct wsm__outbox *outbox)
{
	if (outbox->count || outbox->capacity <= FIRST_CAPACITY)
		return;
	free(outbox->ring);
	outbox->ring = NULL;
	outbox->head = outbox->capacity = 0;
}
