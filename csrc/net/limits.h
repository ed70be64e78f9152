/* limits.h - what clients may do per second, and how many times that was too much. Runtime thread only. */
#ifndef WSM_NET_LIMITS_H
#define WSM_NET_LIMITS_H

#include "base/buffer.h"
#include "base/hash.h"
#include "policy/bucket.h"
#include "ws_manager.h"

struct wsm__core;
struct wsm__conn;
struct wsm_config;

/* Limits that are counted when they are broken, by the name of their option. */
#define WSM__LIMITS(X)                                                                                                 \
	X(rate)                                                                                                        \
	X(byte_rate)                                                                                                   \
	X(subscription_rate)                                                                                           \
	X(rate_per_user)                                                                                               \
	X(rate_per_ip)                                                                                                 \
	X(byte_rate_per_ip)                                                                                            \
	X(connection_rate_per_ip)                                                                                      \
	X(max_connections)                                                                                             \
	X(max_connections_per_ip)                                                                                      \
	X(max_connections_per_user)                                                                                    \
	X(max_http_connections)                                                                                        \
	X(max_http_queue)                                                                                              \
	X(wrong_key_rate)                                                                                              \
	X(max_rooms)                                                                                                   \
	X(max_rooms_per_user)                                                                                          \
	X(max_handler_queue)                                                                                           \
	X(max_message_size)                                                                                            \
	X(max_fragments)

enum wsm__limit {
#define WSM_X(name) WSM__LIMIT_##name,
	WSM__LIMITS(WSM_X)
#undef WSM_X
		WSM__LIMIT_COUNT
};

/* What the connections of one user share. */
struct wsm__user {
	UT_hash_handle hh;
	uint64_t connections;
	struct wsm__bucket messages;
	char id[];
};

struct wsm__limits {
	uint64_t broken[WSM__LIMIT_COUNT];
	uint64_t deferred; /* handshakes that have waited for another turn of the loop: handshake_budget */
	struct wsm__user *users;
};

void wsm__limits_fini(struct wsm__core *core);
/* Counts it. */
void wsm__limit_broken(struct wsm__core *core, enum wsm__limit limit);
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
/* What keeps a connection from one more subscription: a sentence, and counted; NULL: nothing. */
const char *wsm__limits_rooms(struct wsm__conn *conn);
/* Whether one more subscription is within max_rooms and max_rooms_per_user; if not, the client is told. */
bool wsm__limits_subscribe(struct wsm__conn *conn, wsm_slice action, wsm_slice id);

/* Members of GET /api/ws/stats, with a comma before each; lines of GET /metrics. */
void wsm__limits_stats(struct wsm__core *core, struct wsm__buffer *out);
void wsm__limits_metrics(struct wsm__core *core, struct wsm__buffer *out);

#endif
