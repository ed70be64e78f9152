/* A publication: its frame, its ping, its references, and whom it is not for. */
#include "exact.h"

#include "rooms/publication.h"

static void the_frame_holds_a_copy_of_the_payload(void **state)
{
	char text[] = "hello";
	struct wsm__pub *pub = wsm__pub_new(WSM__TEXT, wsm__str(text), false);

	(void)state;
	assert_non_null(pub);
	memset(text, 'x', 5);
	assert_int_equal(pub->refs, 1);
	assert_int_equal(pub->priority, WSM_NORMAL);
	assert_int_equal(pub->opcode, WSM__TEXT);
	assert_int_equal(pub->frame_len, 7);
	assert_memory_equal(pub->frame, "\x81\x05hello", 7);
	assert_true(wsm__slice_is(wsm__pub_payload(pub), "hello"));
	wsm__pub_unref(pub);
}

static void an_empty_payload_is_a_frame_of_its_header(void **state)
{
	struct wsm__pub *pub = wsm__pub_new(WSM__BINARY, wsm__slice(NULL, 0), false);

	(void)state;
	assert_int_equal(pub->frame_len, 2);
	assert_memory_equal(pub->frame, "\x82\x00", 2);
	assert_int_equal(wsm__pub_payload(pub).len, 0);
	wsm__pub_unref(pub);
}

/* RFC 6455 section 5.2: the length takes 1, 3 or 9 bytes. */
static void the_header_grows_with_the_payload(void **state)
{
	static const struct {
		size_t len;
		uint32_t header;
	} cases[] = { { 125, 2 }, { 126, 4 }, { 65535, 4 }, { 65536, 10 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wsm_slice payload = wsm__slice(calloc(1, cases[i].len), cases[i].len);
		struct wsm__pub *pub = wsm__pub_new(WSM__BINARY, payload, false);

		assert_int_equal(pub->payload_at, cases[i].header);
		assert_int_equal(pub->frame_len, cases[i].header + cases[i].len);
		assert_int_equal(wsm__pub_payload(pub).len, cases[i].len);
		wsm__pub_unref(pub);
		drop(payload);
	}
}

static void a_ping_goes_before_the_message_in_one_piece(void **state)
{
	struct wsm__pub *pub = wsm__pub_new(WSM__TEXT, wsm__str("beat"), true);

	(void)state;
	assert_int_equal(pub->frame_len, 8);
	assert_memory_equal(pub->frame,
	                    "\x89\x00\x81\x04"
	                    "beat",
	                    8);
	assert_true(wsm__slice_is(wsm__pub_payload(pub), "beat"));
	wsm__pub_unref(pub);
}

static void what_no_frame_can_hold_is_refused(void **state)
{
	(void)state;
	assert_null(wsm__pub_new(WSM__BINARY, wsm__slice("", (size_t)UINT32_MAX / 2 + 1), false));
}

static void the_last_reference_frees_the_exclusion_too(void **state)
{
	wsm_slice id = wsm__str("c1");
	struct wsm__exclude *exclude = wsm__exclude_new(&id, 1);
	struct wsm__pub *one = wsm__pub_new(WSM__TEXT, wsm__str("1"), false);
	struct wsm__pub *two = wsm__pub_new(WSM__TEXT, wsm__str("2"), false);

	(void)state;
	one->exclude = exclude;
	two->exclude = exclude;
	exclude->refs = 2;
	wsm__pub_ref(one);
	wsm__pub_unref(one);
	assert_int_equal(exclude->refs, 2);
	wsm__pub_unref(one);
	assert_int_equal(exclude->refs, 1);
	wsm__pub_unref(two); /* the address sanitizer sees what is not freed, or freed twice */
	wsm__pub_unref(NULL);
	wsm__exclude_unref(NULL);
}

static void exclusion_knows_clients_and_users(void **state)
{
	wsm_slice ids[] = { exact("client-1", 8), exact("user-7", 6), wsm__slice(NULL, 0) };
	struct wsm__exclude *exclude = wsm__exclude_new(ids, 3);

	(void)state;
	drop(ids[0]);
	drop(ids[1]);
	assert_true(wsm__excluded(exclude, wsm__str("client-1"), wsm__str("")));
	assert_true(wsm__excluded(exclude, wsm__str("client-2"), wsm__str("user-7")));
	assert_false(wsm__excluded(exclude, wsm__str("client-2"), wsm__str("user-8")));
	assert_false(wsm__excluded(exclude, wsm__str("client-10"), wsm__str("user-")));
	/* An empty id among the excluded is not everybody without a user. */
	assert_false(wsm__excluded(exclude, wsm__str("client-2"), wsm__str("")));
	assert_false(wsm__excluded(NULL, wsm__str("client-1"), wsm__str("user-7")));
	wsm__exclude_unref(exclude);
	assert_null(wsm__exclude_new(ids, 0));
}

/* Of an object, raw endpoints have what its author has said; made once, and the same for all of them. */
static void another_encoding_is_made_once(void **state)
{
	struct wsm__pub *pub = wsm__pub_new(WSM__TEXT, wsm__str("{\"a\":1,\"offset\":7}"), false);
	struct wsm__encoded frame, first, second;

	(void)state;
	assert_true(wsm__pub_encode(pub, WSM__AS_RAW, &first)); /* nothing was added to it */
	assert_ptr_equal(first.frame, pub->frame);
	assert_null(pub->slots);
	pub->said_len = 6;
	assert_true(wsm__pub_encode(pub, WSM__AS_FRAME, &frame));
	assert_ptr_equal(frame.frame, pub->frame);
	assert_true(wsm__pub_encode(pub, WSM__AS_RAW, &first));
	assert_true(wsm__pub_encode(pub, WSM__AS_RAW, &second));
	assert_ptr_equal(first.frame, second.frame);
	assert_int_equal(first.frame_len, 9);
	assert_memory_equal(first.frame, "\x81\x07{\"a\":1}", 9);
	assert_true(wsm__slice_is(first.payload, "{\"a\":1}"));
	wsm__pub_unref(pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_frame_holds_a_copy_of_the_payload),
		cmocka_unit_test(an_empty_payload_is_a_frame_of_its_header),
		cmocka_unit_test(the_header_grows_with_the_payload),
		cmocka_unit_test(a_ping_goes_before_the_message_in_one_piece),
		cmocka_unit_test(another_encoding_is_made_once),
		cmocka_unit_test(what_no_frame_can_hold_is_refused),
		cmocka_unit_test(the_last_reference_frees_the_exclusion_too),
		cmocka_unit_test(exclusion_knows_clients_and_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
