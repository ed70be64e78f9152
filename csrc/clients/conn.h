/*
 * conn.h - one client. Whether its socket is ours or the host's, only its carrier knows.
 *
 * Life: HANDSHAKE -> (DECIDING, while the host authenticates) -> OPEN -> CLOSING -> gone. Closing has two steps: wsm__conn_close()
 * says why and stops everything else; wsm__conn_gone() comes from whoever owned the socket and frees.
 */
#ifndef WSM_CLIENTS_CONN_H
#define WSM_CLIENTS_CONN_H

#include "clients/ticket.h"
#include "core/core.h"
#include "policy/access.h"
#include "policy/bucket.h"
#include "rooms/fanout.h"

struct wsm__carrier;
struct wsm__grant;
struct wsm__lists;
struct wsm__opening;
struct wsm__peer;
struct wsm__request;

enum wsm__conn_state { WSM__CONN_HANDSHAKE, WSM__CONN_DECIDING, WSM__CONN_OPEN, WSM__CONN_CLOSING };

struct wsm__conn {
	struct wsm__sub sub; /* first: the registry hands out subs */
	UT_hash_handle by_number, by_client;
	struct wsm__core *core;
	const struct wsm__carrier *carrier; /* NULL: not yet */
	struct wsm__session *session;       /* the carrier's */
	const wsm_conn_info *info;
	uint64_t number;
	enum wsm__conn_state state;
	uint32_t index;                            /* in core->conns */
	struct wsm__meter sent, received_messages; /* heartbeats and answers aside */
	uint64_t bytes_sent, bytes_received;
	char *greeting, *heartbeat; /* types */

	uint64_t last_heard_ms, next_beat_ms;
	uint64_t close_by_ms; /* once closing: when the socket is cut off */
	struct wsm__conn *wheel_prev, *wheel_next;
	unsigned slot;
	struct wsm__peer *peer; /* NULL once closing */
	struct wsm__user *user; /* NULL: nobody in particular, or closing */

	bool choked;      /* the socket takes no more; waits for its writable callback */
	bool announced;   /* the host has been told of it, so it is told of the end */
	bool tell_closed; /* adopted or bridged: WSM_EVENT_CLOSED at the end */
	bool draining;    /* waits for its turn to be closed: drain.h */
	bool close_sent;  /* our Close frame: nothing follows it */
	bool hang_up;     /* the client's answer to it is not waited for */
	bool binary;
	bool arrived;            /* as a new connection of its peer: at the door already */
	bool admitted;           /* by the host, before the hand-over */
	bool ask;                /* the host decides now */
	bool echo;               /* see echo.c */
	bool by_http;            /* no browser: it is refused by an HTTP status, so the 101 waits until it is let in */
	bool awaits_token;       /* while DECIDING: its first message is to be `auth` */
	bool firehose_vouched;   /* the host was asked whether it may have it */
	uint16_t close_code;     /* ours, or the peer's */
	uint16_t violations;     /* rate limit */
	struct wsm__waits waits; /* for the host, or for a token */
	struct wsm__bucket rate, byte_rate, requests;
	size_t in_flight; /* bridge: bytes that the host has not yet confirmed */
	char *close_reason;
	struct wsm__buffer received;
	struct wsm__opening *opening;              /* what is needed until it is open; NULL afterwards */
	struct wsm__grant *grant;                  /* of the token that it came in by; NULL: by none */
	struct wsm__patterns granted, may_publish; /* the host's word when it was let in */
};

/*
 * A connection for a request that has passed wsm__request_check(). `endpoint` (reference not taken) may be NULL if `admission`
 * says admitted. NULL when out of memory.
 */
struct wsm__conn *wsm__conn_new(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                const wsm_admission *admission);
/* Asks for the end, once; later calls do nothing. `reason` is cut at 123 bytes. */
void wsm__conn_close(struct wsm__conn *conn, unsigned code, const char *reason);
/* The same for one that is not let in, and counted as such. */
void wsm__conn_refuse(struct wsm__conn *conn, unsigned code, const char *reason);
/* What every way of closing begins with; the close itself is the caller's, or the peer's. */
void wsm__conn_closing(struct wsm__conn *conn);
/* The socket has gone: tells the host, leaves everything, frees. */
void wsm__conn_gone(struct wsm__conn *conn);
/* Marks as heard from. */
static inline void wsm__conn_heard(struct wsm__conn *conn)
{
	conn->last_heard_ms = conn->core->now_ms;
}
/*
 * Before core->conns[i] is looked at: those that come next are brought into the cache meanwhile, which is most of what a look at all of
 * ten thousand takes.
 */
static inline void wsm__conn_look(const struct wsm__core *core, uint64_t i)
{
	enum { AHEAD = 12 };
	const struct wsm__conn *next = i + AHEAD < core->n_conns ? core->conns[i + AHEAD] : NULL;

	if (!next)
		return;
	__builtin_prefetch(&next->sub.outbox);
	__builtin_prefetch(&next->sub.n_lagging);
	__builtin_prefetch(&next->info);
	__builtin_prefetch(&next->bytes_received);
}
/* What is known about it as text, one thing behind the other with a NUL between them: from the client id to the user agent. */
wsm_slice wsm__conn_texts(const struct wsm__conn *conn);
struct wsm__conn *wsm__conn_by_client(struct wsm__core *core, wsm_slice client_id);
struct wsm__conn *wsm__conn_by_number(struct wsm__core *core, uint64_t number);
static inline struct wsm__conn *wsm__conn_of(struct wsm__sub *sub)
{
	return (struct wsm__conn *)(void *)sub;
}
/* Queues an answer: {"type":type,"data":data,…,"id":id}. */
void wsm__conn_answer(struct wsm__conn *conn, const char *type, wsm_slice data, wsm_slice id);
/* The same with what has been written into `data`; without memory for an answer, the connection is closed. */
void wsm__conn_answer_from(struct wsm__conn *conn, const char *type, const struct wsm__buffer *data, wsm_slice id);
/* Queues {"type":"error","data":{"code","message","action"},"id"}. */
void wsm__conn_error(struct wsm__conn *conn, const char *code, const char *message, wsm_slice action, wsm_slice id);
/* The same with "retry_after_ms" (0: without): when the same would be allowed. */
void wsm__conn_error_later(struct wsm__conn *conn, const char *code, const char *message, wsm_slice action,
                           wsm_slice id, uint64_t retry_after_ms);

/* core->find_client: an open one. */
struct wsm__sub *wsm__conn_find_client(struct wsm__core *core, wsm_slice client_id);

/*
 * Moves a closing connection to the list of those, from which it is cut off after close_timeout; called again, that time
 * begins anew: the client reads, or the close frame is out.
 */
void wsm__conn_wait_closing(struct wsm__conn *conn);

/* Puts it on the list of those to be written: it is to close, or can be written to again. */
static inline void wsm__flush_soon(struct wsm__conn *conn)
{
	wsm__mark_dirty(&conn->core->registry, &conn->sub, true);
}

/* What the host has granted, and what is to be joined of it. WSM_ENOMEM. */
int wsm__conn_take_grants(struct wsm__conn *conn, const struct wsm__lists *lists);

#endif
