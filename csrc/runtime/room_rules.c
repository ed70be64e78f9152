/* Rooms by pattern: the public call, and what the rules and the options come to for one room. */
#include "runtime/room_rules.h"

#include "base/error.h"
#include "clients/access.h"
#include "clients/greeting.h"
#include "core/core.h"
#include "core/publish.h"
#include "log/disk.h"
#include "policy/config.h"
#include "rooms/room.h"

#define USER_HISTORY_SIZE 100u        /* of a user's room, where no rule says anything */
#define USER_HISTORY_TTL_MS 86400000u /* what was sent while a user was away waits for a day */

int wsm_room_rule_set(wsm_runtime *runtime, wsm_slice pattern, wsm_slice setting, wsm_slice value, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);

	if (!status && wsm__slice_is(setting, "store") && wsm__slice_is(value, "disk") && !*runtime->config->store)
		return wsm__fail(
			error, WSM_ENOSTORE,
			"room rule of \"%.*s\": nothing is kept on disk without option store, the path of a file "
			"(WEBSOCKET_STORE=/var/lib/app/ws.db)",
			(int)(pattern.len < 140 ? pattern.len : 140), pattern.data ? pattern.data : "");
	return status ? status : wsm__rules_set(&runtime->rules, pattern, setting, value, error);
}

/* ---- what the rules and the options come to --------------------------------------------------------------------- */

/* In the order of enum wsm__overflow. */
static const enum wsm__backlog backlogs[] = { WSM__RECOVER, WSM__RECOVER, WSM__DROP_OLDEST, WSM__LATEST,
                                              WSM__DISCONNECT };

/*
 * What is kept of a room, and whether it is on disk: the options, but for what room rules say. Any thread. User rooms keep what waits
 * for those who are away, in memory no more than a little.
 */
static void settle_kept(struct wsm__core *core, bool of_user, const struct wsm__room_rule *rule,
                        struct wsm__room_settings *settings)
{
	const struct wsm_config *config = core->config;
	struct wsm__history_limits *kept = &settings->kept;

	kept->size = (uint32_t)config->history_size;
	kept->bytes = config->history_bytes;
	kept->ttl_ms = (uint64_t)(config->history_ttl * 1000);
	if (of_user) {
		kept->size = kept->size < USER_HISTORY_SIZE ? kept->size : USER_HISTORY_SIZE;
		kept->ttl_ms = kept->ttl_ms > USER_HISTORY_TTL_MS ? kept->ttl_ms : USER_HISTORY_TTL_MS;
	}
	if (rule->history_size >= 0)
		kept->size = (uint32_t)rule->history_size;
	if (rule->history_ttl >= 0)
		kept->ttl_ms = (uint64_t)(rule->history_ttl * 1000);
	settings->stored = kept->size && (wsm__log_instead || (rule->store == WSM__WHERE_DISK && *config->store));
}

/* registry.settle. Of a stored room, memory holds the newest part only. */
static void settle(void *context, wsm_slice name, enum wsm__room_kind kind, struct wsm__room_settings *settings)
{
	struct wsm__core *core = context;
	struct wsm__history_limits *history = &settings->history;
	struct wsm__room_rule rule;

	wsm__rules_get(&core->runtime->rules, name, &rule);
	settings->backlog = backlogs[rule.overflow];
	settings->hidden = wsm__access_hides(core, &rule);
	settings->presence_events =
		rule.presence_events == WSM__SWITCH_ON && (kind == WSM__ROOM_PUBLIC || kind == WSM__ROOM_ALL);
	settle_kept(core, kind == WSM__ROOM_USER, &rule, settings);
	*history = settings->kept;
	if (!settings->stored || !core->log.driver)
		return;
	if (history->size > core->log.driver->at_hand)
		history->size = core->log.driver->at_hand;
	if (history->ttl_ms > core->registry.history.ttl_ms)
		history->ttl_ms = core->registry.history.ttl_ms;
}

/* log.rule: on the store's thread. */
static void rule_of_log(void *context, wsm_slice name, struct wsm__room_settings *settings)
{
	struct wsm__core *core = context;
	struct wsm__room_rule rule;

	wsm__rules_get(&core->runtime->rules, name, &rule);
	settle_kept(core, wsm__slice_starts(name, "@user:"), &rule, settings);
}

static void open_log(struct wsm__core *core)
{
	const struct wsm_config *config = core->config;

	core->log.driver = wsm__log_instead ? wsm__log_instead : *config->store ? &wsm__disk : NULL;
	core->log.runtime = core->runtime;
	core->log.loop = &core->loop;
	core->log.registry = &core->registry;
	core->log.now_ms = &core->now_ms;
	core->log.rule = rule_of_log;
	wsm__publish_init(core);
}

void wsm__rooms_init(struct wsm__core *core)
{
	const struct wsm_config *config = core->config;
	uint8_t key[16];
	char base[9];

	wsm__random(key, sizeof(key));
	wsm__random_name(base, 8);
	wsm__registry_init(&core->registry, key, base);
	core->registry.max_queue = config->max_queue;
	core->registry.history.size = (uint32_t)config->history_size;
	core->registry.history.bytes = config->history_bytes;
	core->registry.history.ttl_ms = (uint64_t)(config->history_ttl * 1000);
	core->registry.max_history_bytes = config->max_history_bytes;
	core->registry.presence_grace_ms = (uint64_t)(config->presence_grace * 1000);
	core->registry.settle = settle;
	core->registry.settle_context = core;
	core->registry.settings_version = &core->runtime->rules.version;
	core->registry.gap = wsm__conn_gap;
	core->registry.gap_context = core;
	open_log(core);
	wsm__throttle_init(&core->throttle, key);
	wsm__once_init(&core->once, key, config->max_once);
	wsm__ulid_init(&core->ulid);
}
