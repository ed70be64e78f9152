#include "policy/jwt.h"

#include <jansson.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "rooms/name.h"
#include "wire/json.h"
#include "wire/target.h"

#define DEPTH_MAX 16u
#define RSA_BITS_MIN 2048
/* The last second of the year 9999: no token is meant to live longer, and the milliseconds of it fit everywhere. */
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

/* ---- the key ---------------------------------------------------------------------------------------------------- */

/* RFC 7518 section 3. `bits`: least length of an HMAC secret in bytes (section 3.2), or size of the curve. */
static const struct algorithm {
	const char *name;
	jwt_alg_t alg;
	int key_type; /* EVP_PKEY_…; 0: HMAC */
	int size;     /* HMAC: least bytes of the secret; EC: bits of the curve */
} algorithms[] = {
	{ "HS256", JWT_ALG_HS256, 0, 32 },
	{ "HS384", JWT_ALG_HS384, 0, 48 },
	{ "HS512", JWT_ALG_HS512, 0, 64 },
	{ "RS256", JWT_ALG_RS256, EVP_PKEY_RSA, 0 },
	{ "RS384", JWT_ALG_RS384, EVP_PKEY_RSA, 0 },
	{ "RS512", JWT_ALG_RS512, EVP_PKEY_RSA, 0 },
	{ "ES256", JWT_ALG_ES256, EVP_PKEY_EC, 256 },
	{ "ES384", JWT_ALG_ES384, EVP_PKEY_EC, 384 },
	{ "ES512", JWT_ALG_ES512, EVP_PKEY_EC, 521 },
};
#define N_ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

struct wsm__jwt {
	const struct algorithm *algorithm;
	struct key {
		char *text; /* secret, or PEM */
		size_t len;
	} keys[WSM__JWT_KEYS_MAX];
	size_t n_keys;
	char *audience, *issuer; /* "" any */
	uint64_t leeway_ms;
};

static const struct algorithm *algorithm_named(wsm_slice name)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (wsm__slice_is(name, algorithms[i].name))
			return &algorithms[i];
	return NULL;
}

/* Type and size of the key in a PEM text; false if there is no public key in it. */
static bool read_pem(wsm_slice pem, int *type, int *bits)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	bool found = key != NULL;

	if (found) {
		*type = EVP_PKEY_get_base_id(key);
		*bits = EVP_PKEY_get_bits(key);
	}
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error(); /* the queue is the thread's, and others look at it */
	return found;
}

static const struct algorithm *algorithm_of_key(int type, int bits)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (algorithms[i].key_type == type && (type != EVP_PKEY_EC || algorithms[i].size == bits))
			return &algorithms[i];
	return NULL;
}

static int check_public_key(wsm_slice pem, const struct algorithm **algorithm, wsm_error *error)
{
	int type = 0, bits = 0;

	if (pem.len > 65536 || !read_pem(pem, &type, &bits))
		return wsm__fail(error, WSM_ECONFIG,
		                 "option jwt_public_key: there is no public key in it; it must be PEM text "
		                 "(-----BEGIN PUBLIC KEY-----) or the path of a file with such text");
	if (!*algorithm)
		*algorithm = algorithm_of_key(type, bits);
	if (!*algorithm)
		return wsm__fail(error, WSM_ECONFIG,
		                 "option jwt_public_key: the key must be RSA, or EC on P-256, P-384 or P-521");
	if (type != (*algorithm)->key_type || (type == EVP_PKEY_EC && bits != (*algorithm)->size))
		return wsm__fail(error, WSM_ECONFIG, "option jwt_public_key: the key is not one for %s",
		                 (*algorithm)->name);
	if (type == EVP_PKEY_RSA && bits < RSA_BITS_MIN)
		return wsm__fail(error, WSM_ECONFIG, "option jwt_public_key: an RSA key must have at least %d bits",
		                 RSA_BITS_MIN);
	return WSM_OK;
}

