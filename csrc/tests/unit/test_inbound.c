/* Frames from clients: every case whole, byte by byte, and in random pieces; all three must say the same. */
#include "exact.h"

#include <stdio.h>

#include "base/buffer.h"
#include "wire/frame.h"
#include "wire/inbound.h"

static const struct wsm__inbound_limits limits = { 65536, 16 };

/* ---- writing frames --------------------------------------------------------------------------------------------- */

struct bytes {
	uint8_t data[200000];
	size_t len;
};

static void put(struct bytes *out, unsigned first, bool masked, unsigned length_bytes, uint64_t declared,
                const void *payload, size_t len)
{
	static const uint8_t mask[4] = { 0x12, 0xfe, 0x00, 0x7b };
	const uint8_t *from = payload;

	out->data[out->len++] = (uint8_t)first;
	out->data[out->len++] = (uint8_t)((masked ? 0x80u : 0u) | (length_bytes == 8   ? 127u
	                                                           : length_bytes == 2 ? 126u
	                                                                               : declared));
	for (unsigned i = length_bytes; i > 0; i--)
		out->data[out->len++] = (uint8_t)(declared >> (8 * (i - 1)));
	if (masked) {
		memcpy(out->data + out->len, mask, 4);
		out->len += 4;
	}
	for (size_t i = 0; i < len; i++)
		out->data[out->len++] = masked ? from[i] ^ mask[i & 3] : from[i];
}

static void frame(struct bytes *out, unsigned first, const void *payload, size_t len)
{
	put(out, first, true, len > UINT16_MAX ? 8 : len > 125 ? 2 : 0, len, payload, len);
}

static void text(struct bytes *out, unsigned first, const char *payload)
{
	frame(out, first, payload, strlen(payload));
}

/* ---- reading them ----------------------------------------------------------------------------------------------- */

/* What happened, as text: T(…) and B(…) messages, <…> pings, [code reason] closes, !code errors. */
static void note(struct wsm__buffer *trace, const struct wsm__inbound_event *event)
{
	if (event->kind == WSM__IN_DATA && event->first)
		wsm__buffer_add_str(trace, event->binary ? "B(" : "T(");
	if (event->kind == WSM__IN_PING)
		wsm__buffer_add_str(trace, "<");
	if (event->kind == WSM__IN_PONG)
		wsm__buffer_add_str(trace, ">");
	if (event->kind == WSM__IN_CLOSE)
		wsm__buffer_addf(trace, "[%u ", event->code);
	if (event->kind == WSM__IN_ERROR) {
		assert_non_null(event->reason);
		assert_in_range(strlen(event->reason), 10, 123);
		wsm__buffer_addf(trace, "!%u", event->code);
		return;
	}
	wsm__buffer_add_slice(trace, event->data);
	if (event->kind == WSM__IN_DATA && event->last)
		wsm__buffer_add_str(trace, ")");
	if (event->kind == WSM__IN_PING || event->kind == WSM__IN_PONG)
		wsm__buffer_add_str(trace, "|");
	if (event->kind == WSM__IN_CLOSE)
		wsm__buffer_add_str(trace, "]");
}

static void feed(struct wsm__inbound *inbound, const uint8_t *data, size_t len, struct wsm__buffer *trace)
{
	wsm_slice piece = exact(data, len);
	struct wsm__inbound_event event;
	size_t at = 0;

	do {
		size_t used =
			wsm__inbound_next(inbound, &limits, (uint8_t *)(uintptr_t)piece.data + at, len - at, &event);

		assert_in_range(used, 0, len - at);
		at += used;
		note(trace, &event);
	} while (event.kind != WSM__IN_MORE);
	assert_int_equal(at, len);
	drop(piece);
}

