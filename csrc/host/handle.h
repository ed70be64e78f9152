/* handle.h - wsm_runtime: the state that host threads share with the runtime thread. */
#ifndef WSM_HOST_HANDLE_H
#define WSM_HOST_HANDLE_H

#include <sys/types.h>
#include <uv.h>

#include "base/queue.h"
#include "policy/endpoint.h"
#include "policy/revocation.h"
#include "policy/rules.h"

struct wsm__jwt;
struct wsm__tls;

/* An element of a list of names. */
struct wsm__name {
	struct wsm__name *next;
	char *text;
};

/* Kinds of refusals that the log shows. */
enum wsm__refused {
	WSM__REFUSED_ROOM,
	WSM__REFUSED_CONNECTION,
	WSM__REFUSED_ORIGIN,
	WSM__REFUSED_CALL, /* over REST, for want of the key or for the admin panel */
	WSM__REFUSED_HTTP, /* a limit of HTTP connections */
	WSM__REFUSED_HISTORY,
	WSM__REFUSED_SESSION,
	WSM__REFUSED_PUBLICATION,
	WSM__REFUSED_RATE,
	WSM__REFUSED_SIZE,
	WSM__REFUSED_KINDS
};

#define WSM__REFUSALS_A_MINUTE 10

struct wsm__refusals {
	atomic_ullong since_ms; /* start of this minute */
	atomic_uint told;       /* lines in this minute */
	atomic_ulong untold;    /* lines left out since the last one */
};

struct wsm_runtime {
	struct wsm_config *config; /* immutable */
	struct wsm__tls *tls;      /* NULL: no TLS on the own port */
	struct wsm__jwt
		*_Atomic jwt; /* NULL: no token authentication. Only the runtime thread uses it; others compare it with NULL */
	const char *jwt_algorithm; /* of all keys, also after an exchange */
	struct wsm__revocations revocations;
	pid_t pid;                 /* of the process that made it: fork() */
	pthread_mutex_t lifecycle; /* start, stop */
	pthread_mutex_t wake_lock; /* guards `bell` */
	uv_async_t *bell;          /* wakes the thread; NULL while stopped */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t ended_lock;
	pthread_cond_t ended_signal; /* waits by the monotonic clock */
	bool ended;                  /* the thread has only to return */
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
	atomic_uint questions; /* of wsm_query_later(), with answers that the host has not taken yet */

	struct wsm__endpoints endpoints;
	struct wsm__rules rules;
	atomic_uint checks;      /* WSM__CHECK_…: what decides about clients (checks.h) */
	_Atomic(char *) checked; /* `by` of the first wsm_access_checked(); set once */
	struct wsm__refusals refusals[WSM__REFUSED_KINDS];
	atomic_ullong n_refused; /* refused clients that got a Retry-After */
	pthread_mutex_t actions_lock;
	struct wsm__name *actions; /* commands of the host */

	atomic_ullong *told; /* by place in the catalogue: bits of the faults that the log has shown */
	atomic_uchar *fds;   /* by number: whether the fd is ours, for a child after fork() */
	size_t n_fds;
};

/* Returns WSM_OK or WSM_EFORKED, with `error`. A child must not take a lock: the thread that holds it may not exist there. */
int wsm__runtime_check_fork(const wsm_runtime *runtime, wsm_error *error);
/* Returns WSM_OK, WSM_EFORKED or WSM_ENOTRUNNING, with `error`. */
int wsm__runtime_check(const wsm_runtime *runtime, wsm_error *error);
/* Notes that a descriptor is ours, or no longer is. */
void wsm__runtime_own_fd(wsm_runtime *runtime, int fd, bool ours);

#endif
