/*
 * rules.h - settings of rooms by pattern: rights, the fate of clients that fall behind, the size of the history. One table, which the
 * other parts ask by a room's name.
 *
 * Host threads write the table and the runtime thread reads it, so it has its own lock. The core reads it when a room is made, after
 * a change, and when a client asks for something, but not for each message.
 */
#ifndef WSM_POLICY_RULES_H
#define WSM_POLICY_RULES_H

#include <pthread.h>
#include <stdatomic.h>

#include "ws_manager.h"

#define WSM__RULES_MAX 1024 /* patterns */

/* Holders of a right. UNSET: no rule sets it, and the caller has its own default. */
enum wsm__who { WSM__WHO_UNSET, WSM__WHO_ANYONE, WSM__WHO_AUTHENTICATED, WSM__WHO_GRANTED, WSM__WHO_NOBODY };
/* The fate of a client that falls behind in a room. */
enum wsm__overflow {
	WSM__OVERFLOW_UNSET,
	WSM__OVERFLOW_RECOVER,
	WSM__OVERFLOW_DROP_OLDEST,
	WSM__OVERFLOW_LATEST,
	WSM__OVERFLOW_DISCONNECT
};
enum wsm__where { WSM__WHERE_UNSET, WSM__WHERE_MEMORY, WSM__WHERE_DISK };
enum wsm__switch { WSM__SWITCH_UNSET, WSM__SWITCH_ON, WSM__SWITCH_OFF };

/* All settings of one room. */
struct wsm__room_rule {
	enum wsm__who subscribe, publish, history, presence;
	enum wsm__overflow overflow;
	enum wsm__switch presence_events;
	enum wsm__where store;
	int64_t history_size; /* messages; -1 unset */
	double history_ttl;   /* seconds; -1 unset */
};

struct wsm__rules {
	pthread_mutex_t lock;
	atomic_uint version; /* changes with every change */
	struct wsm__pattern *list;
	size_t count;
};

void wsm__rules_init(struct wsm__rules *rules);
void wsm__rules_fini(struct wsm__rules *rules);
/* wsm_room_rule_set() without the runtime. WSM_EINVAL, WSM_EROOM, WSM_ENOMEM. */
int wsm__rules_set(struct wsm__rules *rules, wsm_slice pattern, wsm_slice setting, wsm_slice value, wsm_error *error);
/* Fills `rule` for a room: for each setting, the longest matching pattern that sets it decides. */
void wsm__rules_get(struct wsm__rules *rules, wsm_slice room, struct wsm__room_rule *rule);

#endif
