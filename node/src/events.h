/* events.h - what the runtime tells a Runtime's `dispatch`, and the host's answers. */
#ifndef WSM_NODE_EVENTS_H
#define WSM_NODE_EVENTS_H

#include "seat.h"

METHOD(want);
METHOD(access_checked);
METHOD(access);
METHOD(command_add);
METHOD(command_remove);
METHOD(authenticated);
METHOD(authorized);
METHOD(reply);
METHOD(option);
METHOD(info);

/* Hands the events of every seat of an environment to its JavaScript object. False if some are left for later. */
bool addon_events_look(struct env *env);

#endif
