/* limits.h - what clients may do per second, and how many times that was too much. Runtime thread only. */
#ifndef WSM_CLIENTS_LIMITS_H
#define WSM_CLIENTS_LIMITS_H

#include "base/hash.h"
#include "policy/bucket.h"
#include "ws_manager.h"

struct wsm__buffer;
struct wsm__conn;
struct wsm__core;

/* What the connections of one user share. */
struct wsm__user {
	UT_hash_handle hh;
	uint64_t connections;
	struct wsm__bucket messages;
	char id[];
};

void wsm__limits_fini(struct wsm__core *core);
/* As many new connections as may be there: an office that comes back after a restart. */
double wsm__limits_arrival_burst(const struct wsm_config *config);

/* The connection counts as its user's from here on; false, and it is closed, if that has as many as it may. */
bool wsm__limits_enter(struct wsm__conn *conn);
void wsm__limits_leave(struct wsm__conn *conn);
/* Before a whole message is looked at. False: the client was told, or closed with 4429. */
bool wsm__limits_message(struct wsm__conn *conn, size_t len);
/*
 * A ping or an unasked pong. It counts as a message, but is answered in any case (RFC 6455 section 5.5.2) until the connection is
 * closed with 4429: false.
 */
bool wsm__limits_control(struct wsm__conn *conn, size_t len);
/* Before a request about rooms is carried out; the same. */
bool wsm__limits_request(struct wsm__conn *conn, double cost, wsm_slice action, wsm_slice id);
/* What it turned out to cost besides: messages replayed, bytes of the answer. */
void wsm__limits_answered(struct wsm__conn *conn, uint64_t replayed, size_t bytes);
/* Whether one more subscription is within max_rooms and max_rooms_per_user; if not, the client is told. */
bool wsm__limits_subscribe(struct wsm__conn *conn, wsm_slice action, wsm_slice id);

/* Members of GET /api/ws/stats, with a comma before each; lines of GET /metrics. */
void wsm__limits_stats(struct wsm__core *core, struct wsm__buffer *out);
void wsm__limits_metrics(struct wsm__core *core, struct wsm__buffer *out);

#endif
