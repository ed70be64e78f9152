/* clients.h - Runtime's calls about clients: who is in which room, and who has to go. */
#ifndef WSM_NODE_CLIENTS_H
#define WSM_NODE_CLIENTS_H

#include "seat.h"

METHOD(subscribe);
METHOD(unsubscribe);
METHOD(disconnect);
METHOD(disconnect_user);
METHOD(ban);
METHOD(unban);

#endif
