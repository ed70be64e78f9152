/* words.h - the types of the application's greetings and heartbeats, which no client may publish. */
#ifndef WSM_CLIENTS_WORDS_H
#define WSM_CLIENTS_WORDS_H

#include "ws_manager.h"

struct wsm__core;

bool wsm__words_have(const struct wsm__core *core, wsm_slice type);

/* A type that connections are greeted with, or that their heartbeats have: no client may publish it. */
void wsm__words_add(struct wsm__core *core, wsm_slice type);
void wsm__words_fini(struct wsm__core *core);

#endif
