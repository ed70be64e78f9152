/* revoke.h - ends what was let in by what is revoked. */
#ifndef WSM_CLIENTS_REVOKE_H
#define WSM_CLIENTS_REVOKE_H

struct wsm__core;
struct wsm__simple;

/* Forgets what no token can be about any more. */
void wsm__revoke_sweep(struct wsm__core *core);
/* Ends connections after a revocation. */
void wsm__revoke_run(struct wsm__core *core, const struct wsm__simple *command);

#endif
