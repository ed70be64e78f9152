/*
 * connection.h - one client. Whether its socket is libwebsockets' or the host's (bridge) matters only to flush.c and close.
 *
 * Life: HANDSHAKE -> (DECIDING, while the host authenticates) -> OPEN -> CLOSING -> gone. Closing has two steps: wsm__conn_close()
 * says why and stops everything else; wsm__conn_gone() comes from whoever owned the socket and frees.
 */
#ifndef WSM_NET_CONNECTION_H
#define WSM_NET_CONNECTION_H

#include "base/meter.h"
#include "net/runtime.h"
#include "policy/access.h"
#include "policy/proxy.h"
#include "wire/target.h"

enum wsm__conn_state { WSM__CONN_HANDSHAKE, WSM__CONN_DECIDING, WSM__CONN_OPEN, WSM__CONN_CLOSING };

struct wsm__session;

/*
 * What a request asks for, whichever way it came: own port, hand-over, bridge. Valid during the call it is passed to. The path is
 * decoded, the query is not.
 */
struct wsm__request {
	wsm_slice path, query, ip;
	const wsm_member *headers; /* all of them, in order; `json` is the value, plain text */
	size_t n_headers;
	bool tls;                  /* it came over TLS that ends here, or in the host's server */
	wsm_slice via;             /* see wsm_request */
	wsm_slice host;            /* that the client believes to speak to */
	wsm_slice called;          /* the same as the request itself has it, whatever a proxy says */
	struct wsm__client client; /* by wsm__request_client(); `ip` and `host` are its then */
	bool loopback;             /* its socket, or its client, is on this machine */
	bool local;                /* it is, knows it by a name of loopback, and nothing is in between */
	char client_ip[WSM__ADDRESS_TEXT], client_host[256];
	wsm_slice token; /* a JWT, not checked yet; empty: none */
};

struct wsm__conn {
	struct wsm__sub sub; /* first: the registry hands out subs */
	UT_hash_handle by_number, by_client;
	struct wsm__core *core;
	struct wsm__session *session; /* its socket; NULL: bridge */
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

	bool bridge;
	bool choked;      /* the socket takes no more; waits for its writable callback */
	bool announced;   /* the host has been told of it, so it is told of the end */
	bool tell_closed; /* adopted or bridged: WSM_EVENT_CLOSED at the end */
	bool draining;    /* waits for its turn to be closed: drain.h */
	bool close_sent;  /* our Close frame: nothing follows it */
	bool hang_up;     /* the client's answer to it is not waited for */
	bool binary;
	bool arrived;          /* as a new connection of its peer: at the door already */
	bool admitted;         /* by the host, before the hand-over */
	bool ask;              /* the host decides now */
	bool echo;             /* see echo.c */
	bool by_http;          /* no browser: it is refused by an HTTP status, so the 101 waits until it is let in */
	bool awaits_token;     /* while DECIDING: its first message is to be `auth` */
	bool firehose_vouched; /* the host was asked whether it may have it */
	uint16_t close_code;   /* ours, or the peer's */
	uint16_t violations;   /* rate limit */
	uint16_t pending_decisions;
	struct wsm__bucket rate, byte_rate, requests;
	size_t in_flight; /* bridge: bytes that the host has not yet confirmed */
	char *close_reason;
	struct wsm__buffer received;
	struct wsm__opening *opening;              /* what is needed until it is open; NULL afterwards */
	struct wsm__grant *grant;                  /* of the token that it came in by; NULL: by none */
	struct wsm__patterns granted, may_publish; /* the host's word when it was let in */
};

/* A message that came before the host had decided; or one that the host wants to say first. */
struct wsm__early {
	struct wsm__early *next;
	bool binary;
	size_t len;
	char data[];
};

/* What a connection is to join when it opens. */
struct wsm__opening {
	char **rooms;
	size_t n_rooms;
	size_t n_endpoint_rooms; /* the first of them; the rest is the host's word */
	size_t n_checked;        /* the first of those, the firehose behind them */
	uint64_t vouched;        /* which of the first 64 the host was asked about */
	char *token;             /* NULL: none */
	bool firehose;
	int level;
	struct wsm__position *resume;
	int n_resume;
	struct wsm__buffer described; /* JSON for the authenticate handler */
	unsigned refuse_code;         /* to be closed with this as soon as it is established; 0: no */
	const char *refuse_reason;    /* static */
	bool greeted;
	bool by_message;        /* it came in by a message, which is answered after the greeting */
	char *answer_id;        /* JSON; NULL: none */
	struct wsm__pub **gaps; /* found before the greeting, told after it */
	size_t n_gaps;
	struct wsm__early *early; /* in order */
	uint32_t n_early;
	size_t early_bytes;
	struct wsm__early *welcome; /* what the host says behind the greeting, in order */
};

