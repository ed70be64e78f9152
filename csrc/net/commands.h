/* commands.h - the host's commands other than publications. Texts lie behind each in the same allocation. */
#ifndef WSM_NET_COMMANDS_H
#define WSM_NET_COMMANDS_H

#include "net/runtime.h"

/* subscribe, unsubscribe, disconnect, bridge traffic, replies, decisions */
struct wsm__simple {
	struct wsm__command_node head;
	uint64_t number; /* connection, or ticket */
	unsigned code;
	size_t bytes;
	bool flag; /* binary; allow */
	wsm_slice a, b, c, d;
	wsm_slice *rooms; /* decision: its lists, see lists.h */
	size_t n_rooms, n_subscribe, n_publish, n_welcome;
};

/* A hand-over, or the opening of a bridge. */
struct wsm__adopt {
	struct wsm__command_node head;
	wsm_runtime *runtime;
	uint64_t number;
	int fd; /* -1: bridge */
	bool has_admission;
	wsm_admission admission;
	wsm_slice request;         /* bytes */
	wsm_slice path, query, ip; /* bridge */
	wsm_member *headers;
	size_t n_headers;
	bool tls;
	wsm_slice via;
};

void wsm__adopt_free(struct wsm__adopt *adopt);
/* On the runtime thread; take the command over. */
void wsm__adopt_run(struct wsm__core *core, struct wsm__adopt *adopt);
void wsm__bridge_open_run(struct wsm__core *core, struct wsm__adopt *adopt);
void wsm__bridge_run(struct wsm__core *core, struct wsm__simple *command);
/* Tells the host that a connection that it handed over has come to nothing. */
void wsm__adopt_failed(wsm_runtime *runtime, uint64_t number, unsigned code, const char *reason);

/* sticky.c: one connection joins or leaves by the host's word. As wsm_conn_join() and wsm_conn_leave(). */
int wsm__host_join(struct wsm__core *core, uint64_t conn, wsm_slice room);
int wsm__host_leave(struct wsm__core *core, uint64_t conn, wsm_slice room);

/* A question of the host's, waited for. */
struct wsm__asked;
void wsm__query_run(struct wsm__core *core, struct wsm__asked *asked);
void wsm__query_discard(struct wsm__asked *asked);

/* bans.c */
void wsm__ban_run(struct wsm__core *core, const struct wsm__simple *command);

/* Stops the core (runtime.c). */
struct wsm__stop {
	struct wsm__command_node head;
	unsigned deadline_ms;
};
void wsm__stop_run(struct wsm__core *core, struct wsm__stop *stop);

/* NULL when out of memory. `rooms` may be NULL. */
struct wsm__simple *wsm__simple_new(enum wsm__command_kind kind, uint64_t number, wsm_slice a, wsm_slice b, wsm_slice c,
                                    wsm_slice d, const wsm_slice *rooms, size_t n_rooms);
/* Posts, or frees and fails. */
int wsm__simple_post(wsm_runtime *runtime, struct wsm__simple *command, bool force, wsm_error *error);

#endif
