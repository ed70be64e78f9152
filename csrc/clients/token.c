#include "clients/token.h"

#include <stdio.h>
#include <string.h>

#include "clients/access.h"
#include "clients/conn.h"
#include "clients/grant.h"
#include "policy/config.h"
#include "wire/command.h"

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
	grant = wsm__grant_new(conn->core, command->token, &result);
	if (!grant) {
		wsm__grant_bad(conn->core, conn->peer, result);
		refuse_renewal(conn, command, wsm__jwt_later(result) ? "internal" : "unauthenticated",
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
