/* endpoint.h - Runtime's endpoints, and what is said about rooms by pattern. */
#ifndef WSM_NODE_ENDPOINT_H
#define WSM_NODE_ENDPOINT_H

#include "seat.h"

METHOD(endpoint_set);
METHOD(endpoint_remove);
METHOD(match);
METHOD(label);
METHOD(room_rule_set);

#endif