static void expect(const struct bytes *in, const char *wanted)
{
	static unsigned seed = 1;

	for (int way = 0; way < 20; way++) {
		struct wsm__inbound inbound = { 0 };
		struct wsm__buffer trace;
		size_t at = 0;

		wsm__buffer_init(&trace);
		while (at < in->len) {
			size_t left = in->len - at, piece = way == 0   ? left
			                                    : way == 1 ? 1
			                                               : 1 + (size_t)rand_r(&seed) % 300;

			piece = piece < left ? piece : left;
			feed(&inbound, in->data + at, piece, &trace);
			at += piece;
		}
		if (strlen(wanted) != trace.len || memcmp(trace.data ? trace.data : "", wanted, trace.len) != 0) {
			print_error("way %d: %.300s instead of %.300s\n", way, trace.data, wanted);
			fail();
		}
		wsm__buffer_fini(&trace);
	}
}

/* One case: frames, and what they are. */
#define CASE_OF(wanted, ...)                                                                                           \
	do {                                                                                                           \
		static struct bytes in;                                                                                \
		in.len = 0;                                                                                            \
		__VA_ARGS__;                                                                                           \
		expect(&in, wanted);                                                                                   \
	} while (0)

/* ---- messages --------------------------------------------------------------------------------------------------- */

static void messages(void **state)
{
	(void)state;
	CASE_OF("T(hello)", text(&in, 0x81, "hello"));
	CASE_OF("T()", text(&in, 0x81, ""));
	CASE_OF("B(\xff\xfe)", text(&in, 0x82, "\xff\xfe"));
	CASE_OF("T(hello)", text(&in, 0x01, "he"), text(&in, 0x00, "ll"), text(&in, 0x80, "o"));
	CASE_OF("T()T(x)", text(&in, 0x01, ""), text(&in, 0x00, ""), text(&in, 0x80, ""), text(&in, 0x81, "x"));
	CASE_OF("T(he<p|llo)", text(&in, 0x01, "he"), text(&in, 0x89, "p"), text(&in, 0x80, "llo"));
	CASE_OF("<|>x|", text(&in, 0x89, ""), text(&in, 0x8a, "x"));
}

static void every_length_encoding(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 124, 125, 126, 127, 1000, 65535, 65536 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *payload = malloc(sizes[i] + 1), *wanted = malloc(sizes[i] + 4);

		for (size_t k = 0; k < sizes[i]; k++)
			payload[k] = (char)('a' + k % 26);
		payload[sizes[i]] = '\0';
		snprintf(wanted, sizes[i] + 4, "T(%s)", payload);
		CASE_OF(wanted, text(&in, 0x81, payload));
		free(payload);
		free(wanted);
	}
}

static void lengths_that_are_too_long_for_what_they_say(void **state)
{
	(void)state;
	CASE_OF("!1002", put(&in, 0x81, true, 2, 125, "x", 1));
	CASE_OF("!1002", put(&in, 0x81, true, 8, 65535, "x", 1));
	CASE_OF("!1002", put(&in, 0x81, true, 8, (uint64_t)1 << 63 | 5, "x", 1));
	CASE_OF("!1009", put(&in, 0x81, true, 8, ((uint64_t)1 << 63) - 1, "", 0));
}

/* ---- what is against the rules ---------------------------------------------------------------------------------- */

static void the_header(void **state)
{
	(void)state;
	CASE_OF("!1002", put(&in, 0x81, false, 0, 4, "ping", 4)); /* not masked */
	CASE_OF("!1002", put(&in, 0x88, false, 0, 0, "", 0));
	for (unsigned bit = 0x10; bit <= 0x40; bit <<= 1)
		CASE_OF("!1002", text(&in, 0x81u | bit, "x"));
	for (unsigned opcode = 3; opcode < 16; opcode = opcode == 7 ? 11 : opcode + 1)
		CASE_OF("!1002", text(&in, 0x80u | opcode, "x"));
	CASE_OF("!1002", text(&in, 0x80, "x"));                          /* a continuation of nothing */
	CASE_OF("T(a!1002", text(&in, 0x01, "a"), text(&in, 0x81, "b")); /* a message inside another */
	CASE_OF("T(a)!1002", text(&in, 0x81, "a"), text(&in, 0x00, "b"));
	CASE_OF("T(a!1002", text(&in, 0x01, "a"), text(&in, 0x02, "b"));
}

