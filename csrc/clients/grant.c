/* What a token opens: its check at the door, renewal, expiry, and each token once only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/siphash.h"
#include "clients/access.h"
#include "clients/conn.h"
#include "host/token.h"
#include "wire/command.h"

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

/* NULL unless the token is good; `*result` says why not. The first of two that come with the same jti wins. */
static struct wsm__grant *grant_new(struct wsm__core *core, wsm_slice token, enum wsm__jwt_result *result)
{
	struct wsm__grant *grant = calloc(1, sizeof(*grant));
	uint64_t now = wsm__unix_ms();

	*result = WSM__JWT_NO_MEMORY;
	if (!grant)
		return NULL;
	*result = wsm__jwt_verify(core->runtime->jwt, token, now, &grant->claims);
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

/* One that has expired, or was revoked, was good once: that is nobody's attempt at guessing. */
static void note_bad(struct wsm__core *core, struct wsm__peer *peer, enum wsm__jwt_result result)
{
	if (result != WSM__JWT_EXPIRED && result != WSM__JWT_REVOKED && result != WSM__JWT_NO_MEMORY)
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
		if (!wsm__revoked(core, claims))
			return true;
		wsm__claims_fini(claims);
		result = WSM__JWT_REVOKED;
	}
	core->counters.tokens_refused++;
	note_bad(core, wsm__peer_get(core, from), result);
	return false;
}

/* ---- coming in -------------------------------------------------------------------------------------------------- */

/* Opens, or closes with 4401 or 4403. */
static void let_in(struct wsm__conn *conn, wsm_slice token)
{
	enum wsm__jwt_result result;
	struct wsm__grant *grant = grant_new(conn->core, token, &result);
	wsm_decision decision = { .allow = true };

	if (!grant) {
		note_bad(conn->core, conn->peer, result);
		wsm__conn_refuse(conn, result == WSM__JWT_NO_MEMORY ? 1013 : 4401, wsm__jwt_text(result));
		return;
	}
	conn->grant = grant;
	decision.user_id = wsm__str(grant->claims.user_id);
	decision.session_id = wsm__str(grant->claims.session_id);
	wsm__conn_open(conn, &decision);
}

void wsm__token_admit(struct wsm__conn *conn)
{
	if (conn->opening->token)
		let_in(conn, wsm__str(conn->opening->token));
	else if (wsm__wants(conn->core, WSM_WANT_AUTHENTICATE))
		wsm__decide_authenticate(conn);
	else if (conn->by_http) /* it cannot say anything before it is let in */
		wsm__conn_refuse(conn, 4401, "a token is needed: Authorization: Bearer, the path, or a subprotocol");
	else
		wsm__decide_await_token(conn);
}

void wsm__token_answer(struct wsm__conn *conn, wsm_slice id)
{
	char expires_at[WSM__TIMESTAMP_LEN + 1];
	struct wsm__buffer data;

	wsm__timestamp(conn->grant->claims.expires_ms, expires_at);
	wsm__buffer_init(&data);
	wsm__buffer_add_str(&data, "{\"user_id\":");
	wsm__buffer_add_json(&data, wsm__str(conn->info->user_id));
	wsm__buffer_addf(&data, ",\"expires_at\":\"%s\"}", expires_at);
	wsm__conn_answer_from(conn, "authenticated", &data, id);
	wsm__buffer_fini(&data);
}

bool wsm__token_first(struct wsm__conn *conn, wsm_slice message)
{
	struct wsm__command command;
	bool is_auth;

	wsm__command_parse(&command, message);
	is_auth = command.action == WSM__ACTION_AUTH;
	if (is_auth && command.error_code) {
		wsm__conn_refuse(conn, 4401, command.error);
	} else if (is_auth) {
		/* What came before it waits on, and is answered after it. */
		conn->awaits_token = false;
		conn->opening->by_message = true;
		conn->opening->answer_id = command.id.len ? wsm__slice_dup(command.id) : NULL;
		wsm__decide_forget(conn);
		let_in(conn, command.token);
	}
	wsm__command_fini(&command);
	return is_auth;
}

/* ---- renewal ---------------------------------------------------------------------------------------------------- */

static void refuse_renewal(struct wsm__conn *conn, const struct wsm__command *command, const char *code,
                           const char *why)
{
	wsm__conn_error(conn, code, why, command->name, command->id);
}

static const struct wsm__regrant renewed = { "the new token does not grant this room",
                                             "the new token does not grant the rooms of this endpoint" };

void wsm__token_renew(struct wsm__conn *conn, const struct wsm__command *command)
{
	enum wsm__jwt_result result;
	struct wsm__grant *grant;

	if (!conn->core->runtime->jwt) {
		refuse_renewal(conn, command, "unauthenticated", "this server takes no tokens");
		return;
	}
	if (!conn->grant) {
		refuse_renewal(conn, command, "unauthenticated",
		               "the application has accepted this connection; it takes no token");
		return;
	}
	grant = grant_new(conn->core, command->token, &result);
	if (!grant) {
		note_bad(conn->core, conn->peer, result);
		refuse_renewal(conn, command, result == WSM__JWT_NO_MEMORY ? "internal" : "unauthenticated",
		               wsm__jwt_text(result));
		return;
	}
	if (strcmp(grant->claims.user_id, conn->info->user_id) != 0) {
		wsm__grant_free(grant);
		conn->core->counters.tokens_refused++;
		refuse_renewal(conn, command, "unauthenticated", "the token is another user's; connect anew with it");
		return;
	}
	wsm__grant_free(conn->grant);
	conn->grant = grant;
	if (wsm__access_again(conn, &renewed))
		wsm__token_answer(conn, command->id);
}

/* ---- expiry ----------------------------------------------------------------------------------------------------- */

bool wsm__token_watch(struct wsm__conn *conn, uint64_t unix_ms)
{
	struct wsm__grant *grant = conn->grant;
	uint64_t notice_ms = (uint64_t)(conn->core->config->token_expiring_notice * 1000);
	char expires_at[WSM__TIMESTAMP_LEN + 1], data[64];

	if (unix_ms >= grant->end_ms) {
		conn->core->counters.tokens_expired++;
		wsm__conn_close(conn, 4401, wsm__jwt_text(WSM__JWT_EXPIRED));
		return true;
	}
	if (grant->told || !notice_ms || unix_ms + notice_ms < grant->claims.expires_ms)
		return false;
	grant->told = true;
	wsm__timestamp(grant->claims.expires_ms, expires_at);
	snprintf(data, sizeof(data), "{\"expires_at\":\"%s\"}", expires_at);
	wsm__conn_answer(conn, "token_expiring", wsm__str(data), wsm__str(NULL));
	return false;
}
