/* websocket.h - an open connection's frames. */
#ifndef WSM_SOCKETS_WEBSOCKET_H
#define WSM_SOCKETS_WEBSOCKET_H

#include "clients/carrier.h"

struct wsm__session;

/* Bytes of an open connection; `data` is changed. */
void wsm__websocket_receive(struct wsm__session *session, uint8_t *data, size_t len);

extern const struct wsm__carrier wsm__websocket_carrier;

#endif
