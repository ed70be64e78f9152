/* websocket.h - an open connection's frames. */
#ifndef WSM_SOCKETS_WEBSOCKET_H
#define WSM_SOCKETS_WEBSOCKET_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__session;

/* Bytes of an open connection; `data` is changed. */
void wsm__websocket_receive(struct wsm__session *session, uint8_t *data, size_t len);
/* Everything that precedes it is written: the Close frame. The connection may be gone afterwards. */
void wsm__websocket_close(struct wsm__conn *conn);

#endif
