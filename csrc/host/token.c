/* Finds the token of a request. */
#include "host/token.h"

#include <string.h>
#include <strings.h>

#include "base/slice.h"
#include "host/handle.h"
#include "policy/config.h"
#include "wire/handshake.h"
#include "wire/target.h"

/* ---- lists in headers ------------------------------------------------------------------------------------------- */

static wsm_slice trim(wsm_slice text)
{
	while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = wsm__slice(text.data + 1, text.len - 1);
	while (text.len && strchr(" \t\r", text.data[text.len - 1]))
		text.len--;
	return text;
}

/* Takes the next entry of a list. Returns false at its end. */
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

/* Returns the value of a cookie (RFC 6265 section 4.2.1), without its quotes. */
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

bool wsm__token_find(const wsm_runtime *runtime, wsm_slice query, const struct wsm__path_params *params,
                     const struct wsm__token_headers *headers, struct wsm__buffer *storage, wsm_slice *token)
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

	*token = wsm__str(NULL);
	if (!runtime->jwt)
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!places[i].len)
			continue;
		if (i == 3 && !headers->by_page)
			return false;
		wsm__buffer_add_slice(storage, places[i]);
		*token = wsm__slice(storage->data, storage->len);
		return true;
	}
	if (!*config->jwt_query || !(value = wsm__buffer_reserve(storage, query.len + 1)))
		return true;
	len = wsm__query_get(query, config->jwt_query, value, query.len + 1);
	if (len > 0)
		*token = wsm__slice(value, (size_t)len);
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
