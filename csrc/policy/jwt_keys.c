#include "policy/jwt_keys.h"

#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "wire/target.h"

#define RSA_BITS_MIN 2048

/* ---- which keys ---------------------------------------------------------------------------------------------------- */

/* RFC 7518 section 3; for the least length of an HMAC secret, section 3.2. */
static const struct algorithm {
	const char *name;
	jwt_alg_t alg;
	int key_type; /* EVP_PKEY_…; 0: HMAC */
	int size;     /* HMAC: least bytes of the secret; EC: bits of the curve */
	const char *digest, *curve;
} algorithms[] = {
	{ "HS256", JWT_ALG_HS256, 0, 32, NULL, NULL },
	{ "HS384", JWT_ALG_HS384, 0, 48, NULL, NULL },
	{ "HS512", JWT_ALG_HS512, 0, 64, NULL, NULL },
	{ "RS256", JWT_ALG_RS256, EVP_PKEY_RSA, 0, "SHA256", NULL },
	{ "RS384", JWT_ALG_RS384, EVP_PKEY_RSA, 0, "SHA384", NULL },
	{ "RS512", JWT_ALG_RS512, EVP_PKEY_RSA, 0, "SHA512", NULL },
	{ "ES256", JWT_ALG_ES256, EVP_PKEY_EC, 256, "SHA256", "prime256v1" },
	{ "ES384", JWT_ALG_ES384, EVP_PKEY_EC, 384, "SHA384", "secp384r1" },
	{ "ES512", JWT_ALG_ES512, EVP_PKEY_EC, 521, "SHA512", "secp521r1" },
};
#define N_ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

struct wsm__jwt_keys {
	const struct algorithm *algorithm;
	struct key {
		char *text; /* secret */
		size_t len;
		EVP_PKEY *public;
	} keys[WSM__JWT_KEYS_MAX];
	size_t n_keys;
};

static const struct algorithm *algorithm_named(wsm_slice name)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (wsm__slice_is(name, algorithms[i].name))
			return &algorithms[i];
	return NULL;
}

/* Returns the public key in a PEM text, or NULL. */
static EVP_PKEY *read_pem(wsm_slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

/* Returns whether a key fits an algorithm: its type and its curve. The size alone does not tell the curve. */
static bool key_is_for(const EVP_PKEY *key, const struct algorithm *algorithm)
{
	char curve[32];
	size_t len;

	if (!algorithm->key_type || EVP_PKEY_get_base_id(key) != algorithm->key_type)
		return false;
	return !algorithm->curve ||
	       (EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) == 1 && !strcmp(curve, algorithm->curve));
}

static const struct algorithm *algorithm_of_key(const EVP_PKEY *key)
{
	for (size_t i = 0; i < N_ALGORITHMS; i++)
		if (key_is_for(key, &algorithms[i]))
			return &algorithms[i];
	return NULL;
}

