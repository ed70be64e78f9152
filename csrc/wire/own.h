/* own.h - the types of messages that only the core sends (docs/protocol.md, "What the server sends"). */
#ifndef WSM_WIRE_OWN_H
#define WSM_WIRE_OWN_H

#include "ws_manager.h"

/*
 * Whether clients act on messages of this type as the core's word, so that none of them may say it to another. Types that the
 * application gave to greetings and heartbeats are not among them: wsm__endpoints_say().
 */
bool wsm__own_type(wsm_slice type);

#endif
