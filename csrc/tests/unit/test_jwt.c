/* Tokens: what is believed, and every way that is known of making a server believe more. */
#include "harness.h"
#include "policy/jwt.h"
#include "tokens.h"

#define NOW 1800000000ull /* seconds */
#define GOOD "{\"sub\":\"u1\",\"exp\":1800000060}"
#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static char token[TOKEN_SIZE];
static EVP_PKEY *rsa, *small_rsa, *ec256, *ec384, *ec521;

static int make_keys(void **state)
{
	(void)state;
	rsa = EVP_RSA_gen(2048);
	small_rsa = EVP_RSA_gen(1024);
	ec256 = EVP_EC_gen("P-256");
	ec384 = EVP_EC_gen("P-384");
	ec521 = EVP_EC_gen("P-521");
	return rsa && small_rsa && ec256 && ec384 && ec521 ? 0 : -1;
}

static int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(small_rsa);
	EVP_PKEY_free(ec256);
	EVP_PKEY_free(ec384);
	EVP_PKEY_free(ec521);
	return 0;
}

static struct wsm__jwt *make(const struct wsm__jwt_options *options)
{
	wsm_error error = { .status = 0 };
	struct wsm__jwt *jwt = wsm__jwt_new(options, &error);

	if (!jwt)
		give_up("%s", error.message);
	return jwt;
}

static struct wsm__jwt_options hmac_options(void)
{
	return (struct wsm__jwt_options){ .secret = wsm__str(SECRET_32), .leeway_ms = 0 };
}

static enum wsm__jwt_result verify(const struct wsm__jwt_options *options, const char *text)
{
	struct wsm__jwt *jwt = make(options);
	struct wsm__claims claims;
	char *exact = malloc(strlen(text) + 1); /* for the sanitizer: no byte beyond the token is read */
	enum wsm__jwt_result result;

	memcpy(exact, text, strlen(text));
	result = wsm__jwt_verify(jwt, wsm__slice(exact, strlen(text)), NOW * 1000, &claims);
	if (result == WSM__JWT_OK)
		assert_string_equal(claims.user_id, "u1");
	else
		assert_null(claims.user_id);
	wsm__claims_fini(&claims);
	wsm__jwt_free(jwt);
	free(exact);
	return result;
}

static enum wsm__jwt_result payload_gives(const char *payload)
{
	struct wsm__jwt_options options = hmac_options();

	return verify(&options, token_hs256(token, payload));
}

static enum wsm__jwt_result header_gives(const char *header)
{
	struct wsm__jwt_options options = hmac_options();

	return verify(&options, token_hmac(token, header, GOOD, 256, SECRET_32, 32));
}

/* ---- algorithms ------------------------------------------------------------------------------------------------- */

static void each_hmac_algorithm_is_accepted(void **state)
{
	static const int sizes[] = { 256, 384, 512 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char name[8], header[32];
		struct wsm__jwt_options options = { .secret = wsm__str(SECRET_64) };

		snprintf(name, sizeof(name), "HS%d", sizes[i]);
		snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", name);
		options.algorithm = wsm__str(name);
		token_hmac(token, header, GOOD, sizes[i], SECRET_64, 64);
		assert_int_equal(verify(&options, token), WSM__JWT_OK);
	}
}

static void each_public_key_algorithm_is_accepted(void **state)
{
	EVP_PKEY *const keys[] = { rsa, rsa, rsa, ec256, ec384, ec521 };
	static const char *const names[] = { "RS256", "RS384", "RS512", "ES256", "ES384", "ES512" };
	static const int sizes[] = { 256, 384, 512, 256, 384, 512 };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		char header[48], pem[4096];
		struct wsm__jwt_options options = { .algorithm = wsm__str(names[i]) };

		key_pem(keys[i], false, pem, sizeof(pem));
		options.public_key = wsm__str(pem);
		snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"jwt\"}", names[i]);
		assert_int_equal(verify(&options, token_with_key(token, header, GOOD, sizes[i], keys[i])), WSM__JWT_OK);
		if (i != 1 && i != 2) { /* by the key alone */
			options.algorithm = wsm__str(NULL);
			assert_int_equal(verify(&options, token), WSM__JWT_OK);
		}
		token[strlen(token) / 2] ^= 1; /* in the payload, or the signature */
		assert_int_not_equal(verify(&options, token), WSM__JWT_OK);
	}
}

