/*
 * conn.h - one client. Only its carrier knows whether its socket is ours or the host's.
 *
 * Life: HANDSHAKE -> (DECIDING, while it waits for the host, a token or rooms) -> OPEN -> CLOSING -> gone. Closing has two steps:
 * wsm__conn_close() says why and stops everything else; the carrier calls wsm__conn_gone(), which frees.
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
	uint64_t close_by_ms; /* while closing: when to cut off the socket */
	struct wsm__conn *wheel_prev, *wheel_next;
	unsigned slot;
	struct wsm__peer *peer; /* NULL once closing */
	struct wsm__user *user; /* NULL: no user, or closing */

	bool choked;      /* the socket takes no more; waits for its writable callback */
	bool announced;   /* the host has got WSM_EVENT_CONNECT, so it gets the end, too */
	bool tell_closed; /* adopted or bridged: WSM_EVENT_CLOSED at the end */
	bool draining;    /* waits for its turn to be closed: drain.h */
	bool close_sent;  /* our Close frame: nothing follows it */
	bool hang_up;     /* do not wait for the client's answer to it */
	bool binary;
	bool arrived;            /* its peer has counted it as a new connection */
	bool admitted;           /* by the host, before the hand-over */
	bool ask;                /* the host decides later: wsm_admission */
	bool echo;               /* see echo.c */
	bool by_http;            /* no browser: a refusal is an HTTP status, so the 101 waits until it is let in */
	bool awaits_token;       /* while DECIDING: its first message must be `auth` */
	bool firehose_vouched;   /* the authorize handler has allowed the firehose */
	uint16_t close_code;     /* ours, or the client's */
	uint16_t violations;     /* messages above a rate */
	struct wsm__waits waits; /* for the host, or for a token */
	struct wsm__bucket rate, byte_rate, requests;
	size_t in_flight; /* bridge: bytes that the host has not confirmed yet */
	char *close_reason;
	struct wsm__buffer received;
	struct wsm__opening *opening;              /* its state until it is open; NULL afterwards */
	struct wsm__grant *grant;                  /* of its token; NULL: it came in without one */
	struct wsm__patterns granted, may_publish; /* grants of the host's admission */
};

/*
 * Makes a connection for a request that has passed wsm__request_check(). `endpoint` (takes no reference) may be NULL if `admission`
 * says admitted. Returns NULL when out of memory.
 */
struct wsm__conn *wsm__conn_new(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                const wsm_admission *admission);
/* Begins to close; later calls do nothing. Cuts `reason` at 123 bytes. */
void wsm__conn_close(struct wsm__conn *conn, unsigned code, const char *reason);
/* The same for a connection that is not let in; counts and logs the refusal. */
void wsm__conn_refuse(struct wsm__conn *conn, unsigned code, const char *reason);
/* Does what every way of closing begins with; the caller or the client does the rest. */
void wsm__conn_closing(struct wsm__conn *conn);
/* Ends a connection whose socket has gone: tells the host, leaves everything, frees. */
void wsm__conn_gone(struct wsm__conn *conn);
/* Notes that the client was heard. */
static inline void wsm__conn_heard(struct wsm__conn *conn)
{
	conn->last_heard_ms = conn->core->now_ms;
}
/*
 * Call it before a look at core->conns[i] in a loop over all: it loads the next ones into the cache, which takes most of the time of
 * such a loop.
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
/* Returns all texts of its info, from the client id to the user agent, with a NUL between them. */
wsm_slice wsm__conn_texts(const struct wsm__conn *conn);
struct wsm__conn *wsm__conn_by_client(struct wsm__core *core, wsm_slice client_id);
struct wsm__conn *wsm__conn_by_number(struct wsm__core *core, uint64_t number);
static inline struct wsm__conn *wsm__conn_of(struct wsm__sub *sub)
{
	return (struct wsm__conn *)(void *)sub;
}
/* Queues an answer: {"type":type,"data":data,…,"id":id}. */
void wsm__conn_answer(struct wsm__conn *conn, const char *type, wsm_slice data, wsm_slice id);
/* The same with the content of `data`; closes the connection when out of memory. */
void wsm__conn_answer_from(struct wsm__conn *conn, const char *type, const struct wsm__buffer *data, wsm_slice id);
/* Queues {"type":"error","data":{"code","message","action"},"id"}. */
void wsm__conn_error(struct wsm__conn *conn, const char *code, const char *message, wsm_slice action, wsm_slice id);
/* The same with "retry_after_ms" (0: without it): the wait until the action would be allowed. */
void wsm__conn_error_later(struct wsm__conn *conn, const char *code, const char *message, wsm_slice action,
                           wsm_slice id, uint64_t retry_after_ms);

/* core->find_client: returns an open connection, or NULL. */
struct wsm__sub *wsm__conn_find_client(struct wsm__core *core, wsm_slice client_id);

/*
 * Moves a closing connection to the list of those that are cut off after close_timeout. Another call begins that time anew: the
 * client reads, or the Close frame is out.
 */
void wsm__conn_wait_closing(struct wsm__conn *conn);

/* Puts it on the urgent dirty list: it must close, or its socket takes more again. */
static inline void wsm__flush_soon(struct wsm__conn *conn)
{
	wsm__mark_dirty(&conn->core->registry, &conn->sub, true);
}

/* Takes over the host's grants, and the rooms to join. WSM_ENOMEM. */
int wsm__conn_take_grants(struct wsm__conn *conn, const struct wsm__lists *lists);

#endif
