/* env.c - one JavaScript environment: its instance data, its bell, its end. */
#include "env.h"

#include <stdlib.h>

#include "value.h"

/* Two may still need it at the end of an environment: the bell and the instance data. */
struct owned_env {
	struct env env; /* first */
	unsigned refs;
};

static void env_unref(struct env *env)
{
	struct owned_env *owned = (struct owned_env *)(void *)env;

	if (--owned->refs == 0)
		free(owned);
}

static void on_bell_closed(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	env_unref(data);
}

static void on_instance_data_gone(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	env_unref(data);
}

/* Somebody has rung. `napi` is NULL while the environment ends. */
static void on_bell(napi_env napi, napi_value function, void *context, void *data)
{
	struct env *env = context;

	(void)function;
	(void)data;
	if (!napi)
		return;
	/* First this, then the look: what comes in between rings once too often, never once too rarely. */
	atomic_store(&env->rung, false);
	/* The event loop's other work gets its turn before the rest. */
	if (!env->look(env))
		addon_env_ring(env);
}

/* Before its bell goes: from here on no runtime thread may ring it. */
static void on_env_end(void *data)
{
	struct env *env = data;

	env->end(env);
}

static bool make_bell(struct env *env)
{
	napi_value name = addon_string_value(env->env, "ws_manager", NAPI_AUTO_LENGTH);

	if (!name || !addon_ok(env->env, napi_create_threadsafe_function(env->env, NULL, NULL, name, 0, 1, env,
	                                                                 on_bell_closed, env, on_bell, &env->bell)))
		return false;
	((struct owned_env *)(void *)env)->refs++;
	return addon_ok(env->env, napi_unref_threadsafe_function(env->env, env->bell));
}

struct env *addon_env_init(napi_env napi, bool (*look)(struct env *env), void (*end)(struct env *env))
{
	struct owned_env *owned;
	struct env *env = addon_env(napi);

	if (env)
		return env;
	owned = calloc(1, sizeof(*owned));
	if (!owned) {
		napi_throw_error(napi, "out_of_memory", "out of memory");
		return NULL;
	}
	env = &owned->env;
	env->env = napi;
	env->look = look;
	env->end = end;
	owned->refs = 1;
	if (!addon_ok(napi, napi_set_instance_data(napi, env, on_instance_data_gone, NULL))) {
		free(owned);
		return NULL;
	}
	/* Hooks run in the reverse order: ours before that of the bell. */
	if (!make_bell(env) || !addon_ok(napi, napi_add_env_cleanup_hook(napi, on_env_end, env)))
		return NULL;
	return env;
}

struct env *addon_env(napi_env napi)
{
	void *data = NULL;

	return napi_get_instance_data(napi, &data) == napi_ok ? data : NULL;
}

void addon_env_ring(struct env *env)
{
	if (!atomic_exchange(&env->rung, true))
		napi_call_threadsafe_function(env->bell, NULL, napi_tsfn_nonblocking);
}

void addon_env_hold(struct env *env)
{
	if (env->held++ == 0)
		napi_ref_threadsafe_function(env->env, env->bell);
}

void addon_env_release(struct env *env)
{
	if (--env->held == 0)
		napi_unref_threadsafe_function(env->env, env->bell);
}