static int check_secret(wsm_slice secret, const struct algorithm **algorithm, wsm_error *error)
{
	if (!*algorithm)
		*algorithm = algorithm_named(wsm__str("HS256"));
	if (secret.len < (size_t)(*algorithm)->size)
		return wsm__fail(
			error, WSM_ECONFIG,
			"option jwt_secret: %s needs a secret of at least %d bytes, this one has %zu; make one "
			"with: openssl rand -hex %d",
			(*algorithm)->name, (*algorithm)->size, secret.len, (*algorithm)->size);
	return WSM_OK;
}

#define SPACES " \t\r\n"

/* The next secret, or the next block of PEM; empty at the end. */
static wsm_slice next_key(wsm_slice *rest, bool hmac)
{
	static const char begin[] = "-----BEGIN";
	size_t len = 0;
	wsm_slice key;

	while (rest->len && strchr(SPACES, rest->data[0]))
		*rest = wsm__slice(rest->data + 1, rest->len - 1);
	if (hmac) {
		while (len < rest->len && (!rest->data[len] || !strchr(SPACES, rest->data[len])))
			len++;
	} else {
		while (len < rest->len &&
		       (!len || !wsm__slice_starts(wsm__slice(rest->data + len, rest->len - len), begin)))
			len++;
	}
	key = wsm__slice(rest->data, len);
	*rest = wsm__slice(rest->data + len, rest->len - len);
	return key;
}

/* Splits, checks each, and makes sure that all are for one algorithm. */
static int check_keys(wsm_slice text, bool hmac, const struct algorithm **algorithm, wsm_slice keys[WSM__JWT_KEYS_MAX],
                      size_t *n, wsm_error *error)
{
	int status = WSM_OK;

	*n = 0;
	do {
		wsm_slice key = next_key(&text, hmac);

		if (*n && !key.len)
			break;
		if (*n == WSM__JWT_KEYS_MAX)
			return wsm__fail(error, WSM_ECONFIG, "option %s: at most %d keys may be in force at a time",
			                 hmac ? "jwt_secret" : "jwt_public_key", WSM__JWT_KEYS_MAX);
		status = hmac ? check_secret(key, algorithm, error) : check_public_key(key, algorithm, error);
		keys[(*n)++] = key;
	} while (!status && text.len);
	return status;
}

/* Which keys are used, and whether they will do. */
static int choose(const struct wsm__jwt_options *options, const struct algorithm **algorithm,
                  wsm_slice keys[WSM__JWT_KEYS_MAX], size_t *n_keys, wsm_error *error)
{
	bool hmac;

	*algorithm = NULL;
	if (!options->secret.len && !options->public_key.len)
		return wsm__fail(error, WSM_ECONFIG, "tokens need option jwt_secret or jwt_public_key");
	if (options->algorithm.len && !(*algorithm = algorithm_named(options->algorithm)))
		return wsm__fail(
			error, WSM_ECONFIG,
			"option jwt_algorithm must be HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or "
			"ES512");
	if (!*algorithm && options->secret.len && options->public_key.len)
		return wsm__fail(
			error, WSM_ECONFIG,
			"options jwt_secret and jwt_public_key are both set: say by jwt_algorithm which one is "
			"used, or unset one");
	hmac = *algorithm ? !(*algorithm)->key_type : options->secret.len > 0;
	if (hmac && !options->secret.len)
		return wsm__fail(error, WSM_ECONFIG, "option jwt_algorithm: %s needs option jwt_secret",
		                 (*algorithm)->name);
	if (!hmac && !options->public_key.len)
		return wsm__fail(error, WSM_ECONFIG, "option jwt_algorithm: %s needs option jwt_public_key",
		                 (*algorithm)->name);
	return check_keys(hmac ? options->secret : options->public_key, hmac, algorithm, keys, n_keys, error);
}

struct wsm__jwt *wsm__jwt_new(const struct wsm__jwt_options *options, wsm_error *error)
{
	const struct algorithm *algorithm;
	wsm_slice keys[WSM__JWT_KEYS_MAX];
	struct wsm__jwt *jwt;
	size_t n_keys = 0;
	bool complete;

