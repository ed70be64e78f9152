/* websocket.h - an open connection's frames. */
#ifndef WSM_SOCKETS_WEBSOCKET_H
#define WSM_SOCKETS_WEBSOCKET_H

struct wsm__conn;
struct wsm__session;

/* Makes a session OPEN after the handshake; it carries the connection from now on. */
void wsm__websocket_open(struct wsm__session *session, struct wsm__conn *conn);

#endif
