#include "clients/users.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "core/core.h"
#include "policy/config.h"

static struct wsm__user *user_get(struct wsm__core *core, wsm_slice id)
{
	unsigned hash = (unsigned)wsm__siphash(id.data, id.len, core->registry.key);
	struct wsm__user *user = NULL;

	HASH_FIND_BYHASHVALUE(hh, core->users, id.data, (unsigned)id.len, hash, user);
	if (user || !(user = calloc(1, sizeof(*user) + id.len + 1)))
		return user;
	memcpy(user->id, id.data, id.len);
	wsm__bucket_init(&user->messages, 2 * core->config->rate_per_user, core->now_ms);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, core->users, user->id, (unsigned)id.len, hash, user);
	return user;
}

bool wsm__user_enter(struct wsm__core *core, wsm_slice id, struct wsm__user **user)
{
	*user = user_get(core, id);
	if (!*user)
		return false;
	if ((*user)->connections < core->config->max_connections_per_user) {
		(*user)->connections++;
		return true;
	}
	*user = NULL;
	wsm__limit_broken(core, WSM__LIMIT_max_connections_per_user);
	return true;
}

void wsm__user_leave(struct wsm__core *core, struct wsm__user *user)
{
	if (!user || --user->connections)
		return;
	HASH_DEL(core->users, user);
	free(user);
}

void wsm__users_fini(struct wsm__core *core)
{
	struct wsm__user *user, *next;

	HASH_ITER(hh, core->users, user, next) {
		HASH_DEL(core->users, user);
		free(user);
	}
}
