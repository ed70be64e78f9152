/* Frame headers: the shortest form of each length (RFC 6455 section 5.2), and close codes that may be sent. */
#include "exact.h"

#include "wire/frame.h"

static void assert_header(enum wsm__opcode opcode, uint64_t len, const char *bytes, size_t n)
{
	uint8_t out[WSM__FRAME_HEADER_MAX];

	assert_int_equal(wsm__frame_header(out, opcode, len), n);
	assert_memory_equal(out, bytes, n);
}

static void lengths_take_their_shortest_form(void **state)
{
	(void)state;
	assert_header(WSM__TEXT, 0, "\x81\x00", 2);
	assert_header(WSM__TEXT, 125, "\x81\x7d", 2);
	assert_header(WSM__TEXT, 126, "\x81\x7e\x00\x7e", 4);
	assert_header(WSM__TEXT, 65535, "\x81\x7e\xff\xff", 4);
	assert_header(WSM__TEXT, 65536, "\x81\x7f\0\0\0\0\0\x01\0\0", 10);
	assert_header(WSM__TEXT, UINT64_C(0x7fffffffffffffff), "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
}

static void each_opcode_has_fin_and_no_mask(void **state)
{
	(void)state;
	assert_header(WSM__BINARY, 5, "\x82\x05", 2);
	assert_header(WSM__CLOSE, 2, "\x88\x02", 2);
	assert_header(WSM__PING, 0, "\x89\x00", 2);
	assert_header(WSM__PONG, 4, "\x8a\x04", 2);
}

static void reserved_close_codes_may_not_be_sent(void **state)
{
	static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009,
	                                 1010, 1011, 1012, 1013, 3000, 4000, 4999 };
	static const unsigned bad[] = { 0, 1, 999, 1004, 1005, 1006, 1014, 1015, 1016, 2000, 2999, 5000, 65535, 70000 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(wsm__close_code_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wsm__close_code_valid(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_take_their_shortest_form),
		cmocka_unit_test(each_opcode_has_fin_and_no_mask),
		cmocka_unit_test(reserved_close_codes_may_not_be_sent),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