static void the_same_kind_of_key_of_somebody_else_is_refused(void **state)
{
	EVP_PKEY *other = EVP_RSA_gen(2048), *other_ec = EVP_EC_gen("P-256");
	char pem[4096];
	struct wsm__jwt_options options = { .algorithm = wsm__str(NULL) };

	(void)state;
	key_pem(rsa, false, pem, sizeof(pem));
	options.public_key = wsm__str(pem);
	assert_int_equal(verify(&options, token_with_key(token, "{\"alg\":\"RS256\"}", GOOD, 256, other)),
	                 WSM__JWT_SIGNATURE);
	key_pem(ec256, false, pem, sizeof(pem));
	options.public_key = wsm__str(pem);
	assert_int_equal(verify(&options, token_with_key(token, "{\"alg\":\"ES256\"}", GOOD, 256, other_ec)),
	                 WSM__JWT_SIGNATURE);
	options = hmac_options();
	token_hmac(token, HS256, GOOD, 256, "fedcba9876543210fedcba9876543210", 32);
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
	EVP_PKEY_free(other);
	EVP_PKEY_free(other_ec);
}

static void no_algorithm_at_all_is_refused(void **state)
{
	static const char *const names[] = { "none", "None", "NONE", "nOnE", "" };
	struct wsm__jwt_options options = hmac_options();

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		char header[48];

		snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", names[i]);
		token_unsigned(token, header, GOOD);
		strcat(token, ".");
		assert_int_equal(verify(&options, token), WSM__JWT_ALGORITHM);
		assert_int_equal(header_gives(header), WSM__JWT_ALGORITHM);
	}
	assert_int_equal(header_gives("{\"typ\":\"JWT\"}"), WSM__JWT_ALGORITHM);
	assert_int_equal(header_gives("{\"alg\":null}"), WSM__JWT_ALGORITHM);
	assert_int_equal(header_gives("{\"alg\":[\"HS256\"]}"), WSM__JWT_ALGORITHM);
}

/* The public key is public: as an HMAC secret it would let anyone sign. */
static void a_public_key_is_no_hmac_secret(void **state)
{
	EVP_PKEY *const keys[] = { rsa, ec256 };
	char pem[4096];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct wsm__jwt_options options = { .algorithm = wsm__str(NULL) };

		key_pem(keys[i], false, pem, sizeof(pem));
		options.public_key = wsm__str(pem);
		assert_int_equal(verify(&options, token_hmac(token, HS256, GOOD, 256, pem, strlen(pem))),
		                 WSM__JWT_ALGORITHM);
		token_hmac(token, i ? "{\"alg\":\"ES256\"}" : "{\"alg\":\"RS256\"}", GOOD, 256, pem, strlen(pem));
		assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
		/* Also where both keys are configured. */
		options.secret = wsm__str(SECRET_32);
		options.algorithm = wsm__str(i ? "ES256" : "RS256");
		assert_int_equal(verify(&options, token_hs256(token, GOOD)), WSM__JWT_ALGORITHM);
	}
}

static void another_size_of_the_same_family_is_refused(void **state)
{
	struct wsm__jwt_options options = { .secret = wsm__str(SECRET_64) };

	(void)state;
	token_hmac(token, "{\"alg\":\"HS512\"}", GOOD, 512, SECRET_64, 64);
	assert_int_equal(verify(&options, token), WSM__JWT_ALGORITHM);
}

/* ---- form ------------------------------------------------------------------------------------------------------- */

static void headers_that_mean_something_else_are_refused(void **state)
{
	(void)state;
	assert_int_equal(header_gives(HS256), WSM__JWT_OK);
	assert_int_equal(header_gives("{\"alg\":\"HS256\"}"), WSM__JWT_OK);
	assert_int_equal(header_gives("{\"alg\":\"HS256\",\"kid\":\"../../etc/passwd\"}"), WSM__JWT_OK);
	assert_int_equal(header_gives("{\"alg\":\"HS256\",\"typ\":\"JWE\"}"), WSM__JWT_MALFORMED);
	assert_int_equal(header_gives("{\"alg\":\"HS256\",\"typ\":7}"), WSM__JWT_MALFORMED);
	assert_int_equal(header_gives("{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}"), WSM__JWT_MALFORMED);
	assert_int_equal(header_gives("{\"alg\":\"HS256\",\"alg\":\"none\"}"), WSM__JWT_MALFORMED);
	assert_int_equal(header_gives("[\"HS256\"]"), WSM__JWT_MALFORMED);
	assert_int_equal(header_gives("{"), WSM__JWT_MALFORMED);
}

