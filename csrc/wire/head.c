#include "wire/head.h"

#include <string.h>

#include "base/buffer.h"
#include "base/slice.h"

#define EMPTY_LINES_MAX 4u /* bytes of them before a request */

static const wsm_slice none = { NULL, 0 };

/* ---- characters ------------------------------------------------------------------------------------------------- */

/* RFC 9110 section 5.6.2 */
static bool is_tchar(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(wsm_slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_tchar(text.data[i]))
			return false;
	return text.len > 0;
}

/* RFC 9110 section 5.5: visible, space, tab, or not ASCII. */
static bool is_value(wsm_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_visible(wsm_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c <= ' ' || c >= 0x7f)
			return false;
	}
	return text.len > 0;
}

static wsm_slice trim(wsm_slice text)
{
	while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = wsm__slice(text.data + 1, text.len - 1);
	while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* ---- header values ---------------------------------------------------------------------------------------------- */

wsm_slice wsm__fields_get(const wsm_member *fields, size_t n, const char *name)
{
	wsm_slice wanted = wsm__str(name);

	for (size_t i = 0; i < n; i++)
		if (wsm__slice_equal_nocase(fields[i].name, wanted))
			return fields[i].json;
	return none;
}

wsm_slice wsm__fields_join(const wsm_member *fields, size_t n, const char *name, char separator,
                           struct wsm__buffer *storage)
{
	wsm__buffer_clear(storage);
	for (size_t i = 0; i < n; i++) {
		if (!wsm__slice_equal_nocase(fields[i].name, wsm__str(name)))
			continue;
		if (storage->len)
			wsm__buffer_add(storage, &separator, 1);
		wsm__buffer_add_slice(storage, fields[i].json);
	}
	return wsm__slice(storage->data, storage->len);
}

size_t wsm__fields_count(const wsm_member *fields, size_t n, const char *name)
{
	wsm_slice wanted = wsm__str(name);
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += wsm__slice_equal_nocase(fields[i].name, wanted);
	return count;
}

bool wsm__list_next(wsm_slice *rest, wsm_slice *element)
{
	while (rest->len) {
		const char *comma = memchr(rest->data, ',', rest->len);
		size_t len = comma ? (size_t)(comma - rest->data) : rest->len, used = comma ? len + 1 : len;

		*element = trim(wsm__slice(rest->data, len));
		*rest = wsm__slice(rest->data + used, rest->len - used);
		if (element->len)
			return true;
	}
	return false;
}

bool wsm__fields_list(const wsm_member *fields, size_t n, const char *name, const char *element)
{
	wsm_slice wanted = wsm__str(name), word = wsm__str(element);

	for (size_t i = 0; i < n; i++) {
		wsm_slice rest = fields[i].json, found;

		if (!wsm__slice_equal_nocase(fields[i].name, wanted))
			continue;
		while (wsm__list_next(&rest, &found))
			if (wsm__slice_equal_nocase(found, word))
				return true;
	}
	return false;
}

wsm_slice wsm__head_get(const struct wsm__head *head, const char *name)
{
	return wsm__fields_get(head->fields, head->n_fields, name);
}

/* ---- the head --------------------------------------------------------------------------------------------------- */

/* A head that can only be bad ends at once: the parser then says what is wrong. */
size_t wsm__head_end(const char *data, size_t len, size_t *seen)
{
	if (len && !is_tchar(data[0]) && data[0] != '\r')
		return 1;
	while (*seen < len) {
		const char *feed = memchr(data + *seen, '\n', len - *seen);
		size_t at = feed ? (size_t)(feed - data) : len;

		*seen = feed ? at + 1 : len;
		if (!feed)
			return 0;
		if (!at || data[at - 1] != '\r')
			return at + 1;
		/* An empty line, but not one before the request (RFC 9112 section 2.2). */
		if (at > EMPTY_LINES_MAX && data[at - 2] == '\n')
			return at + 1;
	}
	return 0;
}

/* Takes the next line, without its end. Returns false if it does not end in CR LF, or has a lone CR or LF, or NUL. */
static bool next_line(const char **at, const char *end, wsm_slice *line)
{
	const char *stop = memchr(*at, '\r', (size_t)(end - *at));

	if (!stop || stop + 1 >= end || stop[1] != '\n')
		return false;
	*line = wsm__slice(*at, (size_t)(stop - *at));
	*at = stop + 2;
	return !line->len || (!memchr(line->data, '\n', line->len) && !memchr(line->data, '\0', line->len));
}

/* Up to the next space; `*rest` is what follows it. */
static wsm_slice word(wsm_slice *rest)
{
	const char *space = rest->len ? memchr(rest->data, ' ', rest->len) : NULL;
	size_t len = space ? (size_t)(space - rest->data) : rest->len;
	wsm_slice taken = wsm__slice(rest->data, len);

	*rest = space ? wsm__slice(space + 1, rest->len - len - 1) : none;
	return taken;
}

/* RFC 9112 section 3.2: a path, a whole URL (as for proxies, which servers must take too), or "*". */
static bool take_target(struct wsm__head *head)
{
	wsm_slice target = head->target;
	const char *mark;

	if (!is_visible(target) || memchr(target.data, '#', target.len))
		return false;
	if (wsm__slice_starts(target, "http://") || wsm__slice_starts(target, "https://")) {
		size_t scheme = wsm__slice_starts(target, "http://") ? 7 : 8, len;

		target = wsm__slice(target.data + scheme, target.len - scheme);
		for (len = 0; len < target.len && target.data[len] != '/' && target.data[len] != '?'; len++)
			;
		head->host = wsm__slice(target.data, len);
		target = wsm__slice(target.data + len, target.len - len);
		if (!head->host.len || memchr(head->host.data, '@', head->host.len))
			return false;
		if (!target.len || target.data[0] == '?') { /* an empty path is "/" */
			head->path = wsm__str("/");
			head->query = target.len ? wsm__slice(target.data + 1, target.len - 1) : none;
			return true;
		}
	}
	if (target.data[0] != '/' && !wsm__slice_is(target, "*"))
		return false;
	mark = memchr(target.data, '?', target.len);
	head->path = wsm__slice(target.data, mark ? (size_t)(mark - target.data) : target.len);
	head->query = mark ? wsm__slice(mark + 1, target.len - head->path.len - 1) : none;
	return true;
}

static unsigned request_line(struct wsm__head *head, wsm_slice line, const char **why)
{
	wsm_slice rest = line, version;

	head->method = word(&rest);
	head->target = word(&rest);
	version = rest;
	*why = "the request line is not METHOD SP target SP HTTP/1.1";
	if (!is_token(head->method) || !head->target.len || version.len != 8 || !wsm__slice_starts(version, "HTTP/") ||
	    version.data[6] != '.' || version.data[5] < '0' || version.data[5] > '9' || version.data[7] < '0' ||
	    version.data[7] > '9')
		return 400;
	*why = "only HTTP/1.1 and HTTP/1.0 are spoken here";
	if (version.data[5] != '1' || version.data[7] > '1')
		return 505;
	head->minor = (unsigned)(version.data[7] - '0');
	*why = "the request target is neither a path nor a URL";
	return take_target(head) ? 0 : 400;
}

static unsigned take_field(struct wsm__head *head, wsm_slice line, const char **why)
{
	const char *colon;
	wsm_member *field;

	*why = "a header field goes on over several lines, which RFC 9112 section 5.2 no longer allows";
	if (line.data[0] == ' ' || line.data[0] == '\t')
		return 400;
	*why = "the request has more than 100 header fields";
	if (head->n_fields == WSM__HEAD_FIELDS_MAX)
		return 431;
	colon = memchr(line.data, ':', line.len);
	field = &head->fields[head->n_fields++];
	*why = "a header field is not name: value";
	if (!colon)
		return 400;
	field->name = wsm__slice(line.data, (size_t)(colon - line.data));
	field->json = trim(wsm__slice(colon + 1, line.len - field->name.len - 1));
	return is_token(field->name) && is_value(field->json) ? 0 : 400;
}

/* ---- what the fields say together ------------------------------------------------------------------------------- */

bool wsm__fields_repeated(const wsm_member *fields, size_t n)
{
	static const char *const single[] = { "content-length",       "transfer-encoding", "origin",
	                                      "authorization",        "x-api-key",         "sec-websocket-key",
	                                      "sec-websocket-version" };

	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if (wsm__fields_count(fields, n, single[i]) > 1)
			return true;
	return false;
}

/* RFC 9112 section 3.2. Does not check the value: callers that compare it do. */
static bool take_host(struct wsm__head *head)
{
	size_t n = wsm__fields_count(head->fields, head->n_fields, "host");
	wsm_slice host = wsm__head_get(head, "host");

	if (n > 1 || (!n && head->minor == 1))
		return false;
	for (size_t i = 0; i < host.len; i++)
		if (host.data[i] <= ' ' || strchr(",/?#@\\", host.data[i]))
			return false;
	if (!head->host.len)
		head->host = host;
	return true;
}

/* RFC 9112 section 6: how long the body is. */
static unsigned take_body(struct wsm__head *head, const char **why)
{
	wsm_slice length = wsm__head_get(head, "content-length"), coding = wsm__head_get(head, "transfer-encoding");

	*why = "a request has either Content-Length or Transfer-Encoding";
	if (coding.data && (length.data || head->minor == 0))
		return 400;
	*why = "only the transfer coding chunked is known";
	if (coding.data && !wsm__slice_equal_nocase(coding, wsm__str("chunked")))
		return 501;
	head->chunked = coding.data != NULL;
	*why = "Content-Length is not a number";
	if (!length.data)
		return 0;
	if (!length.len || length.len > 18)
		return 400;
	for (size_t i = 0; i < length.len; i++) {
		if (length.data[i] < '0' || length.data[i] > '9')
			return 400;
		head->length = head->length * 10 + (unsigned)(length.data[i] - '0');
	}
	head->has_length = true;
	return 0;
}

static unsigned judge(struct wsm__head *head, const char **why)
{
	unsigned status;

	*why = "a header field that may come once came several times";
	if (wsm__fields_repeated(head->fields, head->n_fields))
		return 400;
	*why = "a request has one Host field, with a host";
	if (!take_host(head))
		return 400;
	status = take_body(head, why);
	if (status)
		return status;
	head->upgrade = wsm__fields_list(head->fields, head->n_fields, "connection", "upgrade");
	head->keep_alive =
		!wsm__fields_list(head->fields, head->n_fields, "connection", "close") &&
		(head->minor == 1 || wsm__fields_list(head->fields, head->n_fields, "connection", "keep-alive"));
	return 0;
}

unsigned wsm__head_parse(struct wsm__head *head, const char *data, size_t len, const char **why)
{
	const char *at = data, *end = data + len;
	unsigned status;
	wsm_slice line;

	memset(head, 0, offsetof(struct wsm__head, fields));
	head->n_fields = 0;
	do {
		*why = "a line of the request does not end with CR LF, or has a lone CR, LF or NUL";
		if (!next_line(&at, end, &line))
			return 400;
	} while (!line.len && at < end); /* RFC 9112 section 2.2: empty lines before the request */
	status = request_line(head, line, why);
	while (!status) {
		*why = "a line of the request does not end with CR LF, or has a lone CR, LF or NUL";
		if (!next_line(&at, end, &line))
			return 400;
		if (!line.len)
			break;
		status = take_field(head, line, why);
	}
	return status ? status : judge(head, why);
}
