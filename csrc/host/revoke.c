/* The public calls about tokens that are taken back. */
#include "host/revoke.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/slice.h"
#include "host/handle.h"
#include "host/order.h"
#include "policy/config.h"
#include "policy/jwt.h"
#include "wire/name.h"

void wsm__revoke_init(wsm_runtime *runtime, const struct wsm_config *config)
{
	uint8_t key[16];

	wsm__random(key, sizeof(key));
	wsm__revocations_init(&runtime->revocations, config->max_revocations, key, config->store[0] != '\0');
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
	status = wsm__order_post(
		runtime,
		&(struct wsm__order){ .head.kind = WSM__CMD_REVOKED, .revoked = { what.user_id, what.before_ms } },
		true, NULL);
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
	if (status == WSM_ENOTFOUND)
		return wsm__fail(error, status, "that is not revoked, or no longer");
	if (status == WSM_EOVERLOADED)
		return wsm__fail(
			error, status,
			"%zu that are taken back wait for the store already (max_revocations): it cannot be read now",
			(size_t)runtime->config->max_revocations);
	if (status)
		return wsm__fail(error, status, "out of memory");
	if (runtime->revocations.stored && atomic_load(&runtime->running)) /* else the next start writes it */
		wsm__order_post(runtime, &(struct wsm__order){ .head.kind = WSM__CMD_UNREVOKED }, true, NULL);
	return WSM_OK;
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
