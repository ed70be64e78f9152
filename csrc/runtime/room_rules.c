/* Rooms by pattern: the public call, and what the rules and the options come to for one room. */
#include "runtime/room_rules.h"

#include "clients/access.h"
#include "clients/greeting.h"
#include "core/core.h"
#include "core/publish.h"
#include "policy/config.h"
#include "rooms/room.h"

#define USER_HISTORY_SIZE 100u        /* of a user's room, where no rule says anything */
#define USER_HISTORY_TTL_MS 86400000u /* what was sent while a user was away waits for a day */

int wsm_room_rule_set(wsm_runtime *runtime, wsm_slice pattern, wsm_slice setting, wsm_slice value, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);

	return status ? status : wsm__rules_set(&runtime->rules, pattern, setting, value, error);
}

/* ---- what the rules and the options come to --------------------------------------------------------------------- */

/* In the order of enum wsm__overflow. */
static const enum wsm__backlog backlogs[] = { WSM__RECOVER, WSM__RECOVER, WSM__DROP_OLDEST, WSM__LATEST,
                                              WSM__DISCONNECT };

/* The options, but for what room rules say. */
static void settle(void *context, wsm_slice name, enum wsm__room_kind kind, struct wsm__room_settings *settings)
{
	struct wsm__core *core = context;
	struct wsm__history_limits *history = &settings->history;
	struct wsm__room_rule rule;

	wsm__rules_get(&core->runtime->rules, name, &rule);
	settings->backlog = backlogs[rule.overflow];
	settings->hidden = wsm__access_hides(core, &rule);
	if (kind == WSM__ROOM_USER) {
		history->size = history->size < USER_HISTORY_SIZE ? history->size : USER_HISTORY_SIZE;
		history->ttl_ms = history->ttl_ms > USER_HISTORY_TTL_MS ? history->ttl_ms : USER_HISTORY_TTL_MS;
	}
	settings->presence_events =
		rule.presence_events == WSM__SWITCH_ON && (kind == WSM__ROOM_PUBLIC || kind == WSM__ROOM_ALL);
	if (rule.history_size >= 0)
		history->size = (uint32_t)rule.history_size;
	if (rule.history_ttl >= 0)
		history->ttl_ms = (uint64_t)(rule.history_ttl * 1000);
	settings->stored = wsm__log_instead && history->size;
	settings->kept = *history;
	if (settings->stored && history->size > core->log.driver->at_hand)
		history->size = core->log.driver->at_hand;
}

static void open_log(struct wsm__core *core)
{
	core->log.driver = wsm__log_instead;
	core->log.runtime = core->runtime;
	core->log.loop = &core->loop;
	core->log.registry = &core->registry;
	core->log.now_ms = &core->now_ms;
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
	wsm__ulid_init(&core->ulid);
}
