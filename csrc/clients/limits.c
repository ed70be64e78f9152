#include "clients/limits.h"

#include <stdio.h>

#include "clients/conn.h"
#include "clients/echo.h"
#include "clients/peers.h"
#include "clients/users.h"
#include "host/refusals.h"
#include "policy/config.h"
#include "rooms/room.h"
#include "wire/name.h"

/* Each of these costs as much as a subscription. */
#define REPLAYED_PER_TOKEN 50
#define BYTES_PER_TOKEN 16384
#define VIOLATIONS_MIN 20.0 /* refused messages before a connection is closed */

/* ---- rates ------------------------------------------------------------------------------------------------------ */

/* One rate that a message or request counts for. */
struct rate {
	enum wsm__limit limit;
	struct wsm__bucket *bucket;
	double cost, rate;
};

/* Counts a violation. Returns false once it closes the connection. */
static bool bear_with(struct wsm__conn *conn, const struct rate *rate)
{
	struct wsm__core *core = conn->core;
	const char *name = wsm__limit_name(rate->limit);
	double most = 2 * core->config->rate;
	char reason[96];

	wsm__limit_broken(core, rate->limit);
	core->counters.rate_limited++;
	/* A raw client hears no error, so the log must tell. */
	if (!conn->violations && conn->sub.raw)
		wsm__refusal_tell(
			core->runtime, WSM__REFUSED_RATE,
			"messages of a client of a raw endpoint: more per second than option %s allows. Raise the "
			"option if an honest client needs more",
			name);
	if (++conn->violations <= (most > VIOLATIONS_MIN ? most : VIOLATIONS_MIN))
		return true;
	wsm__peer_offence(core, conn->peer, WSM__OFFENCE_rate);
	wsm__refusal_tell(
		core->runtime, WSM__REFUSED_RATE,
		"a client, closed with 4429: it went on after %u messages above option %s. Raise it if an honest "
		"client needs more",
		conn->violations, name);
	snprintf(reason, sizeof(reason), "the rate limit (%s) was broken repeatedly", name);
	wsm__conn_close(conn, 4429, reason);
	return false;
}

static void tell(struct wsm__conn *conn, const struct rate *rate, wsm_slice action, wsm_slice id)
{
	char message[96];

	snprintf(message, sizeof(message), "too much per second (%s)", wsm__limit_name(rate->limit));
	wsm__conn_error_later(conn, "rate_limited", message, action, id,
	                      wsm__bucket_wait_ms(rate->bucket, rate->cost, rate->rate, 2 * rate->rate));
}

/* Takes from all rates. Returns the first that is exceeded, or NULL. */
static const struct rate *broken_by(struct wsm__conn *conn, const struct rate *rates, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!wsm__bucket_take(rates[i].bucket, rates[i].cost, rates[i].rate, 2 * rates[i].rate,
		                      conn->core->now_ms))
			return &rates[i];
	if (conn->violations)
		conn->violations--;
	return NULL;
}

#define RATES_MAX 5

static size_t rates_of(struct wsm__conn *conn, size_t len, struct rate rates[RATES_MAX])
{
	const struct wsm_config *config = conn->core->config;
	struct wsm__peer *peer = conn->peer;
	size_t n = 0;

	if (conn->echo || conn->state == WSM__CONN_CLOSING)
		return 0;
	rates[n++] = (struct rate){ WSM__LIMIT_rate, &conn->rate, 1, config->rate };
	rates[n++] = (struct rate){ WSM__LIMIT_byte_rate, &conn->byte_rate, (double)len, config->byte_rate };
	if (conn->user)
		rates[n++] = (struct rate){ WSM__LIMIT_rate_per_user, &conn->user->messages, 1, config->rate_per_user };
	if (!peer || peer->exempt)
		return n;
	rates[n++] = (struct rate){ WSM__LIMIT_rate_per_ip, &peer->messages, 1, config->rate_per_ip };
	rates[n++] = (struct rate){ WSM__LIMIT_byte_rate_per_ip, &peer->bytes, (double)len, config->byte_rate_per_ip };
	return n;
}

bool wsm__limits_message(struct wsm__conn *conn, size_t len)
{
	struct rate rates[RATES_MAX];
	const struct rate *broken = broken_by(conn, rates, rates_of(conn, len, rates));

	if (broken && bear_with(conn, broken))
		tell(conn, broken, wsm__str(NULL), wsm__str(NULL));
	return !broken;
}

bool wsm__limits_control(struct wsm__conn *conn, size_t len)
{
	struct rate rates[RATES_MAX];
	const struct rate *broken = broken_by(conn, rates, rates_of(conn, len, rates));

	return !broken || bear_with(conn, broken);
}

bool wsm__limits_request(struct wsm__conn *conn, double cost, wsm_slice action, wsm_slice id)
{
	const struct rate rate = { WSM__LIMIT_subscription_rate, &conn->requests, cost,
	                           conn->core->config->subscription_rate };

	if (!broken_by(conn, &rate, 1))
		return true;
	if (bear_with(conn, &rate))
		tell(conn, &rate, action, id);
	return false;
}

void wsm__limits_answered(struct wsm__conn *conn, uint64_t replayed, size_t bytes)
{
	double rate = conn->core->config->subscription_rate;

	wsm__bucket_charge(&conn->requests, (double)(replayed / REPLAYED_PER_TOKEN + bytes / BYTES_PER_TOKEN), rate,
	                   2 * rate, conn->core->now_ms);
}

void wsm__limits_too_large(struct wsm__conn *conn)
{
	wsm__limit_broken(conn->core, WSM__LIMIT_max_message_size);
	wsm__refusal_tell(
		conn->core->runtime, WSM__REFUSED_SIZE,
		"a message of a client, closed with 1009: it is larger than option max_message_size (%zu bytes) "
		"allows. Raise it if an honest client needs more",
		wsm__conn_max_message(conn));
	wsm__conn_close(conn, 1009, "the message is larger than max_message_size");
}

/* ---- subscriptions ---------------------------------------------------------------------------------------------- */

/* Returns the subscriptions of all connections of its user, which are the members of the user's room. */
static uint64_t asked_by_user(const struct wsm__conn *conn)
{
	const struct wsm__room *room;
	uint64_t n = 0;
	char name[WSM__ROOM_SIZE];

	snprintf(name, sizeof(name), "@user:%.*s", (int)conn->sub.user_id.len, conn->sub.user_id.data);
	room = wsm__room_find(&conn->core->registry, wsm__str(name));
	for (uint32_t i = 0; room && i < room->n_members; i++)
		n += room->members[i]->sub->n_asked;
	return n;
}

const char *wsm__limits_rooms(struct wsm__conn *conn)
{
	const struct wsm_config *config = conn->core->config;

	if (conn->sub.n_asked >= config->max_rooms) {
		wsm__limit_broken(conn->core, WSM__LIMIT_max_rooms);
		return "this connection has as many subscriptions as it may (max_rooms)";
	}
	if (!conn->user || asked_by_user(conn) < config->max_rooms_per_user)
		return NULL;
	wsm__limit_broken(conn->core, WSM__LIMIT_max_rooms_per_user);
	return "the connections of this user have as many subscriptions as they may (max_rooms_per_user)";
}

bool wsm__limits_subscribe(struct wsm__conn *conn, wsm_slice action, wsm_slice id)
{
	const char *too_many = wsm__limits_rooms(conn);

	if (too_many)
		wsm__conn_error(conn, "too_many_rooms", too_many, action, id);
	return !too_many;
}
