/* words.h - remembers the types of the application's greetings and heartbeats: no client may publish them. */
#ifndef WSM_CLIENTS_WORDS_H
#define WSM_CLIENTS_WORDS_H

#include "ws_manager.h"

struct wsm__core;

bool wsm__words_have(const struct wsm__core *core, wsm_slice type);

/* Adds the type of a greeting or a heartbeat. Keeps a bounded number of them. */
void wsm__words_add(struct wsm__core *core, wsm_slice type);
void wsm__words_fini(struct wsm__core *core);

#endif
