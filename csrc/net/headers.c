/* Headers of a request that libwebsockets has read: one of them, all of them for the host, and those that carry tokens. */
#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

#include "net/commands.h"
#include "net/http.h"
#include "net/token.h"
#include "wire/json.h"

static void add_header(struct lws *wsi, enum lws_token_indexes token, struct wsm__buffer *out)
{
	int len = lws_hdr_total_length(wsi, token);
	char *to = len > 0 ? wsm__buffer_reserve(out, (size_t)len + 1) : NULL;

	if (to && lws_hdr_copy(wsi, to, len + 1, token) > 0)
		out->len += (size_t)len;
}

wsm_slice wsm__header_take(struct lws *wsi, enum lws_token_indexes token, struct wsm__buffer *storage)
{
	size_t start = storage->len;

	add_header(wsi, token, storage);
	return wsm__slice(storage->data ? storage->data + start : NULL, storage->len - start);
}

static void add_pair(struct wsm__buffer *out, wsm_slice name, wsm_slice value)
{
	char lower[128];
	size_t len = name.len < sizeof(lower) ? name.len : sizeof(lower);

	for (size_t i = 0; i < len; i++)
		lower[i] = (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] | 0x20 : name.data[i]);
	if (out->data[out->len - 1] != '{')
		wsm__buffer_add_str(out, ",");
	wsm__buffer_add_json(out, wsm__slice(lower, len));
	wsm__buffer_add_str(out, ":");
	wsm__buffer_add_json(out, value);
}

/* Of a request that was handed over: all of them, as they came. */
static void raw_headers(wsm_slice request, struct wsm__buffer *out)
{
	const char *at = memchr(request.data, '\n', request.len), *end = request.data + request.len;

	while (at && ++at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		const char *colon = line_end ? memchr(at, ':', (size_t)(line_end - at)) : NULL;

		if (!colon) /* the empty line, or what follows the head */
			return;
		add_pair(out, wsm__slice(at, (size_t)(colon - at)),
		         wsm__json_trim(wsm__slice(colon + 1, (size_t)(line_end - colon - 1))));
		at = line_end;
	}
}

/* Of a request that libwebsockets has read: those it knows, and those that auth_headers names. */
static void known_headers(struct lws *wsi, const char *more, struct wsm__buffer *out)
{
	struct wsm__buffer value;

	wsm__buffer_init(&value);
	for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
		const char *name = (const char *)lws_token_to_string((enum lws_token_indexes)token);
		size_t len = name ? strlen(name) : 0;

		if (len < 2 || name[len - 1] != ':' || lws_hdr_total_length(wsi, (enum lws_token_indexes)token) <= 0)
			continue;
		wsm__buffer_clear(&value);
		add_header(wsi, (enum lws_token_indexes)token, &value);
		add_pair(out, wsm__slice(name, len - 1), wsm__slice(value.data, value.len));
	}
	while (more && *more) {
		char name[130];
		size_t len = strcspn(more, ",");
		int n, value_len;

		n = snprintf(name, sizeof(name), "%.*s:", (int)(len < 128 ? len : 128), more);
		value_len = lws_hdr_custom_length(wsi, name, n);
		wsm__buffer_clear(&value);
		if (value_len >= 0 && wsm__buffer_reserve(&value, (size_t)value_len + 1) &&
		    lws_hdr_custom_copy(wsi, value.data, value_len + 1, name, n) >= 0)
			add_pair(out, wsm__slice(name, (size_t)n - 1), wsm__slice(value.data, (size_t)value_len));
		more += len + (more[len] == ',');
	}
	wsm__buffer_fini(&value);
}

void wsm__headers_json(struct lws *wsi, const struct wsm__session *session, struct wsm__buffer *out)
{
	wsm__buffer_add_str(out, "{");
	if (session->adopt)
		raw_headers(session->adopt->request, out);
	else
		known_headers(wsi, session->core->config->auth_headers, out);
	wsm__buffer_add_str(out, "}");
}

bool wsm__headers_token(struct lws *wsi, struct wsm__session *session, const struct wsm__path_params *params,
                        struct wsm__buffer *headers, struct wsm__buffer *token)
{
	static const enum lws_token_indexes kept[] = { WSI_TOKEN_HTTP_AUTHORIZATION, WSI_TOKEN_PROTOCOL,
	                                               WSI_TOKEN_HTTP_COOKIE };
	wsm_slice values[3];
	size_t bytes = 16;

	if (!session->core->runtime->jwt)
		return true;
	for (size_t i = 0; i < 3; i++) {
		int len = lws_hdr_total_length(wsi, kept[i]);

		bytes += len > 0 ? (size_t)len + 1 : 0;
	}
	if (!wsm__buffer_reserve(headers, bytes)) /* enough at once, so that slices stay where they are */
		return false;
	for (size_t i = 0; i < 3; i++)
		values[i] = wsm__header_take(wsi, kept[i], headers);
	return wsm__token_find(session->core->runtime, &session->exchange->request, params,
	                       &(struct wsm__token_headers){ .authorization = values[0],
	                                                     .protocols = values[1],
	                                                     .cookie = values[2],
	                                                     .bearer = wsm__str(session->bearer) },
	                       token);
}
