#include "policy/jwt.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "wire/json.h"
#include "wire/name.h"
#include "wire/target.h"

#define DEPTH_MAX 16u
/* The last second of the year 9999: no real token lives longer, and its milliseconds fit everywhere. */
#define SECONDS_MAX 253402300799LL

const char *wsm__jwt_text(enum wsm__jwt_result result)
{
	static const char *const texts[] = {
#define WSM_X(name, sentence) sentence,
		WSM__JWT_MAP(WSM_X)
#undef WSM_X
	};

	return texts[result];
}

struct wsm__jwt {
	struct wsm__jwt_keys *keys;
	char *audience, *issuer; /* "" any */
	uint64_t leeway_ms;
};

struct wsm__jwt *wsm__jwt_new(const struct wsm__jwt_options *options, wsm_error *error)
{
	struct wsm__jwt_keys *keys = wsm__jwt_keys_new(options, error);
	struct wsm__jwt *jwt;

	if (!keys)
		return NULL;
	jwt = calloc(1, sizeof(*jwt));
	if (jwt) {
		jwt->keys = keys;
		jwt->leeway_ms = options->leeway_ms;
		jwt->audience = wsm__slice_dup(options->audience);
		jwt->issuer = wsm__slice_dup(options->issuer);
		if (jwt->audience && jwt->issuer)
			return jwt;
		wsm__jwt_free(jwt);
	} else {
		wsm__jwt_keys_free(keys);
	}
	wsm__fail(error, WSM_ENOMEM, "out of memory");
	return NULL;
}

void wsm__jwt_free(struct wsm__jwt *jwt)
{
	if (!jwt)
		return;
	wsm__jwt_keys_free(jwt->keys);
	free(jwt->audience);
	free(jwt->issuer);
	free(jwt);
}

const char *wsm__jwt_algorithm(const struct wsm__jwt *jwt)
{
	return wsm__jwt_keys_algorithm(jwt->keys);
}

/* ---- the form of a token ---------------------------------------------------------------------------------------- */

struct parts {
	wsm_slice header, payload, signature;
};

