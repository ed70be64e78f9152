/* limits.h - what clients may do per second. Runtime thread only. */
#ifndef WSM_CLIENTS_LIMITS_H
#define WSM_CLIENTS_LIMITS_H

#include "ws_manager.h"

struct wsm__conn;

/* Before a whole message is looked at. False: the client was told, or closed with 4429. */
bool wsm__limits_message(struct wsm__conn *conn, size_t len);
/*
 * A ping or an unasked pong. It counts as a message, but is answered in any case (RFC 6455 section 5.5.2) until the connection is
 * closed with 4429: false.
 */
bool wsm__limits_control(struct wsm__conn *conn, size_t len);
/* A message is larger than may be: counts it, says so in the log, and closes with 1009. */
void wsm__limits_too_large(struct wsm__conn *conn);
/* Before a request about rooms is carried out; the same. */
bool wsm__limits_request(struct wsm__conn *conn, double cost, wsm_slice action, wsm_slice id);
/* What it turned out to cost besides: messages replayed, bytes of the answer. */
void wsm__limits_answered(struct wsm__conn *conn, uint64_t replayed, size_t bytes);
/* What keeps a connection from one more subscription: a sentence, and counted; NULL: nothing. */
const char *wsm__limits_rooms(struct wsm__conn *conn);
/* Whether one more subscription is within max_rooms and max_rooms_per_user; if not, the client is told. */
bool wsm__limits_subscribe(struct wsm__conn *conn, wsm_slice action, wsm_slice id);

#endif