static void control_frames(void **state)
{
	char payload[127];

	(void)state;
	memset(payload, 'p', sizeof(payload));
	for (unsigned opcode = 8; opcode <= 10; opcode++) {
		CASE_OF("!1002", text(&in, opcode, "\x03\xe8")); /* fragmented */
		CASE_OF("!1002", frame(&in, 0x80u | opcode, payload, 126));
	}
	payload[125] = '\0';
	CASE_OF("<ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
	        "pppppp"
	        "pppppppppppppppppp|",
	        text(&in, 0x89, payload));
}

static void closing(void **state)
{
	static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999 };
	static const unsigned bad[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535 };
	char wanted[64];

	(void)state;
	CASE_OF("[1005 ]", text(&in, 0x88, ""));
	CASE_OF("!1002", text(&in, 0x88, "\x03"));
	CASE_OF("[1000 b\xc3\xbc]", text(&in, 0x88,
	                                 "\x03\xe8"
	                                 "b\xc3\xbc"));
	CASE_OF("!1007", text(&in, 0x88,
	                      "\x03\xe8"
	                      "b\xc3"));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint8_t code[2] = { (uint8_t)(good[i] >> 8), (uint8_t)good[i] };

		snprintf(wanted, sizeof(wanted), "[%u ]", good[i]);
		CASE_OF(wanted, frame(&in, 0x88, code, 2));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t code[2] = { (uint8_t)(bad[i] >> 8), (uint8_t)bad[i] };

		CASE_OF("!1002", frame(&in, 0x88, code, 2));
	}
}

