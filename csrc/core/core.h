/*
 * core.h - what belongs to the runtime thread alone, from start to stop. Structs of the folders above stand here as pointers: each is
 * its owner's, who makes it and ends it. Functions that folders above hand in are called where one below has something to tell.
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
	uint64_t since_unix_ms;         /* of the last change; 0: it never opened */
	uint64_t opened_ms, dropped_ms; /* when it opened, and when something was last seen to be dropped */
	uint64_t seen[WSM__RANKS], before[WSM__RANKS]; /* drops, until now and until it opened */
};

/* A batch of messages as it is written: copied together once for all connections that it is the same for. */
struct wsm__scratch {
	struct wsm__pub *pubs[512]; /* that it is made of, with references */
	uint32_t count;
	size_t len;
	uint8_t bytes[WSM__SCRATCH_SIZE];
};

/* Tickets of one who waits: a connection, a session, the host (clients/ticket.h). */
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
	unsigned open_handles; /* of ours, for the close in two steps */
	struct lws_context *lws;
	struct lws_vhost *vhost;
	/* server.c: the descriptor of lws' event pipe; what holds its number, or the file of whoever got it, while lws ends. */
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
	struct wsm__parked
		*parked; /* calls of the host that what was published before them is still to come ahead of */
	size_t burst;    /* bytes published since everything was last written out */
	struct wsm__ulid ulid;
	struct wsm__conn *by_number, *by_client;
	struct wsm__conn *wheel[WSM__WHEEL_SLOTS];
	struct wsm__conn *closing; /* in the order of close_by_ms; no longer in the wheel */
	unsigned wheel_at;
	struct wsm__conn **conns; /* all of them, in no order: for looks at each */
	size_t conns_capacity;
	uint64_t n_conns;          /* those on the way out included */
	uint64_t n_active;         /* open, or being decided on */
	uint64_t n_sessions;       /* sockets in libwebsockets */
	uint64_t n_entering;       /* those whose request has not come yet */
	uint64_t n_deferred;       /* those whose handshake waits for its turn */
	uint64_t n_http;           /* those that have made REST calls */
	uint64_t http_queued;      /* bytes of answers that those have not read yet */
	uint64_t handshake_us;     /* what handshakes have taken of this turn of the loop */
	uint64_t again_us;         /* and those that had an answer before; what was too much is carried over */
	uint64_t tls_handshake_us; /* one step of a TLS handshake, on the average */
	struct wsm__peers *peers;
	struct wsm__kept *kept;  /* what a store keeps besides messages; NULL: there is none */
	struct wsm__user *users; /* those that have a connection */
	uint64_t limits_broken[WSM__LIMIT_COUNT];
	uint64_t handshakes_deferred; /* that have waited for another turn of the loop: handshake_budget */
	struct wsm__sticky *sticky;
	struct wsm__name *words; /* types of the application's greetings and heartbeats (words.h) */
	unsigned n_words;
	struct wsm__used *used; /* tokens, where each is good once only */
	uint64_t used_swept_ms, revocations_swept_ms;
	bool revocations_unknown; /* they are in a store that cannot be read yet: no token is taken */
	struct wsm__ticket *tickets;
	struct wsm__waits waits; /* of the host's calls */
	uint64_t next_ticket;
	struct wsm__session *entering, *deferred, *deferred_again, *answering, *asking, *lingering,
		*doomed;               /* sockets by phase, see session.h; the longest waiting first */
	struct wsm__session *adopting; /* during lws_adopt_…(); NULL again if it has called back with the end */

	uint64_t now_ms, now_us; /* monotonic, of the present callback */
	uint64_t turned_ms;      /* when the wheel turned last */
	uint64_t swept_ms;
	uint64_t started_unix_ms;
	uint64_t stop_at_ms; /* while stopping: when to stop waiting */
	unsigned stop_turns; /* of the loop, since then */
	bool stopping, destroying;
	bool accept_paused; /* out of descriptors */
	struct wsm__counters counters;
	struct wsm__admin *admin; /* NULL: nobody has looked */
	uint64_t admin_due_ms;    /* when it is to be called next */
	struct wsm__tail *tail;   /* of whoever watches publications; NULL: nobody does */
	/* Tells who watches; NULL: nobody does. `pub` is NULL where nobody was there to get it. */
	void (*published)(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice room,
	                  struct wsm__pub *pub, uint64_t recipients);
	/* The open connection of a client id; NULL: there is none. */
	struct wsm__sub *(*find_client)(struct wsm__core *core, wsm_slice client_id);
	/* A publication of that serial is about to be applied: what was to come after all before it has its turn. */
	void (*settled)(struct wsm__core *core, uint64_t serial);
	const struct wsm__rest_rows *rest; /* calls besides those of rest/; NULL: none */
	/* Runs what a client has said before it was let in, and frees it. */
	void (*take_early)(struct wsm__conn *conn, struct wsm__early *early);
	/* Ends the thread, `deadline_ms` from now at the latest. */
	void (*stop)(struct wsm__core *core, unsigned deadline_ms);
	struct wsm__buffer text;  /* scratch for one message */
	struct wsm__buffer stats; /* what clients were told last, and until when they are told it again */
	uint64_t stats_until_us;
	struct wsm__scratch scratch[WSM__ENCODINGS];
	uint8_t plain[16384]; /* what a TLS record held */
};

/* Takes the time for what follows. */
void wsm__core_now(struct wsm__core *core);
/* Whether the host handles any of these: WSM_WANT_…. */
static inline bool wsm__wants(const struct wsm__core *core, unsigned what)
{
	return (atomic_load_explicit(&core->runtime->want, memory_order_relaxed) & what) != 0;
}

/* Counts it. */
static inline void wsm__limit_broken(struct wsm__core *core, enum wsm__limit limit)
{
	core->limits_broken[limit]++;
}

/* Time and id of a message that is made now. */
void wsm__core_stamp(struct wsm__core *core, struct wsm__stamp *stamp);

#endif
