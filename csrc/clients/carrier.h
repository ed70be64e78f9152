/* carrier.h - carries the messages of a connection: over a socket of ours (sockets/websocket.c), or by the host (bridge.c). */
#ifndef WSM_CLIENTS_CARRIER_H
#define WSM_CLIENTS_CARRIER_H

#include "ws_manager.h"

struct wsm__conn;

struct wsm__carrier {
	/* The host's server speaks WebSocket with the client: it pings, and may pass text that is not UTF-8. */
	bool hosted;
	/* Writes as much of the outbox as it can. Returns false if there is nothing more to do now; the connection may have gone. */
	bool (*write)(struct wsm__conn *conn);
	/* Ends a closing connection, once all is written. The connection may have gone afterwards. */
	void (*close)(struct wsm__conn *conn);
	/* Completes a handshake that has waited until the connection was let in. May be NULL. */
	void (*admit)(struct wsm__conn *conn);
	/* Ends a connection that has not gone in time. NULL: the host does. */
	void (*cut_off)(struct wsm__conn *conn);
	/* Forgets a connection that is being freed. May be NULL. */
	void (*forget)(struct wsm__conn *conn);
};

#endif
