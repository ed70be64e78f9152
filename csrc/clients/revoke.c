#include "clients/revoke.h"

#include "clients/conn.h"
#include "clients/grant.h"

#define SWEEP_MS 60000 /* all of them are looked at */

void wsm__revoke_sweep(struct wsm__core *core)
{
	if (core->now_ms - core->revocations_swept_ms < SWEEP_MS)
		return;
	core->revocations_swept_ms = core->now_ms;
	wsm__revocations_expire(&core->runtime->revocations, wsm__unix_ms());
}

static void end_by_token(struct wsm__core *core, struct wsm__conn *conn)
{
	if (wsm__revoked(core, &conn->grant->claims))
		wsm__conn_close(conn, 4401, wsm__jwt_text(WSM__JWT_REVOKED));
}

static void end_by_user(struct wsm__core *core, struct wsm__conn *conn)
{
	core->counters.revoked++;
	wsm__conn_close(conn, 4401, "the application has revoked what this user was let in by");
}

void wsm__revoke_run(struct wsm__core *core, wsm_slice user_id, uint64_t before_ms)
{
	struct wsm__conn *conn, *next;

	for (conn = core->by_number; conn; conn = next) {
		next = conn->by_number.next;
		if (conn->state == WSM__CONN_CLOSING)
			continue;
		if (conn->grant)
			end_by_token(core, conn);
		else if (user_id.len && wsm__slice_equal(conn->sub.user_id, user_id) &&
		         (uint64_t)conn->info->connected_at < before_ms)
			end_by_user(core, conn); /* the host's word for who it is, from before that time */
	}
}

void wsm__revoke_all(struct wsm__core *core)
{
	struct wsm__revocations *revocations = &core->runtime->revocations;
	struct wsm__conn *conn, *next;

	for (conn = core->by_number; conn; conn = next) {
		next = conn->by_number.next;
		if (conn->state == WSM__CONN_CLOSING)
			continue;
		if (conn->grant)
			end_by_token(core, conn);
		else if (conn->sub.user_id.len && wsm__revocations_hit(revocations, conn->sub.user_id, wsm__str(""),
		                                                       (uint64_t)conn->info->connected_at))
			end_by_user(core, conn);
	}
}
