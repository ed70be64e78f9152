#include "rest/key.h"

#include <string.h>

#include "clients/peers.h"
#include "core/core.h"
#include "host/request.h"
#include "host/token.h"
#include "policy/config.h"

static bool same_secret(wsm_slice given, const char *secret)
{
	size_t len = strlen(secret);
	unsigned char difference = given.len != len;

	for (size_t i = 0; i < given.len && len; i++)
		difference |= (unsigned char)(given.data[i] ^ secret[i % len]);
	return !difference;
}

/*
 * Takes a token for a wrong key before the check, so that guessing has a rate also without bans: on loopback, and behind a proxy that
 * does not name its clients. Gives it back for the right key.
 */
enum wsm__key wsm__key_check(struct wsm__core *core, const struct wsm__key_call *call)
{
	const struct wsm_config *config = core->config;
	wsm_slice given = wsm__request_header(call->from, "x-api-key");
	double burst = wsm__peers_key_burst(config);
	bool is_key = call->needed || given.len > 0, may_look; /* else it may be anybody's token */
	struct wsm__bucket *bucket;
	struct wsm__peer *peer;

	if (!given.len)
		given = wsm__token_bearer(wsm__request_header(call->from, "authorization"));
	if (!*config->api_key || !given.len)
		return WSM__KEY_NONE;
	peer = wsm__peer_get(core, &call->from->client.address);
	if (!peer)
		return WSM__KEY_LATER;
	bucket = is_key ? &peer->keys : &peer->bearers;
	may_look = wsm__bucket_take(bucket, 1, config->wrong_key_rate, burst, core->now_ms);
	if (!may_look && is_key && call->counts)
		wsm__limit_broken(core, WSM__LIMIT_wrong_key_rate);
	if (may_look && same_secret(given, config->api_key)) {
		wsm__bucket_charge(bucket, -1, config->wrong_key_rate, burst, core->now_ms);
		return WSM__KEY_GOOD;
	}
	if (!is_key)
		return WSM__KEY_NONE;
	if (call->counts)
		wsm__peer_offence(core, peer, WSM__OFFENCE_key);
	return may_look ? WSM__KEY_WRONG : WSM__KEY_LATER;
}
