/* revoke.h - ends what was let in by what is revoked. */
#ifndef WSM_CLIENTS_REVOKE_H
#define WSM_CLIENTS_REVOKE_H

#include "ws_manager.h"

struct wsm__core;

/* Forgets what no token can be about any more. */
void wsm__revoke_sweep(struct wsm__core *core);
/* Ends connections after a revocation, of that user those that the host let in before that Unix time (ms); "" is no user. */
void wsm__revoke_run(struct wsm__core *core, wsm_slice user_id, uint64_t before_ms);
/* Ends all that is forbidden by revocations that were loaded after it was let in. */
void wsm__revoke_all(struct wsm__core *core);

#endif