static void what_is_no_token_is_refused(void **state)
{
	static const char *const texts[] = { "", ".", "..", "...", "a.b.c", "abc", "e30.e30.e30", "e30.e30", "=.=.=" };
	struct wsm__jwt_options options = hmac_options();
	char good[TOKEN_SIZE / 2];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_not_equal(verify(&options, texts[i]), WSM__JWT_OK);
	token_hs256(good, GOOD);
	assert_int_equal(verify(&options, good), WSM__JWT_OK);
	for (size_t len = 0; len < strlen(good); len++) { /* cut off anywhere */
		snprintf(token, sizeof(token), "%.*s", (int)len, good);
		assert_int_not_equal(verify(&options, token), WSM__JWT_OK);
	}
	for (const char *tail = ".=!\n +/%"; *tail; tail++) { /* and nothing behind it, that a lax decoder stops at */
		snprintf(token, sizeof(token), "%s%c", good, *tail);
		assert_int_equal(verify(&options, token), WSM__JWT_MALFORMED);
	}
	snprintf(token, sizeof(token), "%s.x", good);
	assert_int_equal(verify(&options, token), WSM__JWT_MALFORMED);
}

static void a_token_of_more_than_8_kib_is_not_looked_at(void **state)
{
	char payload[8000], rooms[6200];
	struct wsm__jwt_options options = hmac_options();

	(void)state;
	memset(rooms, 'r', sizeof(rooms) - 1);
	rooms[sizeof(rooms) - 1] = '\0';
	snprintf(payload, sizeof(payload), "{\"sub\":\"u1\",\"exp\":1800000060,\"x\":\"%.5900s\"}", rooms);
	token_hs256(token, payload);
	assert_in_range(strlen(token), 7000, WSM__TOKEN_MAX);
	assert_int_equal(verify(&options, token), WSM__JWT_OK);
	snprintf(payload, sizeof(payload), "{\"sub\":\"u1\",\"exp\":1800000060,\"x\":\"%s\"}", rooms);
	assert_int_equal(verify(&options, token_hs256(token, payload)), WSM__JWT_TOO_LONG);
}

static void deep_json_is_refused(void **state)
{
	char payload[6000] = "{\"sub\":\"u1\",\"exp\":1800000060,\"x\":";
	size_t at = strlen(payload);

	(void)state;
	memset(payload + at, '[', 2800);
	memset(payload + at + 2800, ']', 2800);
	strcpy(payload + at + 5600, "}");
	assert_int_equal(payload_gives(payload), WSM__JWT_MALFORMED);
}

/* ---- claims ----------------------------------------------------------------------------------------------------- */

static void exp_must_be_there_as_a_whole_number(void **state)
{
	static const char *const wrong[] = {
		"",
		",\"exp\":\"1800000060\"",
		",\"exp\":1800000060.5",
		",\"exp\":1.8e9",
		",\"exp\":null",
		",\"exp\":true",
		",\"exp\":[1800000060]",
		",\"exp\":-1",
		",\"exp\":253402300800",
		",\"exp\":9223372036854775807",
	};
	char payload[128];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(payload, sizeof(payload), "{\"sub\":\"u1\"%s}", wrong[i]);
		assert_int_equal(payload_gives(payload), WSM__JWT_NO_EXPIRY);
	}
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":9223372036854775808}"), WSM__JWT_MALFORMED); /* 2^63 */
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":18446744073709551616}"), WSM__JWT_MALFORMED);
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":1,\"exp\":1800000060}"), WSM__JWT_MALFORMED);
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":253402300799}"), WSM__JWT_OK);
}

