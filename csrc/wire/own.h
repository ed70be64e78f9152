/* own.h - the types of messages that only the core sends (docs/protocol.md, "What the server sends"). */
#ifndef WSM_WIRE_OWN_H
#define WSM_WIRE_OWN_H

#include "ws_manager.h"

/*
 * Returns whether clients trust messages of this type as the core's, so that no client may publish it. Does not know the types that
 * the application gave to greetings and heartbeats: wsm__endpoints_say() does.
 */
bool wsm__own_type(wsm_slice type);

#endif
