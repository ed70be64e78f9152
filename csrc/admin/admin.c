#include "admin/admin.h"

#include "admin/access.h"
#include "admin/actions.h"
#include "admin/state.h"
#include "rest/call.h"

#define JSON_TYPE "application/json"

static bool may_read(struct wsm__call *call)
{
	return wsm__admin_may_use(call, false);
}

static bool may_act(struct wsm__call *call)
{
	return wsm__admin_may_use(call, true);
}

static const struct wsm__rest_row rows[] = {
	{ .path = "/ws/admin",
	  .content_type = "text/html; charset=utf-8",
	  .same_origin = true,
	  .allowed = wsm__admin_may_open,
	  .answer = wsm__admin_page,
	  .explain = wsm__admin_explain,
	  .headers = wsm__admin_headers },
	{ .path = "/api/ws/admin/state",
	  .content_type = JSON_TYPE,
	  .same_origin = true,
	  .allowed = may_read,
	  .answer = wsm__admin_state },
	{ .path = "/api/ws/admin/disconnect",
	  .method = "POST",
	  .content_type = JSON_TYPE,
	  .same_origin = true,
	  .allowed = may_act,
	  .answer = wsm__admin_disconnect },
	{ .path = "/api/ws/admin/ban",
	  .method = "POST",
	  .content_type = JSON_TYPE,
	  .same_origin = true,
	  .allowed = may_act,
	  .answer = wsm__admin_ban },
	{ .path = "/api/ws/admin/unban",
	  .method = "POST",
	  .content_type = JSON_TYPE,
	  .same_origin = true,
	  .allowed = may_act,
	  .answer = wsm__admin_unban },
};

const struct wsm__rest_rows wsm__admin_rows = { rows, sizeof(rows) / sizeof(rows[0]) };
