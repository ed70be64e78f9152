#include "net/http.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/rest.h"

#define BODY_MAX 1048577u /* one more than rest.c takes, so that it can say so */

static const char *phrase(unsigned status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 411:
		return "Length Required";
	case 413:
		return "Content Too Large";
	case 426:
		return "Upgrade Required";
	default:
		return "Error";
	}
}

static void write_answer(struct lws *wsi, unsigned status, const char *type, const char *extra, wsm_slice body,
                         bool head)
{
	struct wsm__buffer out;

	wsm__buffer_init(&out);
	wsm__buffer_addf(&out,
	                 "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
	                 "X-Content-Type-Options: nosniff\r\n%s\r\n",
	                 status, phrase(status), type, body.len, extra);
	if (!head)
		wsm__buffer_add_slice(&out, body);
	if (!out.failed)
		lws_write(wsi, (unsigned char *)out.data, out.len, LWS_WRITE_HTTP_FINAL);
	wsm__buffer_fini(&out);
}

void wsm__http_refuse(struct lws *wsi, unsigned status, const char *extra, const char *why)
{
	char line[256], headers[160];
	int len = snprintf(line, sizeof(line), "%s\n", why);

	snprintf(headers, sizeof(headers), "%sConnection: close\r\n", extra);
	write_answer(wsi, status, "text/plain; charset=utf-8", headers, wsm__slice(line, (size_t)len), false);
}

static wsm_slice keep(struct lws *wsi, struct wsm__session *session, int len, bool custom)
{
	char *to = len > 0 ? wsm__buffer_reserve(&session->exchange->storage, (size_t)len + 1) : NULL;

	if (!to)
		return wsm__slice(NULL, 0);
	if (custom)
		len = lws_hdr_custom_copy(wsi, to, len + 1, "x-api-key:", 10);
	else
		len = lws_hdr_copy(wsi, to, len + 1, WSI_TOKEN_HTTP_AUTHORIZATION);
	if (len <= 0)
		return wsm__slice(NULL, 0);
	session->exchange->storage.len += (size_t)len;
	return wsm__slice(to, (size_t)len);
}

static const char *method_name(int method)
{
	switch (method) {
	case LWSHUMETH_GET:
		return "GET";
	case LWSHUMETH_POST:
		return "POST";
	case LWSHUMETH_HEAD:
		return "HEAD";
	case LWSHUMETH_OPTIONS:
		return "OPTIONS";
	case LWSHUMETH_PUT:
		return "PUT";
	case LWSHUMETH_PATCH:
		return "PATCH";
	case LWSHUMETH_DELETE:
		return "DELETE";
	default:
		return "?";
	}
}

int wsm__http_request(struct lws *wsi, struct wsm__session *session, const void *path, size_t len)
{
	char *uri = NULL;
	int uri_len = 0, method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
	int length = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
	char digits[24] = "0";

	(void)path;
	(void)len;
	if (method < 0 || !wsm__session_request(wsi, session, wsm__slice(uri, (size_t)uri_len)))
		return -1;
	snprintf(session->exchange->method, sizeof(session->exchange->method), "%s", method_name(method));
	session->exchange->head = method == LWSHUMETH_HEAD;
	session->exchange->authorization =
		keep(wsi, session, lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION), false);
	session->exchange->api_key = keep(wsi, session, lws_hdr_custom_length(wsi, "x-api-key:", 10), true);
	if (method != LWSHUMETH_POST)
		return wsm__http_answer(wsi, session);
	if (length <= 0 || lws_hdr_copy(wsi, digits, sizeof(digits), WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0) {
		wsm__http_refuse(wsi, 411, "", "a POST needs Content-Length");
		return -1;
	}
	if (strtoull(digits, NULL, 10) >= BODY_MAX) {
		wsm__http_refuse(wsi, 413, "", "the body has more than 1 MiB");
		return -1;
	}
	return strtoull(digits, NULL, 10) ? 0 : wsm__http_answer(wsi, session);
}

int wsm__http_body(struct wsm__session *session, const void *data, size_t len)
{
	if (!session->exchange) /* answered already: the method has no use for a body */
		return 0;
	if (session->exchange->body.len + len > BODY_MAX)
		return -1;
	wsm__buffer_add(&session->exchange->body, data, len);
	return session->exchange->body.failed ? -1 : 0;
}

/* libwebsockets has decoded the path; rest.c takes it as it stands in a URL. */
static void encode_path(struct wsm__buffer *out, wsm_slice path)
{
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.data[i];

		if (c > ' ' && c < 0x7f && c != '%')
			wsm__buffer_add(out, &path.data[i], 1);
		else
			wsm__buffer_addf(out, "%%%02X", c);
	}
}

int wsm__http_answer(struct lws *wsi, struct wsm__session *session)
{
	struct wsm__buffer path;
	int status;
	wsm_rest_request request = {
		.method = wsm__str(session->exchange->method),
		.query = session->exchange->request.query,
		.ip = session->exchange->request.ip,
		.authorization = session->exchange->authorization,
		.api_key = session->exchange->api_key,
		.origin = session->exchange->request.origin,
		.body = wsm__slice(session->exchange->body.data, session->exchange->body.len),
	};
	wsm_rest_answer answer;

	memset(&answer, 0, sizeof(answer));
	if (!session->core->config->rest) {
		wsm__http_refuse(wsi, 404, "", "REST is switched off on this port");
		return -1;
	}
	wsm__buffer_init(&path);
	encode_path(&path, session->exchange->request.path);
	request.path = wsm__slice(path.data, path.len);
	status = path.failed ? WSM_ENOMEM : wsm__rest_answer(session->core, &request, &answer);
	wsm__buffer_fini(&path);
	if (status)
		return -1;
	write_answer(wsi, answer.status, answer.content_type, "", wsm__slice(answer.body.data, answer.body.len),
	             session->exchange->head);
	wsm_text_free(&answer.body);
	wsm__session_answered(session);
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}
