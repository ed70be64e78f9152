#include "rest/cors.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "policy/config.h"
#include "policy/origin.h"

#define ORIGIN_MAX 300 /* bytes: a scheme, a host of 253, a port */

/* Returns whether an entry of allowed_origins other than "*" allows it. */
static bool is_named(const struct wsm_config *config, wsm_slice origin)
{
	for (size_t i = 0; i < config->n_allowed_origins; i++) {
		wsm_slice entry = wsm__str(config->allowed_origins[i]);

		if (!wsm__slice_is(entry, "*") && wsm__origin_allowed(origin, wsm__str(NULL), false, &entry, 1))
			return true;
	}
	return false;
}

static bool is_open(const struct wsm_config *config)
{
	for (size_t i = 0; i < config->n_allowed_origins; i++)
		if (!strcmp(config->allowed_origins[i], "*"))
			return true;
	return false;
}

bool wsm__cors_fields(const struct wsm_config *config, wsm_slice origin, bool preflight, char out[WSM__CORS_MAX])
{
	bool named = origin.len && origin.len <= ORIGIN_MAX && is_named(config, origin);
	int len = 0;

	out[0] = '\0';
	if (!origin.len || (!named && !is_open(config)))
		return false;
	if (named)
		len = snprintf(out, WSM__CORS_MAX,
		               "Access-Control-Allow-Origin: %.*s\r\nAccess-Control-Allow-Credentials: true\r\nVary: "
		               "Origin\r\n",
		               (int)origin.len, origin.data);
	else
		len = snprintf(out, WSM__CORS_MAX, "Access-Control-Allow-Origin: *\r\n");
	if (preflight)
		snprintf(out + len, WSM__CORS_MAX - (size_t)len,
		         "Access-Control-Allow-Methods: GET, POST\r\n"
		         "Access-Control-Allow-Headers: authorization, content-type, x-api-key\r\n"
		         "Access-Control-Max-Age: 600\r\n");
	return true;
}
