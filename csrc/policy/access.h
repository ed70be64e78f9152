/*
 * access.h - who may do what in a room: lists of granted rooms, and what holds where no rule says anything. No I/O, no clock.
 */
#ifndef WSM_POLICY_ACCESS_H
#define WSM_POLICY_ACCESS_H

#include "policy/rules.h"

/* What a client may ask for. */
enum wsm__right { WSM__RIGHT_SUBSCRIBE, WSM__RIGHT_HISTORY, WSM__RIGHT_PRESENCE, WSM__RIGHT_PUBLISH };

/* Rooms that somebody was granted: names, or beginnings followed by '*'; "*" is every public room. */
struct wsm__patterns {
	char **at;
	size_t n;
};

/* A public room's name, or the beginning of one (possibly empty) and '*'. */
bool wsm__access_pattern_valid(wsm_slice pattern);
/* Appends a valid pattern. WSM_ENOMEM. */
int wsm__patterns_add(struct wsm__patterns *patterns, wsm_slice pattern);
/* Whether a valid pattern is, or is the beginning of, a public room's name. */
bool wsm__pattern_grants(wsm_slice pattern, wsm_slice room);
/* Whether one of them does. */
bool wsm__patterns_grant(const struct wsm__patterns *patterns, wsm_slice room);
/* Whether "*" is among them. */
bool wsm__patterns_grant_all(const struct wsm__patterns *patterns);
void wsm__patterns_fini(struct wsm__patterns *patterns);

/*
 * Who has a right in a room, never UNSET. `guarded`: something decides about clients (a key, or a handler of the host), so that
 * what nobody speaks of needs a grant. History and presence follow `subscribe` where nothing is said about them.
 */
enum wsm__who wsm__access_who(const struct wsm__room_rule *rule, enum wsm__right right, bool guarded);

#endif