static void time_is_kept_to_the_leeway(void **state)
{
	struct wsm__jwt_options options = hmac_options();

	(void)state;
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":1800000001}"), WSM__JWT_OK);
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":1800000000}"), WSM__JWT_EXPIRED);
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":0}"), WSM__JWT_EXPIRED);
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":1800000000}"), WSM__JWT_OK);
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":1800000001}"), WSM__JWT_NOT_YET);
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":\"0\"}"), WSM__JWT_CLAIM);
	assert_int_equal(payload_gives("{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":0.5}"), WSM__JWT_CLAIM);
	options.leeway_ms = 10000;
	assert_int_equal(verify(&options, token_hs256(token, "{\"sub\":\"u1\",\"exp\":1799999991}")), WSM__JWT_OK);
	assert_int_equal(verify(&options, token_hs256(token, "{\"sub\":\"u1\",\"exp\":1799999990}")), WSM__JWT_EXPIRED);
	token_hs256(token, "{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":1800000010}");
	assert_int_equal(verify(&options, token), WSM__JWT_OK);
	token_hs256(token, "{\"sub\":\"u1\",\"exp\":1800000060,\"nbf\":1800000011}");
	assert_int_equal(verify(&options, token), WSM__JWT_NOT_YET);
}

static enum wsm__jwt_result with_claim(const struct wsm__jwt_options *options, const char *claim)
{
	char payload[512];

	snprintf(payload, sizeof(payload), "{\"sub\":\"u1\",\"exp\":1800000060%s}", claim);
	return verify(options, token_hs256(token, payload));
}

static void audience_and_issuer_are_ours(void **state)
{
	struct wsm__jwt_options options = hmac_options();

	(void)state;
	assert_int_equal(with_claim(&options, ",\"aud\":\"other\",\"iss\":\"other\""), WSM__JWT_OK);
	assert_int_equal(with_claim(&options, ",\"aud\":7"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"iss\":7"), WSM__JWT_CLAIM);
	options.audience = wsm__str("app");
	assert_int_equal(with_claim(&options, ",\"aud\":\"app\""), WSM__JWT_OK);
	assert_int_equal(with_claim(&options, ",\"aud\":[\"x\",\"app\"]"), WSM__JWT_OK);
	assert_int_equal(with_claim(&options, ""), WSM__JWT_AUDIENCE);
	assert_int_equal(with_claim(&options, ",\"aud\":\"App\""), WSM__JWT_AUDIENCE);
	assert_int_equal(with_claim(&options, ",\"aud\":\"app2\""), WSM__JWT_AUDIENCE);
	assert_int_equal(with_claim(&options, ",\"aud\":[]"), WSM__JWT_AUDIENCE);
	assert_int_equal(with_claim(&options, ",\"aud\":[\"app\",7]"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"aud\":{\"app\":1}"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"aud\":\"app\\u0000\""), WSM__JWT_MALFORMED);
	options = hmac_options();
	options.issuer = wsm__str("https://id.example");
	assert_int_equal(with_claim(&options, ",\"iss\":\"https://id.example\""), WSM__JWT_OK);
	assert_int_equal(with_claim(&options, ",\"iss\":\"https://id.example.evil\""), WSM__JWT_ISSUER);
	assert_int_equal(with_claim(&options, ",\"iss\":[\"https://id.example\"]"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ""), WSM__JWT_ISSUER);
}

static void the_subject_is_a_user_id(void **state)
{
	char payload[400], longest[130];

	(void)state;
	assert_int_equal(payload_gives("{\"exp\":1800000060}"), WSM__JWT_SUBJECT);
	assert_int_equal(payload_gives("{\"exp\":1800000060,\"sub\":7}"), WSM__JWT_SUBJECT);
	assert_int_equal(payload_gives("{\"exp\":1800000060,\"sub\":\"\"}"), WSM__JWT_SUBJECT);
	assert_int_equal(payload_gives("{\"exp\":1800000060,\"sub\":\"u\\n1\"}"), WSM__JWT_SUBJECT);
	assert_int_equal(payload_gives("{\"exp\":1800000060,\"sub\":\"u1\\u0000\"}"), WSM__JWT_MALFORMED);
	memset(longest, 'u', 121);
	longest[121] = '\0';
	snprintf(payload, sizeof(payload), "{\"exp\":1800000060,\"sub\":\"%s\"}", longest);
	assert_int_equal(payload_gives(payload), WSM__JWT_SUBJECT);
}