static void nothing_counts_after_the_end(void **state)
{
	(void)state;
	CASE_OF("[1005 ]", text(&in, 0x88, ""), text(&in, 0x81, "late"), put(&in, 0xff, false, 0, 1, "x", 1));
	CASE_OF("!1002", text(&in, 0x83, ""), text(&in, 0x81, "late"), text(&in, 0x88, ""));
	CASE_OF("T(a[1005 ]", text(&in, 0x01, "a"), text(&in, 0x88, ""), text(&in, 0x80, "b"));
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

static void the_size_of_a_message(void **state)
{
	static char large[65536];

	(void)state;
	memset(large, 'x', sizeof(large));
	CASE_OF("!1009", put(&in, 0x81, true, 8, 65537, "", 0)); /* before any of it has come */
	CASE_OF("T(a!1009", text(&in, 0x01, "a"), put(&in, 0x80, true, 8, 65536, "", 0));
	CASE_OF("T(a!1009", text(&in, 0x01, "a"), put(&in, 0x80, true, 8, (uint64_t)1 << 62, "", 0));
}

static void many(struct bytes *out, unsigned n, unsigned first, const char *payload)
{
	while (n--)
		text(out, first, payload);
}

static void the_number_of_fragments(void **state)
{
	(void)state;
	CASE_OF("T()", text(&in, 0x01, ""), many(&in, 14, 0x00, ""), text(&in, 0x80, ""));
	CASE_OF("T(!1008", text(&in, 0x01, ""), many(&in, 16, 0x00, ""));
	CASE_OF("T(aaaaaaaaaaaaaaaa!1008", text(&in, 0x01, "a"), many(&in, 16, 0x00, "a"));
	/* Control frames are none. */
	CASE_OF("T(<|<|<|<|<|<|<|<|<|<|<|<|<|<|<|<|<|<|<|<|)", text(&in, 0x01, ""), many(&in, 20, 0x89, ""),
	        text(&in, 0x80, ""));
}

/* ---- UTF-8 ------------------------------------------------------------------------------------------------------ */

static void utf8(void **state)
{
	static const char *const good[] = { "\xc2\x80",
	                                    "\xdf\xbf",
	                                    "\xe0\xa0\x80",
	                                    "\xed\x9f\xbf",
	                                    "\xee\x80\x80",
	                                    "\xef\xbf\xbf",
	                                    "\xf0\x90\x80\x80",
	                                    "\xf4\x8f\xbf\xbf",
	                                    "12345678\xc3\xa4",
	                                    "\xe2\x82\xac"
	                                    "x" };
	static const char *const bad[] = { "\x80",
	                                   "\xbf",
	                                   "\xc0\x80",
	                                   "\xc1\xbf",
	                                   "\xc3\x28",
	                                   "\xe0\x9f\xbf",
	                                   "\xed\xa0\x80",
	                                   "\xf0\x8f\xbf\xbf",
	                                   "\xf4\x90\x80\x80",
	                                   "\xf5\x80\x80\x80",
	                                   "\xff",
	                                   "\xe2\x82"
	                                   "x" };
	char wanted[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(wanted, sizeof(wanted), "T(%s)", good[i]);
		CASE_OF(wanted, text(&in, 0x81, good[i]));
		CASE_OF(wanted, frame(&in, 0x01, good[i], 1), text(&in, 0x80, good[i] + 1)); /* over fragments */
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		static struct bytes in;
		struct wsm__inbound inbound = { 0 };
		struct wsm__buffer trace;

		in.len = 0;
		text(&in, 0x81, bad[i]);
		wsm__buffer_init(&trace);
		feed(&inbound, in.data, in.len, &trace);
		assert_string_equal(trace.data, "!1007");
		wsm__buffer_fini(&trace);
	}
	CASE_OF("B(\xff)", text(&in, 0x82, "\xff"));
}

static void a_character_cut_off_at_the_end(void **state)
{
	static struct bytes in;
	struct wsm__inbound inbound = { 0 };
	struct wsm__buffer trace;

	(void)state;
	text(&in, 0x01, "abc\xe2\x82");
	text(&in, 0x80, "");
	wsm__buffer_init(&trace);
	feed(&inbound, in.data, in.len, &trace);
	assert_string_equal(trace.data, "T(abc\xe2\x82!1007");
	wsm__buffer_fini(&trace);
}

/* The frame declares 100 bytes; three are enough to know. */
static void invalid_utf8_shows_at_its_first_byte(void **state)
{
	static struct bytes in;
	struct wsm__inbound inbound = { 0 };
	struct wsm__buffer trace;

	(void)state;
	put(&in, 0x81, true, 0, 100, "ok\xf5", 3);
	wsm__buffer_init(&trace);
	feed(&inbound, in.data, in.len - 1, &trace);
	assert_string_equal(trace.data, "T(ok");
	feed(&inbound, in.data + in.len - 1, 1, &trace);
	assert_string_equal(trace.data, "T(ok!1007");
	wsm__buffer_fini(&trace);
}

/* Against the other implementation, in base/slice.c: all texts of up to three bytes that matter. */
static void utf8_agrees_with_the_check_of_whole_texts(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
	                                 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff };
	const size_t n = sizeof(bytes);

	(void)state;
	for (size_t i = 0; i < n * n * n * n; i++) {
		const uint8_t data[4] = { bytes[i % n], bytes[i / n % n], bytes[i / n / n % n], bytes[i / n / n / n] };

		for (size_t len = 1; len <= 4; len++) {
			struct wsm__utf8 utf8 = { 0 };
			bool valid = wsm__utf8_feed(&utf8, data, len) && wsm__utf8_whole(&utf8);

			if (valid != wsm__utf8_valid(wsm__slice((const char *)data, len)))
				fail();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(every_length_encoding),
		cmocka_unit_test(lengths_that_are_too_long_for_what_they_say),
		cmocka_unit_test(the_header),
		cmocka_unit_test(control_frames),
		cmocka_unit_test(closing),
		cmocka_unit_test(nothing_counts_after_the_end),
		cmocka_unit_test(the_size_of_a_message),
		cmocka_unit_test(the_number_of_fragments),
		cmocka_unit_test(utf8),
		cmocka_unit_test(a_character_cut_off_at_the_end),
		cmocka_unit_test(invalid_utf8_shows_at_its_first_byte),
		cmocka_unit_test(utf8_agrees_with_the_check_of_whole_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
