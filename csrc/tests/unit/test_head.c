/* Heads of requests: what is read, what is refused, and where a head ends. */
#include "exact.h"

#include <stdio.h>

#include "wire/head.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"

static struct wsm__head head;
static wsm_slice kept;

/* Status of a head that ends with its text; `head` stays valid until the next call. */
static unsigned parse(const char *text, size_t len)
{
	const char *why = NULL;
	unsigned status;

	drop(kept);
	kept = exact(text, len);
	status = wsm__head_parse(&head, kept.data, kept.len, &why);
	if (status)
		assert_in_range(strlen(why), 10, 200);
	return status;
}

static void good(const char *text)
{
	unsigned status = parse(text, strlen(text));

	if (status)
		print_error("%u for:\n%s\n", status, text);
	assert_int_equal(status, 0);
}

static void refused(unsigned status, const char *text)
{
	unsigned found = parse(text, strlen(text));

	if (found != status)
		print_error("%u instead of %u for:\n%s\n", found, status, text);
	assert_int_equal(found, status);
}

static void the_parts_of_a_request(void **state)
{
	(void)state;
	good("GET /a/b%20c?x=1&y=?/ HTTP/1.1\r\nHost: example.com:8000\r\nX-One:  a b\t\r\nx-one:\r\nX-Two: "
	     "\xc3\xa4\r\n\r\n");
	assert_slice(head.method, "GET");
	assert_slice(head.path, "/a/b%20c");
	assert_slice(head.query, "x=1&y=?/");
	assert_slice(head.host, "example.com:8000");
	assert_int_equal(head.minor, 1);
	assert_int_equal(head.n_fields, 4);
	assert_slice(wsm__head_get(&head, "x-ONE"), "a b");
	assert_slice(wsm__head_get(&head, "x-two"), "\xc3\xa4");
	assert_null(wsm__head_get(&head, "x").data);
	assert_int_equal(wsm__fields_count(head.fields, head.n_fields, "x-one"), 2);
	assert_true(head.keep_alive && !head.upgrade && !head.has_length && !head.chunked);
}