static bool take_part(wsm_slice *rest, wsm_slice *part, bool last)
{
	size_t len = 0;

	while (len < rest->len && rest->data[len] != '.') {
		char c = rest->data[len++];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	*part = wsm__slice(rest->data, len);
	if (last)
		return len == rest->len;
	if (len == rest->len)
		return false;
	*rest = wsm__slice(rest->data + len + 1, rest->len - len - 1);
	return true;
}

/* Splits a token into three parts of base64url: libjwt would take more parts, and stop silently at a bad character. */
static bool split(wsm_slice token, struct parts *parts)
{
	return take_part(&token, &parts->header, false) && take_part(&token, &parts->payload, false) &&
	       take_part(&token, &parts->signature, true);
}

/* Returns the JSON object in a part, or NULL. */
static json_t *object_in(wsm_slice part)
{
	char *text = malloc(part.len + 1);
	int len = text ? wsm__base64url_decode(part, text, part.len) : -1;
	json_t *json = NULL;

	if (len > 0 && wsm__json_depth_within(wsm__slice(text, (size_t)len), DEPTH_MAX))
		json = json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

/* RFC 7515 section 4.1: the algorithm must be ours, the type JWT if there is one, and there must be no `crit`. */
static enum wsm__jwt_result check_header(const struct wsm__jwt *jwt, wsm_slice part)
{
	json_t *header = object_in(part), *type, *algorithm;
	enum wsm__jwt_result result = WSM__JWT_OK;

	if (!header)
		return WSM__JWT_MALFORMED;
	algorithm = json_object_get(header, "alg");
	type = json_object_get(header, "typ");
	if (!json_is_string(algorithm) || strcmp(json_string_value(algorithm), wsm__jwt_algorithm(jwt)) != 0)
		result = WSM__JWT_ALGORITHM;
	else if (json_object_get(header, "crit") ||
	         (type && (!json_is_string(type) ||
	                   !wsm__slice_equal_nocase(wsm__str(json_string_value(type)), wsm__str("JWT")))))
		result = WSM__JWT_MALFORMED;
	json_decref(header);
	return result;
}

/* ---- claims ----------------------------------------------------------------------------------------------------- */

/* Takes a NumericDate of whole seconds: no text, no fraction. */
static bool take_time(const json_t *value, uint64_t *unix_ms)
{
	json_int_t seconds = json_integer_value(value);

	if (!json_is_integer(value) || seconds < 0 || seconds > SECONDS_MAX)
		return false;
	*unix_ms = (uint64_t)seconds * 1000;
	return true;
}

/* The same with a fraction: a revocation may come between two tokens of one second. */
static bool take_instant(const json_t *value, uint64_t *unix_ms)
{
	double seconds = json_number_value(value);

	if (!json_is_number(value) || !(seconds >= 0 && seconds <= (double)SECONDS_MAX))
		return false;
	*unix_ms = (uint64_t)(seconds * 1000);
	return true;
}

static enum wsm__jwt_result check_times(const struct wsm__jwt *jwt, const json_t *payload, uint64_t now_ms,
                                        struct wsm__claims *claims)
{
	const json_t *not_before = json_object_get(payload, "nbf"), *issued = json_object_get(payload, "iat");
	uint64_t from_ms = 0;

	if (!take_time(json_object_get(payload, "exp"), &claims->expires_ms))
		return WSM__JWT_NO_EXPIRY;
	if ((not_before && !take_time(not_before, &from_ms)) || (issued && !take_instant(issued, &claims->issued_ms)))
		return WSM__JWT_CLAIM;
	if (now_ms >= claims->expires_ms + jwt->leeway_ms)
		return WSM__JWT_EXPIRED;
	return now_ms + jwt->leeway_ms < from_ms ? WSM__JWT_NOT_YET : WSM__JWT_OK;
}

static enum wsm__jwt_result check_issuer(const struct wsm__jwt *jwt, const json_t *payload)
{
	const json_t *issuer = json_object_get(payload, "iss");

	if (issuer && !json_is_string(issuer))
		return WSM__JWT_CLAIM;
	if (!*jwt->issuer)
		return WSM__JWT_OK;
	return issuer && strcmp(json_string_value(issuer), jwt->issuer) == 0 ? WSM__JWT_OK : WSM__JWT_ISSUER;
}

/* `aud` must be our audience, or an array of texts with it. Without jwt_audience, this checks only the type. */
static enum wsm__jwt_result check_audience(const struct wsm__jwt *jwt, const json_t *payload)
{
	const json_t *audience = json_object_get(payload, "aud"), *entry;
	bool ours = !*jwt->audience;
	size_t i;

	if (json_is_string(audience)) {
		ours |= strcmp(json_string_value(audience), jwt->audience) == 0;
	} else if (json_is_array(audience)) {
		json_array_foreach(audience, i, entry) {
			if (!json_is_string(entry))
				return WSM__JWT_CLAIM;
			ours |= strcmp(json_string_value(entry), jwt->audience) == 0;
		}
	} else if (audience) {
		return WSM__JWT_CLAIM;
	}
	return ours ? WSM__JWT_OK : WSM__JWT_AUDIENCE;
}

/* Takes a list of rooms, from `rooms` or `publish`. */
static enum wsm__jwt_result take_patterns(const json_t *payload, const char *claim, struct wsm__patterns *patterns)
{
	const json_t *list = json_object_get(payload, claim), *entry;
	size_t i;

	if (!list)
		return WSM__JWT_OK;
	if (!json_is_array(list))
		return WSM__JWT_CLAIM;
	json_array_foreach(list, i, entry) {
		wsm_slice pattern = wsm__slice(json_string_value(entry), json_string_length(entry));

		if (!json_is_string(entry) || !wsm__access_pattern_valid(pattern))
			return WSM__JWT_CLAIM;
		if (wsm__patterns_add(patterns, pattern))
			return WSM__JWT_NO_MEMORY;
	}
	return WSM__JWT_OK;
}

/* Takes sub, sid and jti. */
static enum wsm__jwt_result take_names(const json_t *payload, struct wsm__claims *claims)
{
	const json_t *subject = json_object_get(payload, "sub"), *session = json_object_get(payload, "sid"),
		     *jti = json_object_get(payload, "jti");
	wsm_slice user = wsm__slice(json_string_value(subject), json_string_length(subject));
	wsm_slice session_id = wsm__slice(json_string_value(session), json_string_length(session));

	if (!json_is_string(subject) || !wsm__id_valid(user))
		return WSM__JWT_SUBJECT;
	if (session && (!json_is_string(session) || !wsm__id_valid(session_id)))
		return WSM__JWT_CLAIM;
	if (jti && (!json_is_string(jti) || !json_string_length(jti) || json_string_length(jti) > WSM__JTI_MAX))
		return WSM__JWT_CLAIM;
	claims->user_id = wsm__slice_dup(user);
	if (session)
		claims->session_id = wsm__slice_dup(session_id);
	if (jti)
		claims->jti = wsm__slice_dup(wsm__str(json_string_value(jti)));
	return claims->user_id && (claims->session_id || !session) && (claims->jti || !jti) ? WSM__JWT_OK
	                                                                                    : WSM__JWT_NO_MEMORY;
}

static enum wsm__jwt_result take_claims(const struct wsm__jwt *jwt, wsm_slice part, uint64_t unix_ms,
                                        struct wsm__claims *claims)
{
	json_t *payload = object_in(part);
	enum wsm__jwt_result result;

	if (!payload)
		return WSM__JWT_MALFORMED;
	result = check_times(jwt, payload, unix_ms, claims);
	if (!result)
		result = check_issuer(jwt, payload);
	if (!result)
		result = check_audience(jwt, payload);
	if (!result)
		result = take_names(payload, claims);
	if (!result)
		result = take_patterns(payload, "rooms", &claims->rooms);
	if (!result)
		result = take_patterns(payload, "publish", &claims->publish);
	json_decref(payload);
	return result;
}

enum wsm__jwt_result wsm__jwt_verify(const struct wsm__jwt *jwt, wsm_slice token, uint64_t unix_ms,
                                     struct wsm__claims *claims)
{
	struct parts parts;
	enum wsm__jwt_result result;
	json_t *payload;
	char *copy;

	memset(claims, 0, sizeof(*claims));
	if (token.len > WSM__TOKEN_MAX)
		return WSM__JWT_TOO_LONG;
	if (!split(token, &parts))
		return WSM__JWT_MALFORMED;
	result = check_header(jwt, parts.header);
	if (result)
		return result;
	payload = object_in(parts.payload); /* libjwt would parse it whatever its depth */
	if (!payload)
		return WSM__JWT_MALFORMED;
	json_decref(payload);
	copy = wsm__slice_dup(token);
	if (!copy)
		return WSM__JWT_NO_MEMORY;
	if (!wsm__jwt_keys_fit(jwt->keys, copy, parts.header.len + 1 + parts.payload.len, parts.signature))
		result = WSM__JWT_SIGNATURE;
	explicit_bzero(copy, token.len);
	free(copy);
	if (!result)
		result = take_claims(jwt, parts.payload, unix_ms, claims);
	if (result)
		wsm__claims_fini(claims);
	return result;
}

void wsm__claims_fini(struct wsm__claims *claims)
{
	wsm__patterns_fini(&claims->rooms);
	wsm__patterns_fini(&claims->publish);
	free(claims->user_id);
	free(claims->session_id);
	free(claims->jti);
	memset(claims, 0, sizeof(*claims));
}
