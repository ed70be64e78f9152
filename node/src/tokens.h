/* tokens.h - Runtime's calls about tokens that are accepted no longer, and the keys that they are checked with. */
#ifndef WSM_NODE_TOKENS_H
#define WSM_NODE_TOKENS_H

#include "seat.h"

METHOD(revoke);
METHOD(unrevoke);
METHOD(revocations);
METHOD(reload_keys);

#endif
