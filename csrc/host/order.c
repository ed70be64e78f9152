#include "host/order.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "host/lists.h"
#include "host/queue.h"

#define TEXTS_MAX 4
#define AT(member) offsetof(struct wsm__order, member)

/* Offsets of the texts of each kind; 0, the offset of the head, is none. */
static const size_t texts[][TEXTS_MAX] = {
	[WSM__CMD_SUBSCRIBE] = { AT(subscription.user_id), AT(subscription.room) },
	[WSM__CMD_UNSUBSCRIBE] = { AT(subscription.user_id), AT(subscription.room) },
	[WSM__CMD_DISCONNECT] = { AT(disconnection.id), AT(disconnection.reason) },
	[WSM__CMD_DISCONNECT_USER] = { AT(disconnection.id), AT(disconnection.reason) },
	[WSM__CMD_BAN] = { AT(ban.ip), AT(ban.reason) },
	[WSM__CMD_AUTHENTICATED] = { AT(authenticated.decision.user_id), AT(authenticated.decision.session_id),
	                             AT(authenticated.decision.reason) },
	[WSM__CMD_REPLY] = { AT(reply.action), AT(reply.id), AT(reply.json), AT(reply.error_code) },
	[WSM__CMD_REVOKED] = { AT(revoked.user_id) },
	[WSM__CMD_BRIDGE_RECEIVE] = { AT(received.data) },
	[WSM__CMD_BRIDGE_CLOSED] = { AT(closed.reason) },
	[WSM__CMD_STOP] = { 0 }, /* the last kind: all of them have a row */
};

static wsm_slice *text_of(struct wsm__order *order, size_t i)
{
	size_t at = texts[order->head.kind][i];

	return at ? (wsm_slice *)(void *)((char *)order + at) : NULL;
}

static void copy_lists(wsm_decision *decision, wsm_slice *slices, struct wsm__arena *arena)
{
	struct wsm__lists lists = wsm__lists_copy(&WSM__LISTS_OF(decision), slices, arena);

	decision->rooms = lists.rooms;
	decision->subscribe = lists.subscribe;
	decision->publish = lists.publish;
	decision->welcome = lists.welcome;
}

/* Copies an order, with its texts and lists, into one allocation. */
static struct wsm__order *copy_of(const struct wsm__order *given)
{
	struct wsm__order from = *given, *order;
	bool has_lists = from.head.kind == WSM__CMD_AUTHENTICATED;
	struct wsm__lists lists = has_lists ? WSM__LISTS_OF(&from.authenticated.decision) : (struct wsm__lists){ 0 };
	size_t slices = wsm__lists_count(&lists) * sizeof(wsm_slice);
	size_t size = sizeof(*order) + slices + wsm__lists_bytes(&lists);
	struct wsm__arena arena;
	wsm_slice *text;

	for (size_t i = 0; i < TEXTS_MAX && (text = text_of(&from, i)); i++)
		size += text->len + 1;
	order = malloc(size);
	if (!order)
		return NULL;
	*order = from;
	order->head.bytes = size;
	arena.at = (char *)(order + 1) + slices;
	for (size_t i = 0; i < TEXTS_MAX && (text = text_of(order, i)); i++)
		*text = wsm__arena_copy(&arena, *text);
	if (has_lists)
		copy_lists(&order->authenticated.decision, (wsm_slice *)(void *)(order + 1), &arena);
	return order;
}

int wsm__order_post(wsm_runtime *runtime, const struct wsm__order *order, bool force, wsm_error *error)
{
	struct wsm__order *copy = copy_of(order);
	int status = copy ? wsm__post(runtime, &copy->head, force) : WSM_ENOMEM;

	if (!status)
		return WSM_OK;
	free(copy);
	return wsm__fail(error, status, "%s", wsm_status_text(status));
}
