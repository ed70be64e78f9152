/*
 * runtime.h - the state behind the public API: `wsm_runtime`, which host threads hold, and `wsm__core`, which belongs to the
 * runtime thread alone and exists from start to stop.
 */
#ifndef WSM_NET_RUNTIME_H
#define WSM_NET_RUNTIME_H

#include <stdatomic.h>
#include <sys/types.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/ids.h"
#include "base/queue.h"
#include "net/drain.h"
#include "net/endpoint.h"
#include "net/limits.h"
#include "net/peers.h"
#include "policy/config.h"
#include "policy/revocation.h"
#include "policy/rules.h"
#include "policy/throttle.h"
#include "rooms/registry.h"

struct wsm__core;
struct wsm__conn;
struct wsm__ticket;
struct wsm__sticky;
struct wsm__used;
struct wsm__session;
struct wsm__tls;
struct wsm__jwt;
struct wsm__admin;
struct wsm__tail;
struct lws_context;
struct lws_vhost;

/* ---- what host threads share ------------------------------------------------------------------------------------ */

struct wsm__name { /* of a host command */
	struct wsm__name *next;
	char *text;
};

/* What leaves a line when it is refused (refusals.h). */
enum wsm__refused {
	WSM__REFUSED_ROOM,
	WSM__REFUSED_CONNECTION,
	WSM__REFUSED_ORIGIN,
	WSM__REFUSED_CALL, /* over REST, for want of the key or for the admin panel */
	WSM__REFUSED_HTTP, /* a limit of HTTP connections */
	WSM__REFUSED_HISTORY,
	WSM__REFUSED_SESSION,
	WSM__REFUSED_PUBLICATION,
	WSM__REFUSED_KINDS
};
#define WSM__REFUSALS_A_MINUTE 10
struct wsm__refusals {
	atomic_ullong since_ms; /* when this minute began */
	atomic_uint told;       /* lines of this minute */
	atomic_ulong untold;    /* those left out since the last line */
};

struct wsm_runtime {
	struct wsm_config *config; /* immutable */
	struct wsm__tls *tls;      /* NULL: no TLS on the own port */
	struct wsm__jwt
		*_Atomic jwt; /* NULL: no token authentication. Other threads than the runtime's only look whether it is */
	const char *jwt_algorithm; /* of all keys, from the first to the last */
	struct wsm__revocations revocations;
	pid_t pid;                 /* of the process that made it: fork() */
	pthread_mutex_t lifecycle; /* start, stop */
	pthread_mutex_t wake_lock; /* guards `core` for wsm__wake_core() */
	struct wsm__core *core;    /* NULL while stopped */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t ended_lock;
	pthread_cond_t ended_signal; /* waits by the monotonic clock */
	bool ended;                  /* the thread has nothing left to do but to return */
	atomic_bool running;
	atomic_bool stop_asked; /* between wsm_runtime_stop() and the end of the thread */
	atomic_bool draining;   /* new connections are refused */
	atomic_uint port;

	struct wsm__queue commands; /* of struct wsm__command_node */
	struct wsm__queue events;   /* of struct wsm__event */
	wsm_wake_fn wake;
	void *wake_data;
	atomic_uint want;                     /* WSM_WANT_… */
	atomic_ullong next_conn;              /* number of the next connection */
	atomic_ullong overloaded[WSM__RANKS]; /* commands dropped because the queue was full, by rank */
	atomic_ullong events_dropped;

	struct wsm__endpoints endpoints;
	struct wsm__rules rules;
	atomic_uint checks;      /* WSM__CHECK_…: what decides about clients (checks.h) */
	_Atomic(char *) checked; /* what the application said about it; set once */
	struct wsm__refusals refusals[WSM__REFUSED_KINDS];
	pthread_mutex_t actions_lock;
	struct wsm__name *actions; /* commands of the host */

	atomic_ullong *told; /* by place in the catalogue: which faults of an event's data have been told */
	atomic_uchar *fds;   /* by number: whether the fd is ours; for a child after fork() */
	size_t n_fds;
};

/* WSM_OK or WSM_EFORKED, with `error`. A child must not take a lock: its holder may not exist there. */
int wsm__runtime_check_fork(const wsm_runtime *runtime, wsm_error *error);
/* WSM_OK, WSM_EFORKED or WSM_ENOTRUNNING, with `error`. */
int wsm__runtime_check(const wsm_runtime *runtime, wsm_error *error);
/* Notes that a descriptor is ours, or no longer is. */
void wsm__runtime_own_fd(wsm_runtime *runtime, int fd, bool ours);

/* ---- the command queue (commands.c) ----------------------------------------------------------------------------- */

enum wsm__command_kind {
	WSM__CMD_PUBLISH,
	WSM__CMD_SUBSCRIBE,
	WSM__CMD_UNSUBSCRIBE,
	WSM__CMD_DISCONNECT,
	WSM__CMD_DISCONNECT_USER,
	WSM__CMD_BAN,
	WSM__CMD_ADOPT,
	WSM__CMD_BRIDGE_OPEN,
	WSM__CMD_BRIDGE_RECEIVE,
	WSM__CMD_BRIDGE_WRITTEN,
	WSM__CMD_BRIDGE_CLOSED,
	WSM__CMD_AUTHENTICATED,
	WSM__CMD_AUTHORIZED,
	WSM__CMD_REPLY,
	WSM__CMD_REVOKED,
	WSM__CMD_CHECKED,
	WSM__CMD_KEYS,
	WSM__CMD_QUERY,
	WSM__CMD_CONN_DRAIN,
	WSM__CMD_STOP
};

