/* keys.h - the keys that tokens are checked with: read, and exchanged while the runtime runs. */
#ifndef WSM_HOST_KEYS_H
#define WSM_HOST_KEYS_H

#include "ws_manager.h"

struct wsm__jwt;
struct wsm__keys;

/* Reads the keys, if some are configured: runtime->jwt. WSM_ECONFIG. */
int wsm__token_init(wsm_runtime *runtime, wsm_error *error);
/* The keys of these texts; NULL: the configuration's. `algorithm`: "" by the key. NULL with `error`. */
struct wsm__jwt *wsm__token_keys(const struct wsm_config *config, const char *secret, const char *public_key,
                                 const char *algorithm, wsm_error *error);
/* Exchanges them, on the runtime thread or while there is none. Takes `keys` over. */
void wsm__keys_run(wsm_runtime *runtime, struct wsm__keys *keys);

#endif
