/* Tokens that are taken back, and keys that are exchanged, while the runtime runs. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "clients/conn.h"
#include "host/calls.h"
#include "host/token.h"
#include "wire/name.h"

#define SWEEP_MS 60000 /* all of them are looked at */

static const wsm_slice nothing = { NULL, 0 };

/* ---- revocations ------------------------------------------------------------------------------------------------ */

void wsm__revoke_init(wsm_runtime *runtime, const struct wsm_config *config)
{
	uint8_t key[16];

	wsm__random(key, sizeof(key));
	wsm__revocations_init(&runtime->revocations, config->max_revocations, key);
}

void wsm__revoke_sweep(struct wsm__core *core)
{
	if (core->now_ms - core->revocations_swept_ms < SWEEP_MS)
		return;
	core->revocations_swept_ms = core->now_ms;
	wsm__revocations_expire(&core->runtime->revocations, wsm__unix_ms());
}

static int check_names(wsm_slice jti, wsm_slice user_id, wsm_error *error)
{
	if (!jti.len == !user_id.len)
		return wsm__fail(error, WSM_EINVAL,
		                 "a revocation is of a token (jti) or of a user (user_id), not of %s",
		                 jti.len ? "both" : "neither");
	if (jti.len > WSM__JTI_MAX || !wsm__utf8_valid(jti))
		return wsm__fail(error, WSM_EINVAL, "a jti has 1 to %d bytes of UTF-8", WSM__JTI_MAX);
	if (user_id.len && !wsm__id_valid(user_id))
		return wsm__fail(error, WSM_EINVAL, "a user id has 1 to %d bytes of UTF-8 without control characters",
		                 WSM__ID_MAX);
	return WSM_OK;
}

int wsm_revoke(wsm_runtime *runtime, const wsm_revocation *given, wsm_error *error)
{
	wsm_revocation what = *given;
	struct wsm__simple *command;
	uint64_t now = wsm__unix_ms();
	int status = wsm__runtime_check_fork(runtime, error);

	if (!status)
		status = check_names(what.jti, what.user_id, error);
	if (status)
		return status;
	if (!what.before_ms)
		what.before_ms = now;
	if (!what.until_ms) /* no token that it is about lives longer: it was issued before that */
		what.until_ms = (what.jti.len || what.before_ms < now ? now : what.before_ms) +
		                (uint64_t)(runtime->config->revocation_ttl * 1000);
	status = wsm__revocations_add(&runtime->revocations, &what, now, error);
	if (status || !atomic_load(&runtime->running)) /* nobody is connected, and nobody will be with it */
		return status;
	command = wsm__simple_new(WSM__CMD_REVOKED, what.before_ms, what.user_id, nothing, nothing, nothing, NULL, 0);
	status = wsm__simple_post(runtime, command, true, NULL);
	return status == WSM_ENOMEM ? wsm__fail(error, status, "out of memory") : WSM_OK;
}

int wsm_unrevoke(wsm_runtime *runtime, wsm_slice jti, wsm_slice user_id, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);

	if (!status)
		status = check_names(jti, user_id, error);
	if (status)
		return status;
	status = wsm__revocations_remove(&runtime->revocations, jti, user_id);
	return status ? wsm__fail(error, status, "that is not revoked, or no longer") : WSM_OK;
}

int wsm_revocations(wsm_runtime *runtime, wsm_text *answer, wsm_error *error)
{
	struct wsm__buffer out;
	int status = wsm__runtime_check_fork(runtime, error);

	answer->data = NULL;
	answer->len = 0;
	if (status)
		return status;
	wsm__revocations_expire(&runtime->revocations, wsm__unix_ms());
	wsm__buffer_init(&out);
	wsm__revocations_list(&runtime->revocations, &out);
	status = wsm__buffer_steal(&out, answer);
	wsm__buffer_fini(&out);
	return status ? wsm__fail(error, status, "out of memory") : WSM_OK;
}

bool wsm__revoked(struct wsm__core *core, const struct wsm__claims *claims)
{
	bool hit = wsm__revocations_hit(&core->runtime->revocations, wsm__str(claims->user_id), wsm__str(claims->jti),
	                                claims->issued_ms);

	core->counters.revoked += hit;
	return hit;
}

void wsm__revoke_run(struct wsm__core *core, const struct wsm__simple *command)
{
	struct wsm__conn *conn, *next;

	for (conn = core->by_number; conn; conn = next) {
		next = conn->by_number.next;
		if (conn->state == WSM__CONN_CLOSING)
			continue;
		if (conn->grant) {
			if (wsm__revoked(core, &conn->grant->claims))
				wsm__conn_close(conn, 4401, wsm__jwt_text(WSM__JWT_REVOKED));
		} else if (command->a.len && wsm__slice_equal(conn->sub.user_id, command->a) &&
		           (uint64_t)conn->info->connected_at < command->number) {
			/* The host's word for who it is, from before that time. */
			core->counters.revoked++;
			wsm__conn_close(conn, 4401, "the application has revoked what this user was let in by");
		}
	}
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

struct wsm__keys {
	struct wsm__command_node head;
	struct wsm__jwt *jwt;
};

void wsm__keys_run(wsm_runtime *runtime, struct wsm__keys *keys)
{
	wsm__jwt_free(atomic_exchange(&runtime->jwt, keys->jwt));
	free(keys);
}

/* While the thread runs, tokens are being checked there: it makes the exchange itself. */
static int exchange(wsm_runtime *runtime, struct wsm__keys *keys, wsm_error *error)
{
	int status = WSM_OK;

	pthread_mutex_lock(&runtime->lifecycle);
	if (atomic_load(&runtime->running))
		status = wsm__post(runtime, &keys->head, true);
	else if (runtime->has_thread)
		status = WSM_ENOTRUNNING; /* it is on its way out, and did not get there in time */
	else
		wsm__keys_run(runtime, keys);
	pthread_mutex_unlock(&runtime->lifecycle);
	if (!status)
		return WSM_OK;
	wsm__jwt_free(keys->jwt);
	free(keys);
	return wsm__fail(error, status, "the runtime is being stopped");
}

int wsm_reload_keys(wsm_runtime *runtime, const char *secret, const char *public_key, wsm_error *error)
{
	struct wsm__keys *keys;
	int status = wsm__runtime_check_fork(runtime, error);

	if (status)
		return status;
	if (!runtime->jwt)
		return wsm__fail(
			error, WSM_ECONFIG,
			"there are no keys to reload: token authentication is switched on by option jwt_secret "
			"or jwt_public_key before the start");
	keys = calloc(1, sizeof(*keys));
	if (!keys)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	keys->head.kind = WSM__CMD_KEYS;
	keys->jwt = wsm__token_keys(runtime->config, secret, public_key, runtime->jwt_algorithm, error);
	if (keys->jwt)
		return exchange(runtime, keys, error);
	free(keys);
	return WSM_ECONFIG;
}
