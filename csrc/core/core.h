/*
 * core.h - the state of the runtime thread, from start to stop. Structs of higher folders stand here as pointers; their folder makes
 * and frees them. Lower folders call higher ones by the function pointers here.
 */
#ifndef WSM_CORE_CORE_H
#define WSM_CORE_CORE_H

#include "base/clock.h"
#include "base/ids.h"
#include "core/limits.h"
#include "host/handle.h"
#include "log/log.h"
#include "log/message.h"
#include "policy/once.h"
#include "policy/throttle.h"
#include "rooms/registry.h"

struct lws_context;
struct lws_vhost;
struct wsm__admin;
struct wsm__conn;
struct wsm__core;
struct wsm__drain;
struct wsm__early;
struct wsm__kept;
struct wsm__parked;
struct wsm__peers;
struct wsm__publish;
struct wsm__rest_rows;
struct wsm__session;
struct wsm__sticky;
struct wsm__tail;
struct wsm__ticket;
struct wsm__used;
struct wsm__user;

#define WSM__WHEEL_SLOTS 32u
#define WSM__LISTENERS_MAX 8
#define WSM__SCRATCH_SIZE 65536u

struct wsm__listener {
	uv_poll_t poll;
	struct wsm__core *core;
	int fd;
};

struct wsm__counters {
	uint64_t total_connections, refused, messages_received, bytes_received, messages_sent, bytes_sent, broadcasts;
	uint64_t presence_messages;
	uint64_t rate_limited, slow_consumers, timeouts, throttled, superseded, handshakes_refused;
	uint64_t handshake_timeouts, handshakes_dropped, tls_failures;
	uint64_t answer_timeouts, http_dropped;
	uint64_t tokens_refused, tokens_expired, forbidden, revoked;
};

/* The circuit breaker of the command queue (overload.h). */
struct wsm__overload {
	bool open;
	uint64_t since_unix_ms;                        /* time of the last change; 0: it never opened */
	uint64_t opened_ms, dropped_ms;                /* when it opened, and when it last saw a drop */
	uint64_t seen[WSM__RANKS], before[WSM__RANKS]; /* drops, until now and until it opened */
};

/* A batch of messages, copied together once and written to all connections that get the same batch. */
struct wsm__scratch {
	struct wsm__pub *pubs[512]; /* its messages, with references */
	uint32_t count;
	size_t len;
	uint8_t bytes[WSM__SCRATCH_SIZE];
};

/* The tickets of one waiter: a connection, a session, the host (clients/ticket.h). */
struct wsm__waits {
	struct wsm__ticket *tickets;
	uint32_t count;
};

struct wsm__core {
	wsm_runtime *runtime;
	const struct wsm_config *config;
	uv_loop_t loop;
	uv_async_t wake;
	uv_timer_t tick, throttle_timer;
	uv_prepare_t prepare;
	uv_idle_t idle;
	unsigned open_handles; /* of the core itself, for the close in two steps */
	struct lws_context *lws;
	struct lws_vhost *vhost;
	/* sockets/server.c: the descriptor of lws' event pipe, and the one that keeps its number taken while lws ends. */
	int event_pipe, held;
	bool others;
	struct wsm__listener listeners[WSM__LISTENERS_MAX];
	unsigned n_listeners;

