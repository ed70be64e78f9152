/* flush.h - writes messages that wait for clients. */
#ifndef WSM_CLIENTS_FLUSH_H
#define WSM_CLIENTS_FLUSH_H

#include "ws_manager.h"

struct wsm__core;

/* Writes to the connections on the dirty lists, for a few milliseconds. Returns true if some are left. */
bool wsm__flush(struct wsm__core *core);

#endif
