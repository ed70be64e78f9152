/* publish.h - Runtime.publish(): the call that every sending call of the package ends in. */
#ifndef WSM_NODE_PUBLISH_H
#define WSM_NODE_PUBLISH_H

#include "seat.h"

METHOD(publish);

#endif
