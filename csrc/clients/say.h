/* say.h - what clients publish, and the types that are not theirs. */
#ifndef WSM_CLIENTS_SAY_H
#define WSM_CLIENTS_SAY_H

#include "ws_manager.h"

struct wsm__command;
struct wsm__conn;
struct wsm__core;

/* The action `publish`, once it is allowed. */
void wsm__client_publish(struct wsm__conn *conn, const struct wsm__command *command);
/* A type that connections are greeted with, or that their heartbeats have: no client may publish it. */
void wsm__words_add(struct wsm__core *core, wsm_slice type);
void wsm__words_fini(struct wsm__core *core);

#endif
