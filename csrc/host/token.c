/* Where a token stands in a request, and the key that it is checked with. */
#include "host/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "clients/conn.h"
#include "wire/handshake.h"
#include "wire/target.h"

#define KEY_FILE_MAX 65536u

/* ---- the key ---------------------------------------------------------------------------------------------------- */

/* Appends the file of a path. */
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
	/* The option may hold a key by mistake that lacks its first line: it is not quoted. */
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

/* In a variable, line ends are often written as \n. */
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

/* ---- lists in headers ------------------------------------------------------------------------------------------- */

static wsm_slice trim(wsm_slice text)
{
	while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = wsm__slice(text.data + 1, text.len - 1);
	while (text.len && strchr(" \t\r", text.data[text.len - 1]))
		text.len--;
	return text;
}

/* The next entry of a list; false at its end. */
static bool next_entry(wsm_slice *rest, char separator, wsm_slice *entry)
{
	const char *end;

	if (!rest->data)
		return false;
	end = rest->len ? memchr(rest->data, separator, rest->len) : NULL;
	if (end) {
		*entry = trim(wsm__slice(rest->data, (size_t)(end - rest->data)));
		*rest = wsm__slice(end + 1, rest->len - (size_t)(end - rest->data) - 1);
	} else {
		*entry = trim(*rest);
		*rest = wsm__slice(NULL, 0);
	}
	return true;
}

static bool is_bearer(wsm_slice entry)
{
	return wsm__slice_starts(entry, WSM__BEARER);
}

static wsm_slice in_protocols(wsm_slice list)
{
	wsm_slice entry;

	while (next_entry(&list, ',', &entry))
		if (is_bearer(entry))
			return wsm__slice(entry.data + strlen(WSM__BEARER), entry.len - strlen(WSM__BEARER));
	return wsm__str(NULL);
}

/* RFC 6265 section 4.2.1; the value may stand in quotes. */
static wsm_slice in_cookies(wsm_slice list, const char *name)
{
	size_t len = strlen(name);
	wsm_slice entry;

	while (len && next_entry(&list, ';', &entry)) {
		if (entry.len <= len || !wsm__slice_starts(entry, name) || entry.data[len] != '=')
			continue;
		entry = wsm__slice(entry.data + len + 1, entry.len - len - 1);
		if (entry.len >= 2 && entry.data[0] == '"' && entry.data[entry.len - 1] == '"')
			entry = wsm__slice(entry.data + 1, entry.len - 2);
		return entry;
	}
	return wsm__str(NULL);
}

wsm_slice wsm__token_bearer(wsm_slice value)
{
	if (value.len <= 7 || strncasecmp(value.data, "bearer ", 7) != 0)
		return wsm__str(NULL);
	return trim(wsm__slice(value.data + 7, value.len - 7));
}

static wsm_slice in_path(const struct wsm__path_params *params)
{
	for (size_t i = 0; i < params->count; i++)
		if (wsm__slice_is(params->at[i].name, "token"))
			return params->at[i].value;
	return wsm__str(NULL);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

bool wsm__token_find(const wsm_runtime *runtime, struct wsm__request *request, const struct wsm__path_params *params,
                     const struct wsm__token_headers *headers, struct wsm__buffer *storage)
{
	const struct wsm_config *config = runtime->config;
	const wsm_slice places[] = {
		in_path(params),
		wsm__token_bearer(headers->authorization),
		in_protocols(headers->protocols),
		in_cookies(headers->cookie, config->jwt_cookie),
	};
	char *value;
	int len;

	request->token = wsm__str(NULL);
	if (!runtime->jwt)
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!places[i].len)
			continue;
		if (i == 3 && !headers->by_page)
			return false;
		wsm__buffer_add_slice(storage, places[i]);
		request->token = wsm__slice(storage->data, storage->len);
		return true;
	}
	if (!*config->jwt_query || !(value = wsm__buffer_reserve(storage, request->query.len + 1)))
		return true;
	len = wsm__query_get(request->query, config->jwt_query, value, request->query.len + 1);
	if (len > 0)
		request->token = wsm__slice(value, (size_t)len);
	return true;
}

void wsm__token_redact(const wsm_runtime *runtime, wsm_slice query, struct wsm__buffer *out)
{
	const char *secret = runtime->jwt ? runtime->config->jwt_query : "";
	wsm_slice entry;
	char name[64];

	if (!*secret) {
		wsm__buffer_add_slice(out, query);
		return;
	}
	while (next_entry(&query, '&', &entry)) {
		const char *equals = entry.len ? memchr(entry.data, '=', entry.len) : NULL;
		wsm_slice raw = wsm__slice(entry.data, equals ? (size_t)(equals - entry.data) : entry.len);
		int len = wsm__percent_decode(raw, true, name, sizeof(name));

		if (len >= 0 && !strcmp(name, secret))
			continue;
		if (out->len)
			wsm__buffer_add_str(out, "&");
		wsm__buffer_add_slice(out, entry);
	}
}