/* ---- connection.c: being made, opening, closing ----------------------------------------------------------------- */

/*
 * A connection for a request that has passed wsm__request_check(). `endpoint` (reference not taken) may be NULL if `admission`
 * says admitted. NULL when out of memory.
 */
struct wsm__conn *wsm__conn_new(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                const wsm_admission *admission);
/* The socket (or the host) is ready for messages: decide, or refuse, or open. */
void wsm__conn_established(struct wsm__conn *conn);
/* Who it is has been decided, or nobody decides (NULL). Goes on to what it may join (access.c). */
void wsm__conn_open(struct wsm__conn *conn, const wsm_decision *decision);
/* It may join what it came for: joins, greets, and lets it speak. */
void wsm__conn_opened(struct wsm__conn *conn);
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
/*
 * The facts that the host sees (info.c), with one reference: client id, user, session, path, query, address, user agent. NULL when out of
 * memory.
 */
const wsm_conn_info *wsm__info_new(uint64_t number, int64_t connected_at, const wsm_slice texts[7]);
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

/* Rooms that a user's connections join, now and later (sticky.c). */
void wsm__sticky_set(struct wsm__core *core, wsm_slice user_id, wsm_slice room, bool subscribed);
void wsm__sticky_join(struct wsm__conn *conn, struct wsm__buffer *greeting);
bool wsm__sticky_has(struct wsm__core *core, wsm_slice user_id, wsm_slice room);
void wsm__sticky_fini(struct wsm__core *core);

/* ---- greeting.c ------------------------------------------------------------------------------------------------- */

/* Joins everything, then greets; the replay is queued behind the greeting. */
void wsm__conn_enter(struct wsm__conn *conn);
/* Joins one room, from the position that the client named if it did, and adds its row to the greeting. */
void wsm__conn_enter_room(struct wsm__conn *conn, wsm_slice name, bool by_entry, struct wsm__buffer *greeting);
/* Keeps what the host wants to say behind the greeting. WSM_ENOMEM. */
int wsm__opening_welcome(struct wsm__opening *opening, const wsm_slice *messages, size_t n);
/* The registry's callback: tells a client that publications it had a right to are gone, behind its greeting. */
void wsm__conn_gap(void *core, struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, uint64_t missed);

/* ---- request.c: what is checked before the upgrade -------------------------------------------------------------- */

/*
 * Origin and endpoint. Returns 0, or the HTTP status to refuse with (403, which is logged, or 404), and one static sentence. On 0,
 * *endpoint holds a reference unless `admission` says admitted. May run on a host thread: uses nothing of the core.
 */
unsigned wsm__request_check(wsm_runtime *runtime, const struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, const char **why);
/*
 * Who asks, from where, by which scheme and host: for sockets and REST alike, whichever way they came. Given the peer's address in
 * request->ip, finds out who is behind a trusted proxy. False (400) if its headers contradict each other, or one of them came several
 * times, which the host's server may have let pass; `*why` is then one sentence, static. Done by wsm__request_admit().
 */
bool wsm__request_client(const wsm_runtime *runtime, struct wsm__request *request, const char **why);
/* wsm__token_find() with all header fields of a request. */
bool wsm__request_token(const wsm_runtime *runtime, struct wsm__request *request, const struct wsm__path_params *params,
                        bool by_page, struct wsm__buffer *token);
/*
 * Whether a browser says that a page asks which may: by an allowed Origin or, as a GET to the page's own host has none, by
 * Sec-Fetch-Site, which no page can write. After wsm__request_client().
 */
bool wsm__request_by_page(const wsm_runtime *runtime, const struct wsm__request *request);
/* The entries of allowed_origins, at most WSM__ORIGINS_MAX; how many. */
#define WSM__ORIGINS_MAX 64
size_t wsm__request_origins(const wsm_runtime *runtime, wsm_slice allowed[WSM__ORIGINS_MAX]);
/*
 * The same as wsm__request_check() for whoever is behind a proxy, and looks for a token: request->token, in `token`, which must not change as long as the request is used. `*why` is one
 * sentence if the request is refused; static.
 */
unsigned wsm__request_admit(wsm_runtime *runtime, struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, struct wsm__buffer *token,
                            const char **why);
/* The value of a request header by its name, any case; of several the first; a slice with NULL if there is none. */
wsm_slice wsm__request_header(const struct wsm__request *request, const char *name);
/* Appends the JSON for the authenticate handler. */
void wsm__request_describe(struct wsm__buffer *out, const struct wsm__request *request,
                           const struct wsm__path_params *params);

