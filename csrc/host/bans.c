/* Bans by hand: the public calls. */
#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "host/handle.h"
#include "host/order.h"
#include "policy/address.h"

#define SECONDS_MAX 31536000.0 /* a year */

static int order(wsm_runtime *runtime, wsm_slice ip, double seconds, wsm_slice reason, wsm_error *error)
{
	struct wsm__address address;
	int status = wsm__runtime_check(runtime, error);

	if (!status && !wsm__address_parse(&address, ip))
		status = wsm__fail(error, WSM_EINVAL, "\"%.*s\" is no IP address: 192.0.2.7, 2001:db8::1",
		                   (int)(ip.len > 60 ? 60 : ip.len), ip.data ? ip.data : "");
	if (!status && (!wsm__utf8_valid(reason) || memchr(reason.data ? reason.data : "", '\0', reason.len)))
		status = wsm__fail(error, WSM_EINVAL, "the reason must be UTF-8 without NUL");
	if (status)
		return status;
	return wsm__order_post(
		runtime,
		&(struct wsm__order){ .head.kind = WSM__CMD_BAN, .ban = { ip, reason, (uint64_t)(seconds * 1000) } },
		true, error);
}

int wsm_ban(wsm_runtime *runtime, wsm_slice ip, double seconds, wsm_slice reason, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);

	if (status)
		return status;
	if (!(seconds >= 0.001 && seconds <= SECONDS_MAX))
		return wsm__fail(error, WSM_EINVAL, "a ban lasts from 0.001 to %.0f seconds, not %g", SECONDS_MAX,
		                 seconds);
	return order(runtime, ip, seconds, reason, error);
}

int wsm_unban(wsm_runtime *runtime, wsm_slice ip, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);

	return status ? status : order(runtime, ip, 0, wsm__str(NULL), error);
}
