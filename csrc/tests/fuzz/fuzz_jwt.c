/*
 * Tokens. The first byte says how the rest is to be read: as a whole token, or as header and payload (two lines) that are signed with
 * the right secret. Whatever is accepted without the secret is a forgery, so that only the second kind may be.
 */
#include "check.h"

#include "tests/support/tokens.h"
#include "policy/jwt.h"
#include "wire/name.h"

#define NOW_MS 1800000000000u

static struct wsm__jwt *key(void)
{
	const struct wsm__jwt_options options = { .secret = wsm__str(SECRET_32) };
	struct wsm__jwt *jwt = wsm__jwt_new(&options, NULL);

	CHECK(jwt);
	return jwt;
}

static void check_claims(const struct wsm__claims *claims)
{
	CHECK(wsm__id_valid(wsm__str(claims->user_id)));
	CHECK(claims->expires_ms > NOW_MS);
	CHECK(!claims->jti || strlen(claims->jti) <= WSM__JTI_MAX);
	CHECK(!claims->session_id || wsm__id_valid(wsm__str(claims->session_id)));
	for (size_t i = 0; i < claims->rooms.n; i++) {
		wsm_slice pattern = wsm__str(claims->rooms.at[i]);

		CHECK(pattern.len > 0);
		if (pattern.data[pattern.len - 1] != '*')
			CHECK(wsm__patterns_grant(&claims->rooms, pattern));
	}
}

static enum wsm__jwt_result verify(wsm_slice token)
{
	struct wsm__jwt *jwt = key();
	struct wsm__claims claims;
	enum wsm__jwt_result result = wsm__jwt_verify(jwt, token, NOW_MS, &claims);

	if (result == WSM__JWT_OK)
		check_claims(&claims);
	else
		CHECK(!claims.user_id && !claims.session_id && !claims.rooms.at && !claims.publish.at && !claims.jti);
	CHECK(strlen(wsm__jwt_text(result)) > 0);
	wsm__claims_fini(&claims);
	wsm__jwt_free(jwt);
	return result;
}

static void signed_token(wsm_slice text)
{
	const char *end = text.len ? memchr(text.data, '\n', text.len) : NULL;
	char *header, *payload, *token;

	if (!end || text.len > 4000)
		return;
	header = wsm__slice_dup(wsm__slice(text.data, (size_t)(end - text.data)));
	payload = wsm__slice_dup(wsm__slice(end + 1, text.len - (size_t)(end - text.data) - 1));
	token = malloc(TOKEN_SIZE);
	CHECK(header && payload && token);
	token_hmac(token, header, payload, 256, SECRET_32, 32);
	verify(wsm__str(token));
	free(header);
	free(payload);
	free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wsm_slice text;

	if (size == 0)
		return 0;
	text = exact(data + 1, size - 1);
	if (data[0] % 2 == 0)
		CHECK(verify(text) != WSM__JWT_OK);
	else
		signed_token(text);
	drop(text);
	return 0;
}