/* ---- flush.c ---------------------------------------------------------------------------------------------------- */

/* Writes what stands on the dirty lists, for a few milliseconds at most; true if something is left. */
bool wsm__flush(struct wsm__core *core);
/* Puts a connection that is to close, or that can write again, on the list. */
void wsm__flush_soon(struct wsm__conn *conn);

/* ---- heartbeat.c ------------------------------------------------------------------------------------------------ */

void wsm__wheel_add(struct wsm__conn *conn);
void wsm__wheel_remove(struct wsm__conn *conn);
/*
 * Moves a closing connection to the list of those, from which it is cut off after close_timeout; called again, that time
 * begins anew: the client reads, or the close frame is out.
 */
void wsm__wheel_closing(struct wsm__conn *conn);
/* How often wsm__wheel_turn() is to be called. */
uint64_t wsm__wheel_period_ms(const struct wsm__core *core);
void wsm__wheel_turn(struct wsm__core *core);

/* ---- client.c: messages from clients ---------------------------------------------------------------------------- */

/* A part of a message. */
void wsm__client_receive(struct wsm__conn *conn, const void *data, size_t len, bool first, bool last, bool binary);
/* Carries out what came early, and frees it. */
void wsm__client_early(struct wsm__conn *conn, struct wsm__early *early);
/*
 * Queues "subscribed" (with where the client stands now) or, without `joined`, "unsubscribed": the answer to its command, or, with
 * an empty id, the news that the host has done so.
 */
void wsm__client_subscription(struct wsm__conn *conn, const char *type, wsm_slice name, wsm_slice id,
                              const struct wsm__room *room, const struct wsm__joined *joined);
/* Runs a client's command again once the host has allowed it. */
void wsm__client_resume(struct wsm__conn *conn, wsm_slice message);

/* ---- say.c: what clients publish -------------------------------------------------------------------------------- */

struct wsm__command;

/* The action `publish`, once it is allowed. */
void wsm__client_publish(struct wsm__conn *conn, const struct wsm__command *command);
/* A type that connections are greeted with, or that their heartbeats have: no client may publish it. */
void wsm__words_add(struct wsm__core *core, wsm_slice type);
void wsm__words_fini(struct wsm__core *core);

/* ---- echo.c: the endpoint of test_echo_path --------------------------------------------------------------------- */

#define WSM__ECHO_MAX (16u << 20) /* bytes of a message */

static inline size_t wsm__conn_max_message(const struct wsm__conn *conn)
{
	return conn->echo ? WSM__ECHO_MAX : conn->core->config->max_message_size;
}
static inline uint32_t wsm__conn_max_fragments(const struct wsm__conn *conn)
{
	return conn->echo ? UINT32_MAX : (uint32_t)conn->core->config->max_fragments;
}
/* Adds the endpoint, if there is to be one. WSM_ECONFIG. */
int wsm__echo_init(wsm_runtime *runtime, wsm_error *error);
/* Sends a complete message back. */
void wsm__echo(struct wsm__conn *conn, wsm_slice message);

/* ---- decide.c: questions to the host's handlers ----------------------------------------------------------------- */

void wsm__decide_authenticate(struct wsm__conn *conn);
/* Leaves the connection DECIDING until it shows a token, for auth_timeout at most. */
void wsm__decide_await_token(struct wsm__conn *conn);
/* Asks whether the connection may join a room of its endpoint ("*": everything); leaves it DECIDING. False: no memory. */
bool wsm__decide_enter(struct wsm__conn *conn, const char *room);
/* Asks whether `action` on `room` is allowed; `message` is run again if so. False if too many are waiting. */
bool wsm__decide_authorize(struct wsm__conn *conn, wsm_slice action, wsm_slice room, wsm_slice message, wsm_slice id);
/* Asks who makes the REST call that `question` describes; leaves the session ASKING. False: no memory, or the host is overloaded. */
bool wsm__decide_identify(struct wsm__session *session, wsm_slice question);
/* Whether who was refused so may be guessing: a matter for bans. */
bool wsm__decision_offends(const wsm_decision *decision);
/* It waits no longer. */
void wsm__decide_forget_call(struct wsm__session *session);
/* At a stop: nobody is going to answer REST calls that wait. */
void wsm__decide_stop(struct wsm__core *core);
/* The host's answers; those that come too late find nothing. */
void wsm__decide_authenticated(struct wsm__core *core, uint64_t ticket, const wsm_decision *decision);
void wsm__decide_authorized(struct wsm__core *core, uint64_t ticket, bool allow);
void wsm__decide_forget(struct wsm__conn *conn);
void wsm__decide_expire(struct wsm__core *core);
void wsm__decide_fini(struct wsm__core *core);

#endif
