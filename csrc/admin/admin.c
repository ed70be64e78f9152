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
	{
		.route = { "admin", "GET", "/ws/admin", "", WSM_REST_ADMIN, "The admin panel" },
		.content_type = "text/html; charset=utf-8",
		.allowed = wsm__admin_may_open,
		.answer = wsm__admin_page,
		.explain = wsm__admin_explain,
		.headers = wsm__admin_headers,
	},
	{
		.route = { "admin_state", "GET", "/api/ws/admin/state",
		           "view,room,search,sort,offset,limit,since,after", WSM_REST_ADMIN, "What it shows" },
		.content_type = JSON_TYPE,
		.allowed = may_read,
		.answer = wsm__admin_state,
	},
	{
		.route = { "admin_disconnect", "POST", "/api/ws/admin/disconnect", "client_id,user_id", WSM_REST_ADMIN,
		           "Closes connections" },
		.content_type = JSON_TYPE,
		.allowed = may_act,
		.answer = wsm__admin_disconnect,
	},
	{
		.route = { "admin_ban", "POST", "/api/ws/admin/ban", "ip,seconds", WSM_REST_ADMIN, "Bans an address" },
		.content_type = JSON_TYPE,
		.allowed = may_act,
		.answer = wsm__admin_ban,
	},
	{
		.route = { "admin_unban", "POST", "/api/ws/admin/unban", "ip", WSM_REST_ADMIN, "Lifts a ban" },
		.content_type = JSON_TYPE,
		.allowed = may_act,
		.answer = wsm__admin_unban,
	},
};

const struct wsm__rest_rows wsm__admin_rows = { rows, sizeof(rows) / sizeof(rows[0]) };
