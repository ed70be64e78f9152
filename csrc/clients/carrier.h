/* carrier.h - what carries the messages of a connection: a socket of ours (sockets/websocket.c), or the host (bridge.c). */
#ifndef WSM_CLIENTS_CARRIER_H
#define WSM_CLIENTS_CARRIER_H

#include "ws_manager.h"

struct wsm__conn;

struct wsm__carrier {
	/* The host's server speaks WebSocket with the client: it pings, and nobody has looked whether text is UTF-8. */
	bool hosted;
	/* Writes what stands in the outbox, as far as it goes. False if nothing more is to be done now; the connection may have gone. */
	bool (*write)(struct wsm__conn *conn);
	/* Ends a connection that is closing once all is written. It may have gone afterwards. */
	void (*close)(struct wsm__conn *conn);
	/* Completes a handshake that has waited until the connection was let in. NULL: there is none. */
	void (*admit)(struct wsm__conn *conn);
	/* Ends one that has not gone in time. NULL: that is the host's. */
	void (*cut_off)(struct wsm__conn *conn);
	/* Forgets the connection, which is being freed. NULL: it knows none. */
	void (*forget)(struct wsm__conn *conn);
};

#endif