static int judge(const EVP_PKEY *key, const struct algorithm **algorithm, wsm_error *error)
{
	if (!*algorithm)
		*algorithm = algorithm_of_key(key);
	if (!*algorithm)
		return wsm__fail(error, WSM_ECONFIG,
		                 "option jwt_public_key: the key must be RSA, or EC on P-256, P-384 or P-521");
	if (!key_is_for(key, *algorithm))
		return wsm__fail(error, WSM_ECONFIG, "option jwt_public_key: the key is not one for %s",
		                 (*algorithm)->name);
	if ((*algorithm)->key_type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return wsm__fail(error, WSM_ECONFIG, "option jwt_public_key: an RSA key must have at least %d bits",
		                 RSA_BITS_MIN);
	return WSM_OK;
}

static int check_public_key(wsm_slice pem, const struct algorithm **algorithm, wsm_error *error)
{
	EVP_PKEY *key = pem.len <= 65536 ? read_pem(pem) : NULL;
	int status;

	if (!key)
		return wsm__fail(error, WSM_ECONFIG,
		                 "option jwt_public_key: there is no public key in it; it must be PEM text "
		                 "(-----BEGIN PUBLIC KEY-----) or the path of a file with such text");
	status = judge(key, algorithm, error);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return status;
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

/* Takes the next secret, or the next block of PEM; empty at the end. */
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

/* Splits the text into keys, and checks that each is good and all fit one algorithm. */
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

/* Chooses the keys and the algorithm, and checks them. */
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

static bool keep_key(const struct algorithm *algorithm, wsm_slice text, struct key *key)
{
	if (algorithm->key_type) {
		key->public = read_pem(text);
		return key->public != NULL;
	}
	key->len = text.len;
	key->text = wsm__slice_dup(text);
	return key->text != NULL;
}

struct wsm__jwt_keys *wsm__jwt_keys_new(const struct wsm__jwt_options *options, wsm_error *error)
{
	const struct algorithm *algorithm;
	wsm_slice keys[WSM__JWT_KEYS_MAX];
	struct wsm__jwt_keys *set;
	size_t n_keys = 0;

	if (choose(options, &algorithm, keys, &n_keys, error))
		return NULL;
	set = calloc(1, sizeof(*set));
	if (set) {
		set->algorithm = algorithm;
		while (set->n_keys < n_keys && keep_key(algorithm, keys[set->n_keys], &set->keys[set->n_keys]))
			set->n_keys++;
		if (set->n_keys == n_keys)
			return set;
	}
	wsm__jwt_keys_free(set);
	wsm__fail(error, WSM_ENOMEM, "out of memory");
	return NULL;
}

void wsm__jwt_keys_free(struct wsm__jwt_keys *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n_keys; i++) {
		if (set->keys[i].text)
			OPENSSL_cleanse(set->keys[i].text, set->keys[i].len);
		free(set->keys[i].text);
		EVP_PKEY_free(set->keys[i].public);
	}
	free(set);
}

const char *wsm__jwt_keys_algorithm(const struct wsm__jwt_keys *set)
{
	return set->algorithm->name;
}

/* ---- signatures ------------------------------------------------------------------------------------------------- */

/*
 * libjwt checks HMAC. It does not check public keys: it would read the PEM text for each token, several times the cost of the
 * signature itself.
 */
static bool hmac_fits(const struct wsm__jwt_keys *set, const struct key *key, const char *token)
{
	jwt_t *decoded = NULL;
	bool good = jwt_decode(&decoded, token, (const unsigned char *)key->text, (int)key->len) == 0;

	/* libjwt takes the algorithm from the token: it must be ours. */
	good = good && decoded && jwt_get_alg(decoded) == set->algorithm->alg;
	jwt_free(decoded);
	return good;
}

/* RFC 7518 section 3.4: r and s one after the other, each as long as the curve; OpenSSL wants them in DER. */
static int ec_signature(const struct algorithm *algorithm, const unsigned char *raw, size_t len, unsigned char **der)
{
	int side = (algorithm->size + 7) / 8, der_len = -1;
	ECDSA_SIG *signature = len == (size_t)side * 2 ? ECDSA_SIG_new() : NULL;
	BIGNUM *r = signature ? BN_bin2bn(raw, side, NULL) : NULL;
	BIGNUM *s = r ? BN_bin2bn(raw + side, side, NULL) : NULL;

	if (s && ECDSA_SIG_set0(signature, r, s)) {
		der_len = i2d_ECDSA_SIG(signature, der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(signature);
	return der_len;
}

static bool signature_fits(const struct algorithm *algorithm, const struct key *key, wsm_slice text,
                           wsm_slice signature)
{
	unsigned char *raw = malloc(signature.len + 1), *der = NULL;
	int len = raw ? wsm__base64url_decode(signature, (char *)raw, signature.len) : -1;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = len > 0 && context;

	if (good && algorithm->key_type == EVP_PKEY_EC) {
		len = ec_signature(algorithm, raw, (size_t)len, &der);
		good = len > 0;
	}
	good = good &&
	       EVP_DigestVerifyInit(context, NULL, EVP_get_digestbyname(algorithm->digest), NULL, key->public) == 1 &&
	       EVP_DigestVerify(context, der ? der : raw, (size_t)len, (const unsigned char *)text.data, text.len) == 1;
	EVP_MD_CTX_free(context);
	OPENSSL_free(der);
	free(raw);
	return good;
}

bool wsm__jwt_keys_fit(const struct wsm__jwt_keys *set, const char *token, size_t signed_len, wsm_slice signature)
{
	bool good = false;

	for (size_t i = 0; i < set->n_keys && !good; i++)
		good = set->algorithm->key_type
		               ? signature_fits(set->algorithm, &set->keys[i], wsm__slice(token, signed_len), signature)
		               : hmac_fits(set, &set->keys[i], token);
	ERR_clear_error(); /* the queue is the thread's, and other code reads it */
	return good;
}