	struct wsm__registry registry;
	struct wsm__log log;
	struct wsm__drain *drain;
	struct wsm__throttle throttle;
	struct wsm__once once;
	struct wsm__overload overload;
	struct wsm__node *commands; /* taken from the queue, not yet run */
	struct wsm__parked *parked; /* calls of the host that wait until earlier publications are applied */
	size_t burst;               /* bytes published since everything was last written out */
	struct wsm__ulid ulid;
	struct wsm__conn *by_number, *by_client;
	struct wsm__conn *wheel[WSM__WHEEL_SLOTS];
	struct wsm__conn *closing; /* in the order of close_by_ms; no longer in the wheel */
	unsigned wheel_at;
	struct wsm__conn **conns; /* all of them, in no order */
	size_t conns_capacity;
	uint64_t n_conns;          /* closing ones included */
	uint64_t n_active;         /* closing ones not included */
	uint64_t n_sessions;       /* sockets in libwebsockets */
	uint64_t n_entering;       /* sockets whose request has not come yet */
	uint64_t n_deferred;       /* sockets whose handshake waits for its turn */
	uint64_t n_http;           /* sockets that have made REST calls */
	uint64_t http_queued;      /* bytes of answers that those have not read yet */
	uint64_t handshake_us;     /* time of this turn of the loop that new connections took */
	uint64_t again_us;         /* the same for later requests; an excess counts in the next turn */
	uint64_t tls_handshake_us; /* average time of one step of a TLS handshake */
	struct wsm__peers *peers;
	struct wsm__kept *kept;  /* what a store keeps besides messages; NULL: there is none */
	struct wsm__user *users; /* those that have a connection */
	uint64_t limits_broken[WSM__LIMIT_COUNT];
	uint64_t handshakes_deferred; /* requests that waited for another turn of the loop: handshake_budget */
	struct wsm__sticky *sticky;
	struct wsm__name *words; /* types of the application's greetings and heartbeats (clients/words.h) */
	unsigned n_words;
	struct wsm__used *used; /* used tokens, with jwt_replay */
	uint64_t used_swept_ms, revocations_swept_ms;
	bool revocations_unknown; /* they are in a store that cannot be read yet: no token is taken */
	struct wsm__ticket *tickets;
	struct wsm__waits waits; /* of the host's calls */
	uint64_t next_ticket;
	struct wsm__session *entering, *deferred, *deferred_again, *answering, *asking, *lingering,
		*doomed;               /* sockets by phase (sockets/session.h); the longest waiting first */
	struct wsm__session *adopting; /* during lws_adopt_…(); NULL again if libwebsockets has ended the socket */

	uint64_t now_ms, now_us; /* monotonic time of this callback */
	uint64_t turned_ms;      /* last turn of the wheel */
	uint64_t swept_ms;
	uint64_t started_unix_ms;
	uint64_t stop_at_ms; /* while stopping: the end of the wait */
	unsigned stop_turns; /* turns of the loop since then */
	bool stopping, destroying;
	bool accept_paused; /* the process has no descriptors left */
	struct wsm__counters counters;
	struct wsm__admin *admin; /* NULL: nobody has opened the panel */
	uint64_t admin_due_ms;    /* time of its next call */
	struct wsm__tail *tail;   /* publications that the panel watches; NULL: none */
	/* Shows a publication to the panel; NULL: nobody watches. `pub` is NULL if it reached nobody. */
	void (*published)(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice room,
	                  struct wsm__pub *pub, uint64_t recipients);
	/* Returns the open connection of a client id, or NULL. */
	struct wsm__sub *(*find_client)(struct wsm__core *core, wsm_slice client_id);
	/* Runs parked calls that come before the publication of this serial, which is about to be applied. */
	void (*settled)(struct wsm__core *core, uint64_t serial);
	const struct wsm__rest_rows *rest; /* calls besides those of rest/; NULL: none */
	/* Runs the messages that a client sent before it was let in, and frees them. */
	void (*take_early)(struct wsm__conn *conn, struct wsm__early *early);
	/* Ends the thread, `deadline_ms` from now at the latest. */
	void (*stop)(struct wsm__core *core, unsigned deadline_ms);
	struct wsm__buffer text;  /* scratch for one message */
	struct wsm__buffer stats; /* the last statistics for clients, which are good until stats_until_us */
	uint64_t stats_until_us;
	struct wsm__scratch scratch[WSM__ENCODINGS];
	uint8_t plain[16384]; /* content of a TLS record */
};

/* Sets now_ms and now_us. */
void wsm__core_now(struct wsm__core *core);
/* Returns whether the host handles any of these events: WSM_WANT_…. */
static inline bool wsm__wants(const struct wsm__core *core, unsigned what)
{
	return (atomic_load_explicit(&core->runtime->want, memory_order_relaxed) & what) != 0;
}

/* Counts a broken limit. */
static inline void wsm__limit_broken(struct wsm__core *core, enum wsm__limit limit)
{
	core->limits_broken[limit]++;
}

/* Writes the time and the id of a new message. */
void wsm__core_stamp(struct wsm__core *core, struct wsm__stamp *stamp);

#endif
