/*
 * access.h - rights in a room: lists of granted rooms, and the defaults without a rule. No I/O, no clock.
 */
#ifndef WSM_POLICY_ACCESS_H
#define WSM_POLICY_ACCESS_H

#include "policy/rules.h"

/* The rights of a client. */
enum wsm__right { WSM__RIGHT_SUBSCRIBE, WSM__RIGHT_HISTORY, WSM__RIGHT_PRESENCE, WSM__RIGHT_PUBLISH };

/* Granted rooms: names, or beginnings followed by '*'; "*" is every public room. */
struct wsm__patterns {
	char **at;
	size_t n;
};

/* Returns whether it is a public room's name, or the beginning of one (possibly empty) and '*'. */
bool wsm__access_pattern_valid(wsm_slice pattern);
/* Appends a valid pattern. WSM_ENOMEM. */
int wsm__patterns_add(struct wsm__patterns *patterns, wsm_slice pattern);
/* Returns whether a valid pattern matches a public room's name. */
bool wsm__pattern_grants(wsm_slice pattern, wsm_slice room);
/* Returns whether one of the patterns does. */
bool wsm__patterns_grant(const struct wsm__patterns *patterns, wsm_slice room);
/* Returns whether "*" is among them. */
bool wsm__patterns_grant_all(const struct wsm__patterns *patterns);
void wsm__patterns_fini(struct wsm__patterns *patterns);

/*
 * Returns who has a right in a room, never UNSET. `guarded`: a key or a handler of the host decides about clients, so that rooms
 * without a rule need a grant. History and presence follow `subscribe` unless the rule sets them.
 */
enum wsm__who wsm__access_who(const struct wsm__room_rule *rule, enum wsm__right right, bool guarded);

#endif