	if (choose(options, &algorithm, keys, &n_keys, error))
		return NULL;
	jwt = calloc(1, sizeof(*jwt));
	complete = jwt != NULL;
	if (jwt) {
		jwt->algorithm = algorithm;
		jwt->leeway_ms = options->leeway_ms;
		for (; jwt->n_keys < n_keys && complete; jwt->n_keys++) {
			struct key *key = &jwt->keys[jwt->n_keys];

			key->len = keys[jwt->n_keys].len;
			key->text = wsm__slice_dup(keys[jwt->n_keys]);
			complete = key->text != NULL;
		}
		jwt->audience = wsm__slice_dup(options->audience);
		jwt->issuer = wsm__slice_dup(options->issuer);
		if (complete && jwt->audience && jwt->issuer)
			return jwt;
	}
	wsm__jwt_free(jwt);
	wsm__fail(error, WSM_ENOMEM, "out of memory");
	return NULL;
}

void wsm__jwt_free(struct wsm__jwt *jwt)
{
	if (!jwt)
		return;
	for (size_t i = 0; i < jwt->n_keys; i++) {
		if (jwt->keys[i].text)
			OPENSSL_cleanse(jwt->keys[i].text, jwt->keys[i].len);
		free(jwt->keys[i].text);
	}
	free(jwt->audience);
	free(jwt->issuer);
	free(jwt);
}

const char *wsm__jwt_algorithm(const struct wsm__jwt *jwt)
{
	return jwt->algorithm->name;
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

/* Three parts of base64url: libjwt would take more, and stop silently at a character that is none. */
static bool split(wsm_slice token, struct parts *parts)
{
	return take_part(&token, &parts->header, false) && take_part(&token, &parts->payload, false) &&
	       take_part(&token, &parts->signature, true);
}

/* The JSON object in a part; NULL if there is none. */
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

/* RFC 7515 section 4.1: the algorithm is ours, the type is JWT, and nothing is critical that is not known here. */
static enum wsm__jwt_result check_header(const struct wsm__jwt *jwt, wsm_slice part)
{
	json_t *header = object_in(part), *type, *algorithm;
	enum wsm__jwt_result result = WSM__JWT_OK;

	if (!header)
		return WSM__JWT_MALFORMED;
	algorithm = json_object_get(header, "alg");
	type = json_object_get(header, "typ");
	if (!json_is_string(algorithm) || strcmp(json_string_value(algorithm), jwt->algorithm->name) != 0)
		result = WSM__JWT_ALGORITHM;
	else if (json_object_get(header, "crit") ||
	         (type && (!json_is_string(type) ||
	                   !wsm__slice_equal_nocase(wsm__str(json_string_value(type)), wsm__str("JWT")))))
		result = WSM__JWT_MALFORMED;
	json_decref(header);
	return result;
}

static bool signed_with(const struct wsm__jwt *jwt, const struct key *key, const char *token)
{
	jwt_t *decoded = NULL;
	bool good = jwt_decode(&decoded, token, (const unsigned char *)key->text, (int)key->len) == 0;

	/* libjwt goes by the token's own word: it must have been ours here too. */
	good = good && decoded && jwt_get_alg(decoded) == jwt->algorithm->alg;
	jwt_free(decoded);
	ERR_clear_error();
	return good;
}

/* `token` is NUL-terminated, and its header has been checked. */
static enum wsm__jwt_result check_signature(const struct wsm__jwt *jwt, const char *token)
{
	for (size_t i = 0; i < jwt->n_keys; i++)
		if (signed_with(jwt, &jwt->keys[i], token))
			return WSM__JWT_OK;
	return WSM__JWT_SIGNATURE;
}

/* ---- claims ----------------------------------------------------------------------------------------------------- */

/* A NumericDate, of which whole seconds are taken here: no text, no fraction. */
static bool take_time(const json_t *value, uint64_t *unix_ms)
{
	json_int_t seconds = json_integer_value(value);

	if (!json_is_integer(value) || seconds < 0 || seconds > SECONDS_MAX)
		return false;
	*unix_ms = (uint64_t)seconds * 1000;
	return true;
}

/* The same with a fraction: two tokens of one second may have a revocation between them. */
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

/* Text, or an array of texts one of which is ours. Without an audience in the configuration only the type is looked at. */
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

/* A list of rooms, in `rooms` or `publish`. */
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

/* sub, sid and jti. */
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
	result = check_signature(jwt, copy);
	OPENSSL_cleanse(copy, token.len);
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