static void rooms_are_names_or_beginnings(void **state)
{
	struct wsm__jwt_options options = hmac_options();
	struct wsm__jwt *jwt = make(&options);
	struct wsm__claims claims;

	(void)state;
	assert_int_equal(with_claim(&options, ",\"rooms\":\"logs\""), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"rooms\":[7]"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"rooms\":[\"\"]"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"rooms\":[\"a*b\"]"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"rooms\":[\"**\"]"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"rooms\":[\"@user:u2\"]"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"rooms\":null"), WSM__JWT_CLAIM);
	token_hs256(token, "{\"sub\":\"u1\",\"exp\":1800000060,\"rooms\":[\"logs\",\"project:7*\"]}");
	assert_int_equal(wsm__jwt_verify(jwt, wsm__str(token), NOW * 1000, &claims), WSM__JWT_OK);
	assert_true(wsm__patterns_grant(&claims.rooms, wsm__str("logs")));
	assert_true(wsm__patterns_grant(&claims.rooms, wsm__str("project:7")));
	assert_true(wsm__patterns_grant(&claims.rooms, wsm__str("project:70")));
	assert_false(wsm__patterns_grant(&claims.rooms, wsm__str("project:8")));
	assert_false(wsm__patterns_grant(&claims.rooms, wsm__str("logs2")));
	assert_false(wsm__patterns_grant(&claims.rooms, wsm__str("log")));
	assert_false(wsm__patterns_grant_all(&claims.rooms));
	wsm__claims_fini(&claims);
	token_hs256(token, "{\"sub\":\"u1\",\"exp\":1800000060,\"rooms\":[]}");
	assert_int_equal(wsm__jwt_verify(jwt, wsm__str(token), NOW * 1000, &claims), WSM__JWT_OK);
	assert_false(wsm__patterns_grant(&claims.rooms, wsm__str("logs")));
	wsm__claims_fini(&claims);
	token_hs256(token, "{\"sub\":\"u1\",\"exp\":1800000060,\"rooms\":[\"*\"]}");
	assert_int_equal(wsm__jwt_verify(jwt, wsm__str(token), NOW * 1000, &claims), WSM__JWT_OK);
	assert_true(wsm__patterns_grant_all(&claims.rooms));
	wsm__claims_fini(&claims);
	token_hs256(token, "{\"sub\":\"u1\",\"exp\":1800000060,\"jti\":\"t7\"}");
	assert_int_equal(wsm__jwt_verify(jwt, wsm__str(token), NOW * 1000, &claims), WSM__JWT_OK);
	assert_int_equal(claims.rooms.n, 0); /* it grants none */
	assert_false(wsm__patterns_grant(&claims.rooms, wsm__str("logs")));
	assert_false(wsm__patterns_grant_all(&claims.rooms));
	assert_string_equal(claims.jti, "t7");
	assert_true(claims.expires_ms == 1800000060000u);
	wsm__claims_fini(&claims);
	assert_int_equal(with_claim(&options, ",\"jti\":7"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"jti\":\"\""), WSM__JWT_CLAIM);
	wsm__jwt_free(jwt);
}

static void who_may_publish_issue_and_session_are_read(void **state)
{
	struct wsm__jwt_options options = hmac_options();
	struct wsm__jwt *jwt = make(&options);
	struct wsm__claims claims;

	(void)state;
	token_hs256(
		token,
		"{\"sub\":\"u1\",\"exp\":1800000060,\"iat\":1799999999.25,\"sid\":\"s1\",\"publish\":[\"chat:*\"]}");
	assert_int_equal(wsm__jwt_verify(jwt, wsm__str(token), NOW * 1000, &claims), WSM__JWT_OK);
	assert_true(claims.issued_ms == 1799999999250u);
	assert_string_equal(claims.session_id, "s1");
	assert_true(wsm__patterns_grant(&claims.publish, wsm__str("chat:1")));
	assert_false(wsm__patterns_grant(&claims.publish, wsm__str("chat")));
	assert_false(wsm__patterns_grant(&claims.rooms, wsm__str("chat:1")));
	wsm__claims_fini(&claims);
	wsm__jwt_free(jwt);
	assert_int_equal(with_claim(&options, ",\"publish\":\"chat\""), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"publish\":[\"@all\"]"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"iat\":\"1800000000\""), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"iat\":-1"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"iat\":1e300"), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"sid\":\"\""), WSM__JWT_CLAIM);
	assert_int_equal(with_claim(&options, ",\"sid\":7"), WSM__JWT_CLAIM);
}

