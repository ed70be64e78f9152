/* flush.h - writes what waits for clients. */
#ifndef WSM_CLIENTS_FLUSH_H
#define WSM_CLIENTS_FLUSH_H

#include "ws_manager.h"

struct wsm__core;

/* Writes what stands on the dirty lists, for a few milliseconds at most; true if something is left. */
bool wsm__flush(struct wsm__core *core);

#endif
