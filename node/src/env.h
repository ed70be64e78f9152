/* env.h - one JavaScript environment (main thread, worker) that has loaded the addon: its instance data, its bell, its end. */
#ifndef WSM_NODE_ENV_H
#define WSM_NODE_ENV_H

#include <node_api.h>
#include <stdatomic.h>
#include <stdbool.h>

struct seat;

/* Its thread only, but for the bell. */
struct env {
	napi_env env;
	napi_threadsafe_function bell; /* weak */
	atomic_bool rung;              /* the bell has been rung, and nobody has come to look since */
	bool (*look)(struct env *env);
	void (*end)(struct env *env);
	struct seat *seats; /* of seat.c */
	napi_ref raise;     /* function(code, message) that makes an Error */
	unsigned held;      /* reasons for which the bell keeps the event loop alive */
};

/*
 * The instance data of `env`; makes it on first use. `look` is called on its thread some time after a ring; false: not all is
 * done, and it is to be called again. `end` is called at its end, after which nobody may ring. NULL with an exception.
 */
struct env *addon_env_init(napi_env env, bool (*look)(struct env *env), void (*end)(struct env *env));
/* The instance data; NULL before addon_env_init(). */
struct env *addon_env(napi_env env);
/* Rings the bell. Any thread, until `end` has returned. */
void addon_env_ring(struct env *env);
/* Keeps the event loop alive, and no longer. Calls nest. */
void addon_env_hold(struct env *env);
void addon_env_release(struct env *env);

#endif