/* ---- keys that are refused -------------------------------------------------------------------------------------- */

static void refused(const char *secret, const char *public_key, const char *algorithm, const char *says)
{
	struct wsm__jwt_options options = { .secret = wsm__str(secret),
	                                    .public_key = wsm__str(public_key),
	                                    .algorithm = wsm__str(algorithm) };
	wsm_error error = { .status = 0 };

	assert_null(wsm__jwt_new(&options, &error));
	assert_int_equal(error.status, WSM_ECONFIG);
	if (!strstr(error.message, says))
		give_up("\"%s\" does not say \"%s\"", error.message, says);
	assert_null(strstr(error.message, "0123456789abcdef"));
	assert_null(strstr(error.message, "MII"));
}

static void several_keys_are_in_force_at_a_time(void **state)
{
	static const char other[] = "fedcba9876543210fedcba9876543210";
	char text[256], pems[8192], pem[4096];
	struct wsm__jwt_options options = hmac_options();

	(void)state;
	snprintf(text, sizeof(text), " %s\t%s\n", other, SECRET_32);
	options.secret = wsm__str(text);
	assert_int_equal(verify(&options, token_hs256(token, GOOD)), WSM__JWT_OK);
	assert_int_equal(verify(&options, token_hmac(token, HS256, GOOD, 256, other, 32)), WSM__JWT_OK);
	token_hmac(token, HS256, GOOD, 256, "00000000000000000000000000000000", 32);
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
	key_pem(rsa, false, pems, sizeof(pems));
	key_pem(small_rsa, false, pem, sizeof(pem));
	options = (struct wsm__jwt_options){ .algorithm = wsm__str(NULL) };
	EVP_PKEY *second = EVP_RSA_gen(2048);
	key_pem(second, false, pems + strlen(pems), sizeof(pems) - strlen(pems));
	options.public_key = wsm__str(pems);
	assert_int_equal(verify(&options, token_with_key(token, "{\"alg\":\"RS256\"}", GOOD, 256, second)),
	                 WSM__JWT_OK);
	assert_int_equal(verify(&options, token_with_key(token, "{\"alg\":\"RS256\"}", GOOD, 256, rsa)), WSM__JWT_OK);
	token_with_key(token, "{\"alg\":\"RS256\"}", GOOD, 256, small_rsa);
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
	EVP_PKEY_free(second);
	/* Each is checked, and they are for one algorithm. */
	snprintf(text, sizeof(text), "%s short", SECRET_32);
	refused(text, NULL, NULL, "this one has 5");
	snprintf(text, sizeof(text), "%s %s %s %s %s", SECRET_32, SECRET_32, SECRET_32, SECRET_32, SECRET_32);
	refused(text, NULL, NULL, "at most 4 keys");
	refused("  ", NULL, NULL, "at least 32 bytes");
	key_pem(rsa, false, pems, sizeof(pems));
	key_pem(ec256, false, pems + strlen(pems), sizeof(pems) - strlen(pems));
	refused(NULL, pems, NULL, "not one for RS256");
	key_pem(rsa, false, pems, sizeof(pems));
	strcat(pems, pem);
	refused(NULL, pems, NULL, "at least 2048 bits");
}