static void targets(void **state)
{
	(void)state;
	good("GET http://a.example:81/p?q HTTP/1.1\r\nHost: b.example\r\n\r\n"); /* RFC 9112 section 3.2.2 */
	assert_slice(head.path, "/p");
	assert_slice(head.query, "q");
	assert_slice(head.host, "a.example:81");
	good("GET https://a.example?q HTTP/1.1\r\nHost: b.example\r\n\r\n");
	assert_slice(head.path, "/");
	assert_slice(head.query, "q");
	good("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET ws HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET http:// HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET http://u@h/ HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void request_lines(void **state)
{
	(void)state;
	good("\r\n\r\n" GET "\r\n");
	refused(400, "GET / HTTP/1.1 \r\nHost: x\r\n\r\n");
	refused(400, "GET  / HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, " GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET /\r\nHost: x\r\n\r\n");
	refused(400, "G@T / HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET / http/1.1\r\nHost: x\r\n\r\n");
	refused(400, "GET / HTTP/1.1x\r\nHost: x\r\n\r\n");
	refused(400, "GET / HTTP/1,1\r\nHost: x\r\n\r\n");
	refused(505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n");
	refused(505, "GET / HTTP/1.2\r\nHost: x\r\n\r\n");
	refused(505, "PRI * HTTP/2.0\r\n\r\n");
	refused(400, "\r\n\r\n");
}

static void lines(void **state)
{
	static const char nul[] = "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n";

	(void)state;
	refused(400, "GET / HTTP/1.1\nHost: x\n\n");
	refused(400, "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n");
	refused(400, GET "A: b\rc\r\n\r\n");
	refused(400, GET "A: b\r\r\n\r\n");
	refused(400, GET "A: b\n\r\n");
	refused(400, GET);
	assert_int_equal(parse(nul, sizeof(nul) - 1), 400);
}

static void fields(void **state)
{
	(void)state;
	refused(400, GET "A : b\r\n\r\n");
	refused(400, GET "A\t: b\r\n\r\n");
	refused(400, GET ": b\r\n\r\n");
	refused(400, GET "A\r\n\r\n");
	refused(400, GET "A: b\r\n c\r\n\r\n"); /* obs-fold */
	refused(400, GET " A: b\r\n\r\n");
	refused(400, GET "A(: b\r\n\r\n");
	refused(400, GET "A: b\x01\r\n\r\n");
	refused(400, GET "A: b\x7f\r\n\r\n");
	good(GET "A:\r\nB: :\t:\r\n!#$%&'*+-.^_`|~: x\r\n\r\n");
	assert_slice(wsm__head_get(&head, "a"), "");
	assert_non_null(wsm__head_get(&head, "a").data);
	assert_slice(wsm__head_get(&head, "b"), ":\t:");
}

static void the_number_of_fields(void **state)
{
	char text[8000] = GET;
	size_t len = strlen(GET);

	(void)state;
	for (int i = 1; i < 100; i++)
		len += (size_t)sprintf(text + len, "X-%d: %d\r\n", i, i);
	strcpy(text + len, "\r\n");
	good(text);
	assert_int_equal(head.n_fields, 100);
	strcpy(text + len, "One: more\r\n\r\n");
	refused(431, text);
}

static void hosts(void **state)
{
	(void)state;
	refused(400, "GET / HTTP/1.1\r\n\r\n");
	refused(400, GET "Host: x\r\n\r\n");
	refused(400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n");
	refused(400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n");
	refused(400, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n");
	good("GET / HTTP/1.1\r\nHost:\r\n\r\n");
	good("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n");
	good("GET / HTTP/1.0\r\n\r\n");
	assert_int_equal(head.minor, 0);
	assert_false(head.keep_alive);
}

/* Two programs must not find two different ends of a body. */
static void bodies(void **state)
{
	(void)state;
	good(GET "Content-Length: 0012\r\n\r\n");
	assert_true(head.has_length && head.length == 12);
	refused(400, GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\n");
	refused(400, GET "Content-Length: 1\r\ncontent-length: 2\r\n\r\n");
	refused(400, GET "Content-Length: 1, 1\r\n\r\n");
	refused(400, GET "Content-Length: +1\r\n\r\n");
	refused(400, GET "Content-Length: -1\r\n\r\n");
	refused(400, GET "Content-Length: 1x\r\n\r\n");
	refused(400, GET "Content-Length: 0x1\r\n\r\n");
	refused(400, GET "Content-Length:\r\n\r\n");
	refused(400, GET "Content-Length: 18446744073709551617\r\n\r\n");
	refused(400, GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
	refused(400, GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
	refused(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
	refused(501, GET "Transfer-Encoding: gzip, chunked\r\n\r\n");
	refused(501, GET "Transfer-Encoding: xchunked\r\n\r\n");
	refused(501, GET "Transfer-Encoding:\r\n\r\n");
	good(GET "Transfer-Encoding: Chunked\r\n\r\n");
	assert_true(head.chunked && !head.has_length);
}

static void fields_that_may_come_once(void **state)
{
	static const char *const single[] = { "Origin", "Authorization", "X-API-Key", "Sec-WebSocket-Key",
	                                      "Sec-WebSocket-Version" };
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
		snprintf(text, sizeof(text), GET "%s: a\r\n%s: a\r\n\r\n", single[i], single[i]);
		refused(400, text);
	}
	good(GET "Cookie: a\r\nCookie: b\r\nSec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n\r\n");
}

static void connections(void **state)
{
	(void)state;
	good(GET "Connection: keep-alive, Upgrade\r\n\r\n");
	assert_true(head.upgrade && head.keep_alive);
	good(GET "Connection: foo\r\nConnection: ,, CLOSE ,\r\n\r\n");
	assert_true(!head.upgrade && !head.keep_alive);
	good(GET "Connection: upgradex, xclose\r\n\r\n");
	assert_true(!head.upgrade && head.keep_alive);
	good("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_true(head.keep_alive);
}

/* However it is cut: the end is found where it is, and not before it has come. */
static void ends(void **state)
{
	static const char text[] = "\r\n" GET "A: b\r\n\r\nbody\r\n\r\n";
	const size_t wanted = sizeof("\r\n" GET "A: b\r\n\r\n") - 1;
	size_t seen = 0, len;

	(void)state;
	for (len = 1; len < wanted; len++)
		assert_int_equal(wsm__head_end(text, len, &seen), 0);
	assert_int_equal(wsm__head_end(text, wanted, &seen), wanted);
	for (size_t cut = 0; cut < wanted; cut++) {
		seen = 0;
		assert_int_equal(wsm__head_end(text, cut, &seen), 0);
		assert_int_equal(wsm__head_end(text, sizeof(text) - 1, &seen), wanted);
	}
}

/* What can't become a request is not waited for. */
static void ends_of_what_is_no_request(void **state)
{
	static const char *const bad[] = { "GET / HTTP/1.1\n", "\n",        "\x16\x03\x01", " ",
	                                   "\r\n\r\n\r\n\r\n", GET "A: b\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t seen = 0, len = wsm__head_end(bad[i], strlen(bad[i]), &seen);

		assert_in_range(len, 1, strlen(bad[i]));
		assert_int_equal(parse(bad[i], len), 400);
	}
}

static void lists(void **state)
{
	wsm_slice rest = wsm__str(" a ,, b,\tc d\t,"), element;

	(void)state;
	assert_true(wsm__list_next(&rest, &element));
	assert_slice(element, "a");
	assert_true(wsm__list_next(&rest, &element));
	assert_slice(element, "b");
	assert_true(wsm__list_next(&rest, &element));
	assert_slice(element, "c d");
	assert_false(wsm__list_next(&rest, &element));
}

static int forget(void **state)
{
	(void)state;
	drop(kept);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parts_of_a_request),
		cmocka_unit_test(targets),
		cmocka_unit_test(request_lines),
		cmocka_unit_test(lines),
		cmocka_unit_test(fields),
		cmocka_unit_test(the_number_of_fields),
		cmocka_unit_test(hosts),
		cmocka_unit_test(bodies),
		cmocka_unit_test(fields_that_may_come_once),
		cmocka_unit_test(connections),
		cmocka_unit_test(ends),
		cmocka_unit_test(ends_of_what_is_no_request),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
