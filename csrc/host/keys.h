/* keys.h - reads the keys for tokens, and exchanges them while the runtime runs. */
#ifndef WSM_HOST_KEYS_H
#define WSM_HOST_KEYS_H

#include "ws_manager.h"

struct wsm__jwt;
struct wsm__keys;

/* Reads the configured keys, if any, and sets runtime->jwt. WSM_ECONFIG. */
int wsm__token_init(wsm_runtime *runtime, wsm_error *error);
/* Makes keys of these texts; NULL: the configured one. `algorithm` "": the key decides. Returns NULL and fills `error` on failure. */
struct wsm__jwt *wsm__token_keys(const struct wsm_config *config, const char *secret, const char *public_key,
                                 const char *algorithm, wsm_error *error);
/* Exchanges the keys, on the runtime thread or while there is none. Takes over `keys`. */
void wsm__keys_run(wsm_runtime *runtime, struct wsm__keys *keys);

#endif
