/* The head of a request and the handshake that it may ask for. */
#include "check.h"

#include <string.h>

#include "wire/handshake.h"

static void inside(wsm_slice part, wsm_slice whole)
{
	CHECK(!part.len || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len) ||
	      wsm__slice_is(part, "/"));
}

/* What was accepted is written down again in one plain way; that must be the same request. */
static void again(const struct wsm__head *head)
{
	static struct wsm__head second;
	struct wsm__buffer text;
	const char *why;

	wsm__buffer_init(&text);
	wsm__buffer_add_slice(&text, head->method);
	wsm__buffer_add_str(&text, " ");
	wsm__buffer_add_slice(&text, head->target);
	wsm__buffer_addf(&text, " HTTP/1.%u\r\n", head->minor);
	for (size_t i = 0; i < head->n_fields; i++) {
		wsm__buffer_add_slice(&text, head->fields[i].name);
		wsm__buffer_add_str(&text, ":");
		wsm__buffer_add_slice(&text, head->fields[i].json);
		wsm__buffer_add_str(&text, "\r\n");
	}
	wsm__buffer_add_str(&text, "\r\n");
	CHECK(wsm__head_parse(&second, text.data, text.len, &why) == 0);
	CHECK(wsm__slice_equal(head->path, second.path) && wsm__slice_equal(head->query, second.query));
	CHECK(wsm__slice_equal(head->host, second.host) && head->n_fields == second.n_fields);
	CHECK(head->length == second.length && head->chunked == second.chunked && head->upgrade == second.upgrade);
	wsm__buffer_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wsm__head head;
	wsm_slice text = exact(data, size), part;
	const char *why = NULL, *extra = NULL;
	size_t seen = 0, end = wsm__head_end(text.data, text.len, &seen), slow = 0;
	struct wsm__buffer answer;
	bool chosen;

	seen = 0;
	for (size_t len = 1; len <= size && !slow; len++) /* byte by byte, the same end */
		slow = wsm__head_end(text.data, len, &seen);
	CHECK(slow == end && end <= size);
	part = exact(data, end ? end : size);
	if (wsm__head_parse(&head, part.data, part.len, &why)) {
		CHECK(why && strlen(why) < 200);
	} else {
		inside(head.path, part);
		inside(head.query, part);
		inside(head.host, part);
		for (size_t i = 0; i < head.n_fields; i++) {
			inside(head.fields[i].name, part);
			inside(head.fields[i].json, part);
		}
		again(&head);
		if (wsm__handshake_wanted(&head) && !wsm__handshake_check(&head, &chosen, &why, &extra)) {
			wsm__buffer_init(&answer);
			wsm__handshake_accept(&answer, &head, chosen);
			CHECK(!answer.failed && answer.len < 400);
			wsm__buffer_fini(&answer);
		}
	}
	drop(part);
	drop(text);
	return 0;
}
