#include "net/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "net/connection.h"
#include "net/peers.h"

/* What costs as much as a subscription. */
#define REPLAYED_PER_TOKEN 50
#define BYTES_PER_TOKEN 16384
#define VIOLATIONS_MIN 20.0 /* refused messages before a connection is closed */

static const char *const names[] = {
#define WSM_X(name) #name,
	WSM__LIMITS(WSM_X)
#undef WSM_X
};

void wsm__limit_broken(struct wsm__core *core, enum wsm__limit limit)
{
	core->limits.broken[limit]++;
}

double wsm__limits_arrival_burst(const struct wsm_config *config)
{
	double twice = 2 * config->connection_rate_per_ip, all = (double)config->max_connections_per_ip;

	return twice > all ? twice : all;
}

/* ---- users ------------------------------------------------------------------------------------------------------ */

static struct wsm__user *user_get(struct wsm__core *core, wsm_slice id)
{
	unsigned hash = (unsigned)wsm__siphash(id.data, id.len, core->registry.key);
	struct wsm__user *user = NULL;

	HASH_FIND_BYHASHVALUE(hh, core->limits.users, id.data, (unsigned)id.len, hash, user);
	if (user || !(user = calloc(1, sizeof(*user) + id.len + 1)))
		return user;
	memcpy(user->id, id.data, id.len);
	wsm__bucket_init(&user->messages, 2 * core->config->rate_per_user, core->now_ms);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, core->limits.users, user->id, (unsigned)id.len, hash, user);
	return user;
}

bool wsm__limits_enter(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	struct wsm__user *user;

	if (conn->user || !conn->sub.user_id.len)
		return true;
	user = user_get(core, conn->sub.user_id);
	if (!user) {
		wsm__conn_close(conn, 1013, "the server is out of memory");
		return false;
	}
	if (user->connections < core->config->max_connections_per_user) {
		user->connections++;
		conn->user = user;
		return true;
	}
	wsm__limit_broken(core, WSM__LIMIT_max_connections_per_user);
	wsm__conn_refuse(conn, 1013, "there are too many connections of this user (max_connections_per_user)");
	return false;
}

void wsm__limits_leave(struct wsm__conn *conn)
{
	struct wsm__user *user = conn->user;

	conn->user = NULL;
	if (!user || --user->connections)
		return;
	HASH_DEL(conn->core->limits.users, user);
	free(user);
}

void wsm__limits_fini(struct wsm__core *core)
{
	struct wsm__user *user, *next;

	HASH_ITER(hh, core->limits.users, user, next) {
		HASH_DEL(core->limits.users, user);
		free(user);
	}
}

/* ---- rates ------------------------------------------------------------------------------------------------------ */

/* One rate that a message or request counts for. */
struct rate {
	enum wsm__limit limit;
	struct wsm__bucket *bucket;
	double cost, rate;
};

/* Who goes on regardless is sent away: false then. */
static bool bear_with(struct wsm__conn *conn, const struct rate *rate)
{
	struct wsm__core *core = conn->core;
	double most = 2 * core->config->rate;

	wsm__limit_broken(core, rate->limit);
	core->counters.rate_limited++;
	if (++conn->violations <= (most > VIOLATIONS_MIN ? most : VIOLATIONS_MIN))
		return true;
	wsm__peer_offence(core, conn->peer, WSM__OFFENCE_rate);
	wsm__conn_close(conn, 4429, "the rate limit was broken repeatedly");
	return false;
}

static void tell(struct wsm__conn *conn, const struct rate *rate, wsm_slice action, wsm_slice id)
{
	char message[96];

	snprintf(message, sizeof(message), "too much per second (%s)", names[rate->limit]);
	wsm__conn_error_later(conn, "rate_limited", message, action, id,
	                      wsm__bucket_wait_ms(rate->bucket, rate->cost, rate->rate, 2 * rate->rate));
}

/* Takes from all of them; the first that has too little, or NULL. */
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

