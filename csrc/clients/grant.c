/* What a token opens: its check at the door, renewal, expiry, and each token once only. */
#include "clients/grant.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "clients/peers.h"
#include "core/core.h"
#include "policy/config.h"

/* ---- tokens that were used -------------------------------------------------------------------------------------- */

#define SWEEP_MS 10000 /* all of them are looked at */

struct wsm__used {
	UT_hash_handle hh;
	uint64_t until_ms; /* Unix time from which the token is refused as expired anyhow */
	char jti[];
};

static enum wsm__jwt_result use_once(struct wsm__core *core, const struct wsm__claims *claims)
{
	size_t len = claims->jti ? strlen(claims->jti) : 0;
	unsigned hash;
	struct wsm__used *used = NULL;

	if (!core->config->jwt_replay)
		return WSM__JWT_OK;
	if (!len)
		return WSM__JWT_NO_JTI;
	hash = (unsigned)wsm__siphash(claims->jti, len, core->registry.key);
	HASH_FIND_BYHASHVALUE(hh, core->used, claims->jti, (unsigned)len, hash, used);
	if (used)
		return WSM__JWT_REPLAYED;
	used = calloc(1, sizeof(*used) + len + 1);
	if (!used)
		return WSM__JWT_NO_MEMORY;
	memcpy(used->jti, claims->jti, len);
	used->until_ms = claims->expires_ms + (uint64_t)(core->config->jwt_leeway * 1000);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, core->used, used->jti, (unsigned)len, hash, used);
	return WSM__JWT_OK;
}

static void forget_used(struct wsm__core *core, uint64_t unix_ms)
{
	struct wsm__used *used, *next;

	HASH_ITER(hh, core->used, used, next) {
		if (used->until_ms > unix_ms)
			continue;
		HASH_DEL(core->used, used);
		free(used);
	}
}

void wsm__replay_sweep(struct wsm__core *core)
{
	if (!core->used || core->now_ms - core->used_swept_ms < SWEEP_MS)
		return;
	core->used_swept_ms = core->now_ms;
	forget_used(core, wsm__unix_ms());
}

void wsm__replay_fini(struct wsm__core *core)
{
	forget_used(core, UINT64_MAX);
}

/* ---- grants ----------------------------------------------------------------------------------------------------- */

void wsm__grant_free(struct wsm__grant *grant)
{
	if (!grant)
		return;
	wsm__claims_fini(&grant->claims);
	free(grant);
}

struct wsm__grant *wsm__grant_new(struct wsm__core *core, wsm_slice token, enum wsm__jwt_result *result)
{
	struct wsm__grant *grant = calloc(1, sizeof(*grant));
	uint64_t now = wsm__unix_ms();

	*result = WSM__JWT_NO_MEMORY;
	if (!grant)
		return NULL;
	*result = wsm__jwt_verify(core->runtime->jwt, token, now, &grant->claims);
	if (!*result && core->revocations_unknown)
		*result = WSM__JWT_UNREAD;
	if (!*result && wsm__revoked(core, &grant->claims))
		*result = WSM__JWT_REVOKED;
	if (!*result)
		*result = use_once(core, &grant->claims);
	if (*result) {
		core->counters.tokens_refused++;
		wsm__grant_free(grant);
		return NULL;
	}
	grant->end_ms = grant->claims.expires_ms;
	if (grant->end_ms <= now) /* good because of the leeway, so it ends with it */
		grant->end_ms += (uint64_t)(core->config->jwt_leeway * 1000);
	return grant;
}

void wsm__grant_bad(struct wsm__core *core, struct wsm__peer *peer, enum wsm__jwt_result result)
{
	if (result != WSM__JWT_EXPIRED && result != WSM__JWT_REVOKED && !wsm__jwt_later(result))
		wsm__peer_offence(core, peer, WSM__OFFENCE_token);
}

bool wsm__token_read(struct wsm__core *core, wsm_slice token, const struct wsm__address *from,
                     struct wsm__claims *claims)
{
	enum wsm__jwt_result result;

	if (!core->runtime->jwt || !token.len)
		return false;
	result = wsm__jwt_verify(core->runtime->jwt, token, wsm__unix_ms(), claims);
	if (!result) {
		result = core->revocations_unknown    ? WSM__JWT_UNREAD
		         : wsm__revoked(core, claims) ? WSM__JWT_REVOKED
		                                      : WSM__JWT_OK;
		if (!result)
			return true;
		wsm__claims_fini(claims);
	}
	core->counters.tokens_refused++;
	wsm__grant_bad(core, wsm__peer_get(core, from), result);
	return false;
}

bool wsm__revoked(struct wsm__core *core, const struct wsm__claims *claims)
{
	bool hit = wsm__revocations_hit(&core->runtime->revocations, wsm__str(claims->user_id), wsm__str(claims->jti),
	                                claims->issued_ms);

	core->counters.revoked += hit;
	return hit;
}