/* As other libraries write it: in DER; and what is no signature on the curve at all. */
static void elliptic_signatures_have_one_form(void **state)
{
	char pem[4096], *end;
	struct wsm__jwt_options options = { .algorithm = wsm__str(NULL) };
	static const unsigned char zeros[64] = { 0 };
	unsigned char der[128], ones[66];
	size_t len = sizeof(der);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	key_pem(ec256, false, pem, sizeof(pem));
	options.public_key = wsm__str(pem);
	token_with_key(token, "{\"alg\":\"ES256\"}", GOOD, 256, ec256);
	assert_int_equal(verify(&options, token), WSM__JWT_OK);
	strcat(token, "AA"); /* two bytes more */
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
	end = strrchr(token, '.');
	*end = '\0';
	EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, ec256);
	EVP_DigestSign(context, der, &len, (const unsigned char *)token, strlen(token));
	EVP_MD_CTX_free(context);
	strcpy(end, ".");
	token_part(token, der, len);
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
	strcpy(end, ".");
	token_part(token, zeros, 64);
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
	strcpy(end, ".");
	token_part(token, ones, 64);
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
	strcpy(end, ".");
	token_part(token, ones, 66);
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
	strcpy(end, ".");
	assert_int_equal(verify(&options, token), WSM__JWT_SIGNATURE);
}

/* Of the size of P-256, but another curve. */
static void another_curve_of_the_same_size_is_refused(void **state)
{
	EVP_PKEY *other = EVP_EC_gen("secp256k1");
	char pem[4096];

	(void)state;
	key_pem(other, false, pem, sizeof(pem));
	refused(NULL, pem, NULL, "P-256, P-384 or P-521");
	refused(NULL, pem, "ES256", "not one for ES256");
	EVP_PKEY_free(other);
}

static void weak_and_wrong_keys_are_refused(void **state)
{
	char pem[4096], private[4096], small[4096], curve[4096];

	(void)state;
	key_pem(rsa, false, pem, sizeof(pem));
	key_pem(rsa, true, private, sizeof(private));
	key_pem(small_rsa, false, small, sizeof(small));
	key_pem(ec384, false, curve, sizeof(curve));
	refused(NULL, NULL, NULL, "jwt_secret or jwt_public_key");
	refused("0123456789abcdef0123456789abcde", NULL, NULL, "at least 32 bytes, this one has 31");
	refused(SECRET_32, NULL, "HS384", "at least 48 bytes");
	refused(SECRET_32, NULL, "HS512", "at least 64 bytes");
	refused(SECRET_32, NULL, "none", "jwt_algorithm must be");
	refused(SECRET_32, NULL, "hs256", "jwt_algorithm must be");
	refused(SECRET_32, NULL, "RS256", "RS256 needs option jwt_public_key");
	refused(NULL, pem, "HS256", "HS256 needs option jwt_secret");
	refused(NULL, pem, "ES256", "not one for ES256");
	refused(NULL, curve, "ES256", "not one for ES256");
	refused(NULL, curve, "RS256", "not one for RS256");
	refused(NULL, private, NULL, "no public key");
	refused(NULL, small, NULL, "at least 2048 bits");
	refused(NULL, "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n", NULL, "no public key");
	refused(SECRET_32, pem, NULL, "both set");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_hmac_algorithm_is_accepted),
		cmocka_unit_test(each_public_key_algorithm_is_accepted),
		cmocka_unit_test(the_same_kind_of_key_of_somebody_else_is_refused),
		cmocka_unit_test(no_algorithm_at_all_is_refused),
		cmocka_unit_test(a_public_key_is_no_hmac_secret),
		cmocka_unit_test(another_size_of_the_same_family_is_refused),
		cmocka_unit_test(headers_that_mean_something_else_are_refused),
		cmocka_unit_test(what_is_no_token_is_refused),
		cmocka_unit_test(a_token_of_more_than_8_kib_is_not_looked_at),
		cmocka_unit_test(deep_json_is_refused),
		cmocka_unit_test(exp_must_be_there_as_a_whole_number),
		cmocka_unit_test(time_is_kept_to_the_leeway),
		cmocka_unit_test(audience_and_issuer_are_ours),
		cmocka_unit_test(the_subject_is_a_user_id),
		cmocka_unit_test(rooms_are_names_or_beginnings),
		cmocka_unit_test(who_may_publish_issue_and_session_are_read),
		cmocka_unit_test(several_keys_are_in_force_at_a_time),
		cmocka_unit_test(elliptic_signatures_have_one_form),
		cmocka_unit_test(another_curve_of_the_same_size_is_refused),
		cmocka_unit_test(weak_and_wrong_keys_are_refused),
	};

	return cmocka_run_group_tests_name("jwt", tests, make_keys, free_keys);
}
