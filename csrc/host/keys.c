#include "host/keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"
#include "host/command.h"
#include "host/handle.h"
#include "host/queue.h"
#include "policy/config.h"
#include "policy/jwt.h"

#define KEY_FILE_MAX 65536u

/* Appends the content of a file. */
static int read_file(wsm_slice path, struct wsm__buffer *out, wsm_error *error)
{
	char *name = wsm__slice_dup(path), *to = wsm__buffer_reserve(out, KEY_FILE_MAX);
	FILE *file = name ? fopen(name, "re") : NULL;
	size_t len = 0;
	int status = WSM_OK;

	if (!name || !to)
		status = wsm__fail(error, WSM_ENOMEM, "out of memory");
	else if (file)
		len = fread(to, 1, KEY_FILE_MAX, file);
	out->len += len;
	/* Do not quote the option: it may be a key that lacks its first line. */
	if (!status && (!file || ferror(file) || !len))
		status = wsm__fail(
			error, WSM_ECONFIG,
			"option jwt_public_key: neither PEM text (-----BEGIN PUBLIC KEY-----) nor a file that "
			"can be read: %s",
			file && !ferror(file) ? "it is empty" : strerror(errno));
	if (file)
		fclose(file);
	free(name);
	return status;
}

/* One path a line. */
static int read_files(const char *paths, struct wsm__buffer *out, wsm_error *error)
{
	int status = WSM_OK;

	while (*paths && !status) {
		size_t len = strcspn(paths, "\n");

		if (len)
			status = read_file(wsm__slice(paths, len), out, error);
		wsm__buffer_add_str(out, "\n");
		paths += len + (paths[len] == '\n');
	}
	return status;
}

/* Appends PEM text. Variables often have \n in place of line ends. */
static void add_pem(struct wsm__buffer *out, const char *text)
{
	for (; *text; text++) {
		bool escaped = text[0] == '\\' && text[1] == 'n';

		wsm__buffer_add(out, escaped ? "\n" : text, 1);
		text += escaped;
	}
}

struct wsm__jwt *wsm__token_keys(const struct wsm_config *config, const char *secret, const char *public_key,
                                 const char *algorithm, wsm_error *error)
{
	struct wsm__jwt_options options = {
		.secret = wsm__str(secret ? secret : config->jwt_secret),
		.algorithm = wsm__str(algorithm),
		.audience = wsm__str(config->jwt_audience),
		.issuer = wsm__str(config->jwt_issuer),
		.leeway_ms = (uint64_t)(config->jwt_leeway * 1000),
	};
	struct wsm__jwt *jwt = NULL;
	struct wsm__buffer pem;
	int status = WSM_OK;

	if (!public_key)
		public_key = config->jwt_public_key;
	wsm__buffer_init(&pem);
	if (strstr(public_key, "-----BEGIN"))
		add_pem(&pem, public_key);
	else
		status = read_files(public_key, &pem, error);
	options.public_key = wsm__slice(pem.data, pem.len);
	if (!status && pem.failed)
		status = wsm__fail(error, WSM_ENOMEM, "out of memory");
	if (!status)
		jwt = wsm__jwt_new(&options, error);
	wsm__buffer_fini(&pem);
	return jwt;
}

int wsm__token_init(wsm_runtime *runtime, wsm_error *error)
{
	const struct wsm_config *config = runtime->config;
	struct wsm__jwt *jwt;

	if (!*config->jwt_secret && !*config->jwt_public_key)
		return WSM_OK;
	jwt = wsm__token_keys(config, NULL, NULL, config->jwt_algorithm, error);
	if (!jwt)
		return WSM_ECONFIG;
	atomic_store(&runtime->jwt, jwt);
	runtime->jwt_algorithm = wsm__jwt_algorithm(jwt);
	return WSM_OK;
}

struct wsm__keys {
	struct wsm__command_node head;
	struct wsm__jwt *jwt;
};

void wsm__keys_run(wsm_runtime *runtime, struct wsm__keys *keys)
{
	wsm__jwt_free(atomic_exchange(&runtime->jwt, keys->jwt));
	free(keys);
}

/* While the thread runs, it checks tokens, so it makes the exchange itself. */
static int exchange(wsm_runtime *runtime, struct wsm__keys *keys, wsm_error *error)
{
	int status = WSM_OK;

	pthread_mutex_lock(&runtime->lifecycle);
	if (atomic_load(&runtime->running))
		status = wsm__post(runtime, &keys->head, true);
	else if (runtime->has_thread)
		status = WSM_ENOTRUNNING; /* the thread is ending, and a stop has not waited for it */
	else
		wsm__keys_run(runtime, keys);
	pthread_mutex_unlock(&runtime->lifecycle);
	if (!status)
		return WSM_OK;
	wsm__jwt_free(keys->jwt);
	free(keys);
	return wsm__fail(error, status, "the runtime is being stopped");
}

bool wsm_takes_tokens(const wsm_runtime *runtime)
{
	return runtime->jwt != NULL;
}

int wsm_reload_keys(wsm_runtime *runtime, const char *secret, const char *public_key, wsm_error *error)
{
	struct wsm__keys *keys;
	int status = wsm__runtime_check_fork(runtime, error);

	if (status)
		return status;
	if (!runtime->jwt)
		return wsm__fail(
			error, WSM_ECONFIG,
			"there are no keys to reload: token authentication is switched on by option jwt_secret "
			"or jwt_public_key before the start");
	keys = calloc(1, sizeof(*keys));
	if (!keys)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	keys->head.kind = WSM__CMD_KEYS;
	keys->jwt = wsm__token_keys(runtime->config, secret, public_key, runtime->jwt_algorithm, error);
	if (keys->jwt)
		return exchange(runtime, keys, error);
	free(keys);
	return WSM_ECONFIG;
}
