/* limits.h - the rates and limits of clients. Runtime thread only. */
#ifndef WSM_CLIENTS_LIMITS_H
#define WSM_CLIENTS_LIMITS_H

#include "ws_manager.h"

struct wsm__conn;

/* Counts a whole message, before it is read. Returns false above a rate: the client got an error, or is closed with 4429. */
bool wsm__limits_message(struct wsm__conn *conn, size_t len);
/*
 * Counts a ping or a pong as a message. Returns true also above a rate, since every ping needs an answer (RFC 6455 section 5.5.2);
 * false once it closes the connection with 4429.
 */
bool wsm__limits_control(struct wsm__conn *conn, size_t len);
/* Counts a message that is too large, logs it, and closes with 1009. */
void wsm__limits_too_large(struct wsm__conn *conn);
/* The same as wsm__limits_message() for a request about rooms. */
bool wsm__limits_request(struct wsm__conn *conn, double cost, wsm_slice action, wsm_slice id);
/* Charges the cost of the answer to a request: messages replayed, bytes. */
void wsm__limits_answered(struct wsm__conn *conn, uint64_t replayed, size_t bytes);
/* Returns NULL if a connection may have one more subscription; else counts that, and returns a sentence. */
const char *wsm__limits_rooms(struct wsm__conn *conn);
/* Returns whether one more subscription is within max_rooms and max_rooms_per_user; if not, sends an error. */
bool wsm__limits_subscribe(struct wsm__conn *conn, wsm_slice action, wsm_slice id);

#endif
