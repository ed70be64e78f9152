/*
 * endpoint.h - path patterns, and the rooms that a connection to them joins.
 *
 * Host threads (wsm_endpoint_match) and the runtime thread read the table, so it has its own lock; an endpoint itself is immutable
 * and reference-counted.
 */
#ifndef WSM_POLICY_ENDPOINT_H
#define WSM_POLICY_ENDPOINT_H

#include <pthread.h>
#include <stdatomic.h>

#include "wire/name.h"

#define WSM__PATH_PARAMS_MAX 8
#define WSM__PATH_MAX 9216 /* bytes of a request path, which may hold a token */

/* Flag of the endpoint of test_echo_path; hosts cannot set it by name. */
#define WSM__ENDPOINT_ECHO 0x80000000u

struct wsm__endpoint {
	atomic_uint refs;
	char *path, *greeting, *heartbeat;
	char **rooms; /* templates */
	size_t n_rooms;
	unsigned flags;
	struct wsm__endpoint *prev, *next;
};

struct wsm__endpoints {
	pthread_mutex_t lock;
	struct wsm__endpoint *list;
};

struct wsm__path_params {
	size_t count;
	struct {
		wsm_slice name;  /* into the endpoint's path */
		wsm_slice value; /* into the matched path */
	} at[WSM__PATH_PARAMS_MAX];
};

/* Makes a table with the endpoints of docs/protocol.md. WSM_ENOMEM. */
int wsm__endpoints_init(struct wsm__endpoints *endpoints);
void wsm__endpoints_fini(struct wsm__endpoints *endpoints);
int wsm__endpoints_set(struct wsm__endpoints *endpoints, const wsm_endpoint *endpoint, wsm_error *error);
int wsm__endpoints_remove(struct wsm__endpoints *endpoints, wsm_slice path);
/*
 * Returns the endpoint for a request path, with a reference, or NULL. Patterns with fewer parameters win: "/ws/updates" is never
 * "/ws/{token}". `auth`: whether endpoints with WSM_ENDPOINT_AUTH exist.
 */
struct wsm__endpoint *wsm__endpoints_find(struct wsm__endpoints *endpoints, wsm_slice path, bool auth,
                                          struct wsm__path_params *params);
/* Returns whether any endpoint uses that type for its greeting or heartbeat. */
bool wsm__endpoints_say(struct wsm__endpoints *endpoints, wsm_slice type);
void wsm__endpoint_unref(struct wsm__endpoint *endpoint);
/* Replaces {name} in a room template. Returns the length, or -1 if the result is no valid room name (the template "@all" is). */
int wsm__room_from_template(const char *room, const struct wsm__path_params *params, char out[WSM__ROOM_SIZE]);

#endif