/* ---- subscriptions ---------------------------------------------------------------------------------------------- */

/* Of all connections of its user: those are the members of a room. */
static uint64_t asked_by_user(const struct wsm__conn *conn)
{
	const struct wsm__room *room;
	uint64_t n = 0;
	char name[136];

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

/* ---- statistics ------------------------------------------------------------------------------------------------- */

void wsm__limits_stats(struct wsm__core *core, struct wsm__buffer *out)
{
	wsm__buffer_addf(out,
	                 ",\"peers\":%u,\"peers_forgotten\":%llu,\"banned\":%llu,\"bans\":%llu,\"banned_refused\":%llu",
	                 HASH_COUNT(core->peers.table), (unsigned long long)core->peers.forgotten,
	                 (unsigned long long)wsm__peers_banned(core), (unsigned long long)core->peers.bans,
	                 (unsigned long long)core->peers.banned_refused);
	wsm__buffer_addf(out, ",\"deferred_handshakes\":%llu", (unsigned long long)core->limits.deferred);
	wsm__buffer_add_str(out, ",\"limits_broken\":{");
	for (int i = 0; i < WSM__LIMIT_COUNT; i++)
		wsm__buffer_addf(out, "%s\"%s\":%llu", i ? "," : "", names[i],
		                 (unsigned long long)core->limits.broken[i]);
	wsm__buffer_add_str(out, "},\"offences\":{");
	for (int i = 0; i < WSM__OFFENCE_COUNT; i++)
		wsm__buffer_addf(out, "%s\"%s\":%llu", i ? "," : "", wsm__offence_name((enum wsm__offence)i),
		                 (unsigned long long)core->peers.offences[i]);
	wsm__buffer_add_str(out, "}");
}

static void add_metric(struct wsm__buffer *out, const char *name, bool counter, const char *help)
{
	wsm__buffer_addf(out, "# HELP ws_manager_%s %s\n# TYPE ws_manager_%s %s\n", name, help, name,
	                 counter ? "counter" : "gauge");
}

static void add_value(struct wsm__buffer *out, const char *name, const char *label, const char *value, uint64_t number)
{
	wsm__buffer_addf(out, "ws_manager_%s", name);
	if (label)
		wsm__buffer_addf(out, "{%s=\"%s\"}", label, value);
	wsm__buffer_addf(out, " %llu\n", (unsigned long long)number);
}

void wsm__limits_metrics(struct wsm__core *core, struct wsm__buffer *out)
{
	const struct {
		const char *name;
		bool counter;
		const char *help;
		uint64_t value;
	} rows[] = {
		{ "peers", false, "Client addresses remembered.", HASH_COUNT(core->peers.table) },
		{ "peers_forgotten_total", true, "Addresses forgotten because there were max_peers.",
		  core->peers.forgotten },
		{ "banned", false, "Addresses that are banned.", wsm__peers_banned(core) },
		{ "bans_total", true, "Bans, automatic and by hand.", core->peers.bans },
		{ "banned_refused_total", true, "Connections of banned addresses turned away.",
		  core->peers.banned_refused },
		{ "handshakes_deferred_total", true, "Requests that have waited for another turn of the loop.",
		  core->limits.deferred },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		add_metric(out, rows[i].name, rows[i].counter, rows[i].help);
		add_value(out, rows[i].name, NULL, NULL, rows[i].value);
	}
	add_metric(out, "limits_broken_total", true, "Times a client wanted more than a limit allows.");
	for (int i = 0; i < WSM__LIMIT_COUNT; i++)
		add_value(out, "limits_broken_total", "limit", names[i], core->limits.broken[i]);
	add_metric(out, "offences_total", true, "What counts towards a ban.");
	for (int i = 0; i < WSM__OFFENCE_COUNT; i++)
		add_value(out, "offences_total", "kind", wsm__offence_name((enum wsm__offence)i),
		          core->peers.offences[i]);
}