struct wsm__command_node {
	struct wsm__node node;
	enum wsm__command_kind kind;
	unsigned rank; /* in a full queue: 0 is never dropped; publications have their wsm_priority */
	size_t bytes;  /* charged to the queue */
};

/*
 * Appends a command and wakes the runtime thread. `force`: not subject to the bound. WSM_OK, WSM_EOVERLOADED,
 * WSM_ENOTRUNNING; the caller keeps the command on failure. Publications may be dropped for it: their receipts are told.
 */
int wsm__post(wsm_runtime *runtime, struct wsm__command_node *command, bool force);
/* Runs queued commands, on the runtime thread; true if some must wait until what they published so far is written. */
bool wsm__commands_run(struct wsm__core *core);
/* Frees what was `taken`, and what is still queued once the thread has ended; receipts and questions are told. */
void wsm__commands_discard(wsm_runtime *runtime, struct wsm__node *taken);

/* Text of a command: one allocation behind the command, filled piece by piece. */
struct wsm__arena {
	char *at;
};
static inline wsm_slice wsm__arena_copy(struct wsm__arena *arena, wsm_slice slice)
{
	wsm_slice copy = { arena->at, slice.len };

	if (slice.len)
		memcpy(arena->at, slice.data, slice.len);
	arena->at[slice.len] = '\0';
	arena->at += slice.len + 1;
	return copy;
}

/* ---- the event queue (events.c) --------------------------------------------------------------------------------- */

struct wsm__event {
	struct wsm__node node;
	wsm_event event;
};

/* A zeroed event with copies of the texts; NULL when out of memory. */
struct wsm__event *wsm__event_new(wsm_event_kind kind, wsm_slice text, wsm_slice data, wsm_slice id);
/* Queues it and wakes the host. `force`: not subject to max_events. False if it was dropped (freed and counted). */
bool wsm__event_post(wsm_runtime *runtime, struct wsm__event *event, bool force);
/* Frees what nobody took. */
void wsm__events_discard(wsm_runtime *runtime);
/* A line for the host's logger. What clients have written may be in it: it is made visible (base/visible.h). */
void wsm__log(wsm_runtime *runtime, wsm_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- receipts (receipt.c) --------------------------------------------------------------------------------------- */

wsm_receipt *wsm__receipt_new(wsm_runtime *runtime, unsigned references, bool with_report);
/* Publishes the outcome; called once, by whoever handled the publication. Releases a reference. */
void wsm__receipt_finish(wsm_receipt *receipt, const wsm_delivery *delivery);
/* On the runtime thread. The tally of a publication that is about to be sent; NULL if its receipt wants no report. */
struct wsm__tally *wsm__report_begin(wsm_receipt *receipt);
/* The fan-out is done. Releases the reference. */
void wsm__report_published(struct wsm__tally *tally);
/* Copies what has changed into the reports, and tells of those that are settled. */
void wsm__reports_tell(struct wsm__deliveries *deliveries);

/* ---- what the runtime thread owns ------------------------------------------------------------------------------- */

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

/* The circuit breaker of the command queue (overload.c). */
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
	const uint8_t *data;      /* `bytes`, or `large` */
	struct wsm__buffer large; /* a raw message that is longer than `bytes` */
	uint8_t bytes[WSM__SCRATCH_SIZE];
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
	struct wsm__drain drain;
	struct wsm__throttle throttle;
	struct wsm__overload overload;
	struct wsm__node *commands; /* taken from the queue, not yet run */
	size_t burst;               /* bytes published since everything was last written out */
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
	struct wsm__peers peers;
	struct wsm__limits limits;
	struct wsm__sticky *sticky;
	struct wsm__name *words; /* types of the application's greetings and heartbeats (say.c) */
	unsigned n_words;
	struct wsm__used *used; /* tokens, where each is good once only */
	uint64_t used_swept_ms, revocations_swept_ms;
	struct wsm__ticket *tickets;
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
	struct wsm__admin *admin; /* NULL: nobody has looked (admin/) */
	uint64_t admin_due_ms;    /* when it is to be called next */
	struct wsm__tail *tail;   /* NULL: nobody watches publications (admin/tail.h) */
	struct wsm__buffer text;  /* scratch for one message */
	struct wsm__buffer stats; /* what clients were told last, and until when they are told it again */
	uint64_t stats_until_us;
	struct wsm__scratch scratch[2]; /* of ordinary connections, and of raw ones */
	uint8_t plain[16384];           /* what a TLS record held */
};

/* The registry by the options and room rules (rules.c); and what goes with it. */
void wsm__rooms_init(struct wsm__core *core);
/* Takes the time for what follows. */
void wsm__core_now(struct wsm__core *core);
/* Whether the host authenticates connections. */
static inline bool wsm__wants(const struct wsm__core *core, unsigned what)
{
	return (atomic_load_explicit(&core->runtime->want, memory_order_relaxed) & what) != 0;
}

#endif
