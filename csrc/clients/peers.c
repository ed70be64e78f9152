#include "clients/peers.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "core/core.h"
#include "host/log.h"
#include "policy/config.h"

#define KEY_BURST 10.0   /* seconds of wrong_key_rate */
#define SWEEP_MAX 4096   /* peers looked at per sweep */
#define EVICT_LOOKS 64   /* at the longest unheard of, for one that may go */
#define LOG_RATE 5.0     /* lines a second */
#define BANS_LISTED 1000 /* rows of an answer */

/* As many new connections as may be there: an office that comes back after a restart. */
static double arrival_burst(const struct wsm_config *config)
{
	double twice = 2 * config->connection_rate_per_ip, all = (double)config->max_connections_per_ip;

	return twice > all ? twice : all;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

int wsm__peers_init(struct wsm__core *core)
{
	const struct wsm_config *config = core->config;

	core->peers = calloc(1, sizeof(*core->peers));
	if (!core->peers)
		return WSM_ENOMEM;
	core->peers->rules = (struct wsm__ban_rules){
		.threshold = config->ban_threshold,
		.window_ms = (uint64_t)(config->ban_window * 1000),
		.first_ms = (uint64_t)(config->ban_time * 1000),
		.most_ms = (uint64_t)(config->ban_time_max * 1000),
	};
	wsm__bucket_init(&core->peers->log, 4 * LOG_RATE, core->now_ms);
	return WSM_OK;
}

/* The few that are banned stand on a list of their own: statistics, and a panel that is open, count them all the time. */
static void list_ban(struct wsm__core *core, struct wsm__peer *peer)
{
	if (!peer->listed)
		DL_APPEND2(core->peers->banned, peer, banned_prev, banned_next);
	peer->listed = true;
}

static void unlist_ban(struct wsm__core *core, struct wsm__peer *peer)
{
	if (peer->listed)
		DL_DELETE2(core->peers->banned, peer, banned_prev, banned_next);
	peer->listed = false;
}

static void forget(struct wsm__core *core, struct wsm__peer *peer)
{
	unlist_ban(core, peer);
	HASH_DEL(core->peers->table, peer);
	DL_DELETE(core->peers->order, peer);
	free(peer->by_hand);
	free(peer);
}

void wsm__peers_fini(struct wsm__core *core)
{
	if (!core->peers)
		return;
	while (core->peers->order)
		forget(core, core->peers->order);
	wsm__unsaved_fini(&core->peers->unsaved);
	free(core->peers);
}

/* Puts it behind those that were not heard of since. */
static void heard_of(struct wsm__core *core, struct wsm__peer *peer)
{
	if (!peer->next)
		return;
	DL_DELETE(core->peers->order, peer);
	DL_APPEND(core->peers->order, peer);
}

/* Makes room for one: a ban goes only where everything else is in use. */
static void evict(struct wsm__core *core)
{
	struct wsm__peer *peer = core->peers->order, *found = NULL;

	for (int i = 0; i < EVICT_LOOKS && peer; i++, peer = peer->next) {
		if (peer->connections || peer->http)
			continue;
		if (!found)
			found = peer;
		if (wsm__ban_active(&peer->record, core->now_ms))
			continue;
		found = peer;
		break;
	}
	if (!found) /* in use: there are no more of those than connections, but the next look is at others */
		heard_of(core, core->peers->order);
	if (!found)
		return;
	core->peers->forgotten++;
	forget(core, found);
}

static unsigned hash_of(const struct wsm__core *core, const struct wsm__address *address)
{
	return (unsigned)wsm__siphash(address->bytes, sizeof(address->bytes), core->registry.key);
}

/* `*group`: whose the address is; `*hash`: of that. */
static struct wsm__peer *find(struct wsm__core *core, const struct wsm__address *address, struct wsm__address *group,
                              unsigned *hash)
{
	struct wsm__peer *peer = NULL;

	*group = *address;
	if (!wsm__address_is_loopback(address)) /* ::1 is no network of 2^64 */
		wsm__address_group(group);
	*hash = hash_of(core, group);
	HASH_FIND_BYHASHVALUE(hh, core->peers->table, group, sizeof(*group), *hash, peer);
	return peer;
}

const struct wsm__peer *wsm__peer_banned_now(struct wsm__core *core, const struct wsm__address *address)
{
	struct wsm__address group;
	unsigned hash;
	struct wsm__peer *peer = find(core, address, &group, &hash);

	return peer && wsm__ban_active(&peer->record, core->now_ms) ? peer : NULL;
}

bool wsm__peer_banned(struct wsm__core *core, const struct wsm__address *address)
{
	return wsm__peer_banned_now(core, address) != NULL;
}

struct wsm__peer *wsm__peer_get(struct wsm__core *core, const struct wsm__address *whole)
{
	const struct wsm_config *config = core->config;
	struct wsm__address address;
	unsigned hash;
	struct wsm__peer *peer = find(core, whole, &address, &hash);

	if (peer) {
		heard_of(core, peer);
		return peer;
	}
	if (HASH_COUNT(core->peers->table) >= config->max_peers)
		evict(core);
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->address = address;
	/* Whose address is not known cannot be told from others. */
	peer->exempt = wsm__address_is_unknown(whole) || wsm__networks_have(config->exempt_ips, whole) ||
	               wsm__networks_have(config->trusted_proxies, whole);
	wsm__bucket_init(&peer->arrivals, arrival_burst(config), core->now_ms);
	wsm__bucket_init(&peer->messages, 2 * config->rate_per_ip, core->now_ms);
	wsm__bucket_init(&peer->bytes, 2 * config->byte_rate_per_ip, core->now_ms);
	wsm__bucket_init(&peer->keys, wsm__peers_key_burst(config), core->now_ms);
	wsm__bucket_init(&peer->bearers, wsm__peers_key_burst(config), core->now_ms);
	HASH_ADD_BYHASHVALUE(hh, core->peers->table, address, sizeof(address), hash, peer);
	DL_APPEND(core->peers->order, peer);
	return peer;
}

/* Nothing is lost when a peer is made anew: no connection, nothing held against it, and its buckets are full again. */
static bool is_done(struct wsm__core *core, struct wsm__peer *peer)
{
	const struct wsm_config *config = core->config;

	if (peer->connections || peer->http || !wsm__ban_forgotten(&peer->record, &core->peers->rules, core->now_ms))
		return false;
	return wsm__bucket_full(&peer->arrivals, config->connection_rate_per_ip, arrival_burst(config), core->now_ms) &&
	       wsm__bucket_full(&peer->messages, config->rate_per_ip, 2 * config->rate_per_ip, core->now_ms) &&
	       wsm__bucket_full(&peer->bytes, config->byte_rate_per_ip, 2 * config->byte_rate_per_ip, core->now_ms) &&
	       wsm__bucket_full(&peer->keys, config->wrong_key_rate, wsm__peers_key_burst(config), core->now_ms) &&
	       wsm__bucket_full(&peer->bearers, config->wrong_key_rate, wsm__peers_key_burst(config), core->now_ms);
}

void wsm__peers_sweep(struct wsm__core *core)
{
	unsigned n = HASH_COUNT(core->peers->table);

	for (unsigned i = 0; i < n && i < SWEEP_MAX; i++) {
		struct wsm__peer *peer = core->peers->order;

		if (is_done(core, peer))
			forget(core, peer);
		else
			heard_of(core, peer);
	}
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

struct wsm__peer *wsm__peer_enter(struct wsm__core *core, wsm_slice ip)
{
	struct wsm__address address;
	struct wsm__peer *peer;

	wsm__address_parse(&address, ip);
	peer = wsm__peer_get(core, &address);
	if (peer)
		peer->connections++;
	return peer;
}

void wsm__peer_leave(struct wsm__peer *peer)
{
	if (peer)
		peer->connections--;
}

enum wsm__arrival wsm__peer_arrives(struct wsm__core *core, struct wsm__peer *peer)
{
	const struct wsm_config *config = core->config;

	if (!peer)
		return WSM__ARRIVAL_TOO_FAST;
	if (wsm__ban_active(&peer->record, core->now_ms)) {
		core->peers->banned_refused++;
		return WSM__ARRIVAL_BANNED;
	}
	if (peer->exempt ||
	    wsm__bucket_take(&peer->arrivals, 1, config->connection_rate_per_ip, arrival_burst(config), core->now_ms))
		return WSM__ARRIVAL_WELCOME;
	wsm__limit_broken(core, WSM__LIMIT_connection_rate_per_ip);
	return WSM__ARRIVAL_TOO_FAST;
}

/* ---- bans ------------------------------------------------------------------------------------------------------- */

static void note_unsaved(struct wsm__core *core, const struct wsm__address *address)
{
	char ip[WSM__ADDRESS_TEXT];
	wsm_slice name = wsm__str(wsm__address_format(address, ip));

	if (core->peers->stored && name.len && wsm__unsaved_add(&core->peers->unsaved, name))
		wsm__log(core->runtime, WSM_ERROR, "store: out of memory: the ban of %s is not kept", ip);
}

static void note_ban(struct wsm__core *core, struct wsm__peer *peer, double seconds, const char *reason)
{
	char ip[WSM__ADDRESS_TEXT];

	list_ban(core, peer);
	core->peers->bans++;
	if (wsm__bucket_take(&core->peers->log, 1, LOG_RATE, 4 * LOG_RATE, core->now_ms))
		wsm__log(core->runtime, WSM_WARNING, "%s is banned for %g s: %s",
		         wsm__address_format(&peer->address, ip), seconds, reason);
	note_unsaved(core, &peer->address);
}

void wsm__peer_offence(struct wsm__core *core, struct wsm__peer *peer, enum wsm__offence offence)
{
	uint64_t length;

	core->peers->offences[offence]++;
	if (!peer || peer->exempt)
		return;
	length = wsm__ban_offence(&peer->record, &core->peers->rules, offence, (double)peer->connections, core->now_ms);
	if (!length)
		return;
	free(peer->by_hand);
	peer->by_hand = NULL;
	note_ban(core, peer, (double)length / 1000, peer->record.reason);
}

struct wsm__peer *wsm__peers_ban(struct wsm__core *core, const struct wsm__address *address, double seconds,
                                 wsm_slice reason)
{
	struct wsm__peer *peer = wsm__peer_get(core, address);

	if (!peer)
		return NULL;
	free(peer->by_hand);
	peer->by_hand = NULL;
	if (!(seconds > 0)) {
		memset(&peer->record, 0, sizeof(peer->record));
		unlist_ban(core, peer);
		note_unsaved(core, &peer->address);
		return NULL;
	}
	peer->by_hand = wsm__slice_dup(reason.len ? reason : wsm__str("by the application"));
	peer->record.until_ms = core->now_ms + (uint64_t)(seconds * 1000);
	peer->record.points = 0;
	note_ban(core, peer, seconds, peer->by_hand ? peer->by_hand : "");
	return peer;
}

struct wsm__peer *wsm__peers_ban_again(struct wsm__core *core, const struct wsm__address *address,
                                       const struct wsm__ban *ban)
{
	uint64_t now_ms = wsm__unix_ms();
	struct wsm__peer *peer = ban->until_unix_ms > now_ms ? wsm__peer_get(core, address) : NULL;

	if (!peer || (ban->automatic && (peer->exempt || !(core->peers->rules.threshold > 0))))
		return NULL;
	free(peer->by_hand);
	peer->by_hand = ban->automatic ? NULL : wsm__slice_dup(ban->reason);
	peer->record.until_ms = core->now_ms + (ban->until_unix_ms - now_ms);
	peer->record.doublings = ban->doublings;
	peer->record.reason = wsm__ban_reason(ban->reason);
	list_ban(core, peer);
	return peer;
}

uint64_t wsm__peers_banned(struct wsm__core *core)
{
	struct wsm__peer *peer, *next;
	uint64_t n = 0;

	DL_FOREACH_SAFE2(core->peers->banned, peer, next, banned_next)
	{
		if (wsm__ban_active(&peer->record, core->now_ms))
			n++;
		else
			unlist_ban(core, peer);
	}
	return n;
}

static int longest_first(const void *left, const void *right)
{
	const struct wsm__peer *a = *(struct wsm__peer *const *)left, *b = *(struct wsm__peer *const *)right;

	return (a->record.until_ms < b->record.until_ms) - (a->record.until_ms > b->record.until_ms);
}

static void add_row(struct wsm__core *core, const struct wsm__peer *peer, struct wsm__buffer *out)
{
	uint64_t left_ms = peer->record.until_ms - core->now_ms;
	char ip[WSM__ADDRESS_TEXT], until[WSM__TIMESTAMP_LEN + 1];

	wsm__timestamp(wsm__unix_ms() + left_ms, until);
	wsm__buffer_addf(out,
	                 "{\"ip\":\"%s\",\"until\":\"%s\",\"seconds\":%llu,\"automatic\":%s,\"count\":%u,\"reason\":",
	                 wsm__address_format(&peer->address, ip), until, (unsigned long long)(left_ms + 999) / 1000,
	                 peer->by_hand ? "false" : "true", (unsigned)peer->record.doublings);
	wsm__buffer_add_json(out, wsm__str(peer->by_hand ? peer->by_hand : peer->record.reason));
	wsm__buffer_add_str(out, "}");
}

void wsm__peers_answer_bans(struct wsm__core *core, struct wsm__buffer *out)
{
	size_t n = 0, most = wsm__peers_banned(core);
	struct wsm__peer **rows = malloc((most + 1) * sizeof(struct wsm__peer *)), *peer;

	wsm__buffer_add_str(out, "[");
	if (rows) {
		DL_FOREACH2(core->peers->banned, peer, banned_next)
		{
			if (n < most)
				rows[n++] = peer;
		}
		qsort(rows, n, sizeof(struct wsm__peer *), longest_first);
	}
	for (size_t i = 0; i < n && i < BANS_LISTED; i++) {
		wsm__buffer_add_str(out, i ? "," : "");
		add_row(core, rows[i], out);
	}
	wsm__buffer_add_str(out, "]");
	free(rows);
}

double wsm__peers_key_burst(const struct wsm_config *config)
{
	return KEY_BURST * config->wrong_key_rate;
}
