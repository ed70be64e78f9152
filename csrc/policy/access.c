#include "policy/access.h"

#include <stdlib.h>

#include "base/slice.h"
#include "wire/name.h"

bool wsm__access_pattern_valid(wsm_slice pattern)
{
	if (pattern.len && pattern.data[pattern.len - 1] == '*') {
		pattern.len--;
		if (!pattern.len)
			return true;
	}
	return wsm__room_name_valid(pattern);
}

bool wsm_room_valid(wsm_slice name, bool pattern)
{
	return pattern ? wsm__access_pattern_valid(name) : wsm__room_name_valid(name);
}

bool wsm_id_valid(wsm_slice id)
{
	return wsm__id_valid(id);
}

int wsm__patterns_add(struct wsm__patterns *patterns, wsm_slice pattern)
{
	char **grown = realloc(patterns->at, (patterns->n + 1) * sizeof(*grown));

	if (!grown)
		return WSM_ENOMEM;
	patterns->at = grown;
	grown[patterns->n] = wsm__slice_dup(pattern);
	if (!grown[patterns->n])
		return WSM_ENOMEM;
	patterns->n++;
	return WSM_OK;
}

bool wsm__pattern_grants(wsm_slice pattern, wsm_slice room)
{
	size_t beginning = pattern.len - 1; /* no pattern is empty */

	if (pattern.data[beginning] != '*')
		return wsm__slice_equal(room, pattern);
	return room.len >= beginning && memcmp(room.data, pattern.data, beginning) == 0;
}

bool wsm__patterns_grant(const struct wsm__patterns *patterns, wsm_slice room)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (wsm__pattern_grants(wsm__str(patterns->at[i]), room))
			return true;
	return false;
}

bool wsm__patterns_grant_all(const struct wsm__patterns *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (!strcmp(patterns->at[i], "*"))
			return true;
	return false;
}

void wsm__patterns_fini(struct wsm__patterns *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		free(patterns->at[i]);
	free(patterns->at);
	patterns->at = NULL;
	patterns->n = 0;
}

static enum wsm__who said(const struct wsm__room_rule *rule, enum wsm__right right)
{
	switch (right) {
	case WSM__RIGHT_HISTORY:
		return rule->history ? rule->history : rule->subscribe;
	case WSM__RIGHT_PRESENCE:
		return rule->presence ? rule->presence : rule->subscribe;
	case WSM__RIGHT_PUBLISH:
		return rule->publish;
	default:
		return rule->subscribe;
	}
}

enum wsm__who wsm__access_who(const struct wsm__room_rule *rule, enum wsm__right right, bool guarded)
{
	enum wsm__who who = said(rule, right);

	if (who)
		return who;
	/* Publishing always needs a grant. If nothing decides about clients, nobody has one. */
	return guarded || right == WSM__RIGHT_PUBLISH ? WSM__WHO_GRANTED : WSM__WHO_ANYONE;
}
