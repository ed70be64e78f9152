/* A log that cannot keep every publication: those are told, the others go on in their order, and nobody waits for ever. */
#include <stdlib.h>

#include "harness.h"

static struct host host;

static int open_host(void **state)
{
	(void)state;
	setenv("WSM_LOG", "late", 1);
	setenv("WSM_LOG_ERRORS", "3", 1);
	host_open(&host, "rate", "0", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static wsm_receipt *publish(const char *room, const char *text, unsigned flags)
{
	wsm_slice name = wsm__str(room);
	wsm_publication publication = {
		.target = WSM_TO_ROOM, .ids = &name, .n_ids = 1, .type = wsm__str("n"), .flags = flags
	};
	wsm_receipt *receipt;

	assert_int_equal(wsm_publish(host.runtime, &publication, text, strlen(text), &receipt, NULL), WSM_OK);
	return receipt;
}

static wsm_delivery outcome(wsm_receipt *receipt)
{
	wsm_delivery delivery;

	if (wsm_receipt_watch(receipt))
		wsm_event_free(host_event(&host, WSM_EVENT_RECEIPT));
	assert_true(wsm_receipt_done(receipt, &delivery));
	wsm_receipt_unref(receipt);
	return delivery;
}

static void every_third_is_told_and_the_rest_has_no_hole(void **state)
{
	struct visitor visitor;
	wsm_receipt *receipts[9];
	char text[24];
	int offset = 0;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"r\"}");
	json_decref(visitor_await(&visitor, "subscribed"));
	for (int i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "{\"n\":%d}", i + 1);
		receipts[i] = publish("r", text, 0);
	}
	for (int i = 0; i < 9; i++) {
		wsm_delivery delivery = outcome(receipts[i]);

		assert_int_equal(delivery.status, i % 3 == 2 ? WSM_EUNAVAILABLE : WSM_OK);
		assert_int_equal(delivery.stored, i % 3 != 2);
		if (i % 3 == 2)
			continue;
		assert_int_equal(delivery.offset, ++offset);
	}
	for (int n = 1, at_offset = 1; n <= 9; n++) {
		json_t *message;

		if (n % 3 == 0)
			continue;
		message = of_type(visitor_next(&visitor), "n");
		assert_int_equal(number_at(message, "data.n"), n);
		assert_int_equal(number_at(message, "offset"), at_offset++);
		json_decref(message);
	}
	visitor_leave(&visitor);
}

/* What has no offset keeps its place behind those before it, whether they are kept or not. */
static void what_is_not_kept_keeps_its_place(void **state)
{
	struct visitor visitor;
	wsm_receipt *receipts[6];
	static const int came[] = { 1, 2, 10, 11, 12 };

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"r\"}");
	json_decref(visitor_await(&visitor, "subscribed"));
	receipts[0] = publish("r", "{\"n\":1}", 0);
	receipts[1] = publish("r", "{\"n\":2}", 0);
	receipts[2] = publish("r", "{\"n\":10}", WSM_PUBLISH_NO_HISTORY);
	receipts[3] = publish("r", "{\"n\":3}", 0); /* the third that is to be kept */
	receipts[4] = publish("r", "{\"n\":11}", WSM_PUBLISH_NO_HISTORY);
	receipts[5] = publish("r", "{\"n\":12}", 0);
	for (int i = 0; i < 6; i++)
		assert_int_equal(outcome(receipts[i]).status, i == 3 ? WSM_EUNAVAILABLE : WSM_OK);
	for (size_t i = 0; i < sizeof(came) / sizeof(came[0]); i++) {
		json_t *message = of_type(visitor_next(&visitor), "n");

		assert_int_equal(number_at(message, "data.n"), came[i]);
		json_decref(message);
	}
	visitor_leave(&visitor);
}

static void a_client_and_a_rest_call_are_told(void **state)
{
	struct visitor visitor;
	json_t *answer;

	(void)state;
	assert_int_equal(wsm_room_rule_set(host.runtime, wsm__str("r"), wsm__str("publish"), wsm__str("anyone"), NULL),
	                 WSM_OK);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 1; i <= 3; i++) {
		visitor_say(&visitor, "{\"action\":\"publish\",\"room\":\"r\",\"data\":{},\"id\":%d}", i);
		answer = of_type(visitor_next(&visitor), i == 3 ? "error" : "published");
		assert_int_equal(number_at(answer, "id"), i);
		if (i == 3)
			assert_string_equal(text_at(answer, "data.code"), "unavailable");
		json_decref(answer);
	}
	for (int i = 1; i <= 3; i++) {
		static const char body[] = "{\"event_type\":\"x\",\"room\":\"r\",\"data\":{}}";
		const wsm_rest_request request = {
			.method = wsm__str("POST"),
			.path = wsm__str("/api/ws/broadcast"),
			.ip = wsm__str("127.0.0.1"),
			.host = wsm__str("localhost"),
			.body = wsm__str(body),
		};
		wsm_rest_answer rest;

		assert_int_equal(wsm_rest(host.runtime, &request, &rest, NULL), WSM_OK);
		assert_int_equal(rest.status, i == 3 ? 503 : 200);
		if (i == 3)
			assert_non_null(strstr(rest.body.data, "\"unavailable\""));
		wsm_text_free(&rest.body);
	}
	visitor_leave(&visitor);
}

/* Whatever is under way at a stop has an outcome. */
static void a_stop_leaves_no_receipt_open(void **state)
{
	wsm_receipt *receipts[200];
	wsm_delivery delivery;

	(void)state;
	for (int i = 0; i < 200; i++)
		receipts[i] = publish(i % 2 ? "a" : "b", "{\"n\":1}", 0);
	assert_int_equal(wsm_runtime_stop(host.runtime, 100), WSM_OK);
	for (int i = 0; i < 200; i++) {
		assert_true(wsm_receipt_done(receipts[i], &delivery));
		wsm_receipt_unref(receipts[i]);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(every_third_is_told_and_the_rest_has_no_hole),
		CASE(what_is_not_kept_keeps_its_place),
		CASE(a_client_and_a_rest_call_are_told),
		CASE(a_stop_leaves_no_receipt_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
