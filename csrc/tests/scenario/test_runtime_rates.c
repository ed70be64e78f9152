/* Rates, and what the connections of one user or address may do together. */
#include "harness.h"

/* The next message must be the refusal by that limit. */
static void expect_limited(struct visitor *visitor, const char *option)
{
	json_t *message = of_type(visitor_next(visitor), "error");

	assert_string_equal(text_at(message, "data.code"), "rate_limited");
	if (!strstr(text_at(message, "data.message"), option))
		give_up("not by %s: %s", option, text_at(message, "data.message"));
	assert_in_range(number_at(message, "data.retry_after_ms"), 1, 3600000);
	json_decref(message);
}

static long long broken(struct host *host, const char *option)
{
	json_t *stats = host_ask(host, WSM_QUERY_STATS, NULL);
	long long n = json_integer_value(json_object_get(json_object_get(stats, "limits_broken"), option));

	json_decref(stats);
	return n;
}

static void too_many_messages_are_refused_with_a_hint(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "rate", "1", NULL);
	wsm_want(host.runtime, WSM_WANT_LOG);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 3; i++)
		visitor_say(&visitor, "ping");
	json_decref(of_type(visitor_next(&visitor), "pong"));
	json_decref(of_type(visitor_next(&visitor), "pong"));
	expect_limited(&visitor, "(rate)");
	assert_int_equal(broken(&host, "rate"), 1);
	for (int i = 0; i < 100; i++)
		visitor_say(&visitor, "ping");
	assert_int_equal(visitor_end(&visitor), 4429);
	wsm_event_free(host_line(
		&host, "refused: a client, closed with 4429: it went on after 21 messages above option rate."));
	visitor_leave(&visitor);
	host_close(&host);
}

/* Who hears no errors is named in the log. */
static void a_raw_client_over_its_rate_leaves_a_line(void **state)
{
	struct host host;
	struct visitor visitor;
	wsm_endpoint endpoint = { .path = wsm__str("/raw"), .flags = WSM_ENDPOINT_RAW };

	(void)state;
	host_make(&host, "port", "0", "rate", "1", NULL);
	assert_int_equal(wsm_endpoint_set(host.runtime, &endpoint, NULL), WSM_OK);
	wsm_want(host.runtime, WSM_WANT_LOG);
	host_start(&host);
	visitor_try(&visitor, host.port, "/raw", NULL);
	for (int i = 0; i < 3; i++)
		visitor_say(&visitor, "drag");
	wsm_event_free(host_line(
		&host, "refused: messages of a client of a raw endpoint: more per second than option rate allows"));
	visitor_leave(&visitor);
	host_close(&host);
}

/* They take as long as they are many, whatever their length. */
static void a_message_of_many_values_counts_for_more(void **state)
{
	char many[3901] = "", text[3901];
	struct visitor visitor;
	struct host host;

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(many); i += 3)
		memcpy(many + i, "{},", 4);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	host_open(&host, "byte_rate", "20000", NULL);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 2; i++) {
		visitor_say(&visitor, "{\"action\":\"ping\",\"pad\":\"%s\"}", text);
		json_decref(of_type(visitor_next(&visitor), "pong"));
	}
	visitor_leave(&visitor);
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"ping\",\"pad\":[%s{}]}", many);
	json_decref(of_type(visitor_next(&visitor), "pong"));
	visitor_say(&visitor, "{\"action\":\"ping\",\"pad\":[%s{}]}", many);
	expect_limited(&visitor, "byte_rate");
	visitor_leave(&visitor);
	host_close(&host);
}

static void too_many_bytes(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "byte_rate", "1000", NULL);
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"ping\",\"pad\":\"%01500d\"}", 0);
	json_decref(of_type(visitor_next(&visitor), "pong"));
	visitor_say(&visitor, "{\"action\":\"ping\",\"pad\":\"%01500d\"}", 0);
	expect_limited(&visitor, "byte_rate");
	visitor_say(&visitor, "ping"); /* small ones still pass */
	json_decref(of_type(visitor_next(&visitor), "pong"));
	assert_int_equal(broken(&host, "byte_rate"), 1);
	visitor_leave(&visitor);
	host_close(&host);
}

static void pings_count_as_messages(unsigned opcode)
{
	struct host host;
	struct visitor visitor;

	host_open(&host, "rate", "5", NULL);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 100; i++)
		wsc_send(&visitor.ws, opcode, "x", 1);
	assert_int_equal(visitor_end(&visitor), 4429);
	assert_true(broken(&host, "rate") > 20);
	visitor_leave(&visitor);
	host_close(&host);
}

static void a_flood_of_pings(void **state)
{
	(void)state;
	pings_count_as_messages(WSC_PING);
}

static void a_flood_of_pongs(void **state)
{
	(void)state;
	pings_count_as_messages(WSC_PONG);
}

static void subscriptions_cost_and_pings_do_not(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "subscription_rate", "1", "rate", "0", NULL);
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"a\"}");
	json_decref(of_type(visitor_next(&visitor), "subscribed"));
	visitor_say(&visitor, "{\"action\":\"unsubscribe\",\"room\":\"a\"}");
	json_decref(of_type(visitor_next(&visitor), "unsubscribed"));
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"b\",\"id\":7}");
	expect_limited(&visitor, "subscription_rate");
	for (int i = 0; i < 50; i++) {
		visitor_say(&visitor, "ping");
		json_decref(of_type(visitor_next(&visitor), "pong"));
	}
	assert_int_equal(broken(&host, "subscription_rate"), 1);
	assert_int_equal(broken(&host, "rate"), 0);
	visitor_leave(&visitor);
	host_close(&host);
}

/* What an answer brought is paid for afterwards. */
static void a_long_history_costs_more(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "subscription_rate", "5", NULL);
	for (int i = 0; i < 20; i++) {
		char fill[9000];

		snprintf(fill, sizeof(fill), "{\"pad\":\"%08000d\"}", 0);
		host_send(&host, "a", "n", fill);
	}
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"history\",\"room\":\"a\"}");
	json_decref(of_type(visitor_next(&visitor), "history"));
	visitor_say(&visitor, "{\"action\":\"history\",\"room\":\"a\"}");
	expect_limited(&visitor, "subscription_rate");
	visitor_leave(&visitor);
	host_close(&host);
}

static void connections_of_one_address_share_a_rate(void **state)
{
	struct host host;
	struct visitor first, second;

	(void)state;
	host_open(&host, "rate_per_ip", "2", "exempt_ips", "none", "trusted_proxies", "none", NULL);
	visitor_open(&first, host.port, "/ws");
	visitor_open(&second, host.port, "/ws");
	for (int i = 0; i < 2; i++) {
		visitor_say(&first, "ping");
		json_decref(of_type(visitor_next(&first), "pong"));
		visitor_say(&second, "ping");
		json_decref(of_type(visitor_next(&second), "pong"));
	}
	visitor_say(&second, "ping");
	expect_limited(&second, "rate_per_ip");
	visitor_leave(&first);
	visitor_leave(&second);
	host_close(&host);
}

static void connections_of_one_address_share_bytes(void **state)
{
	struct host host;
	struct visitor first, second;

	(void)state;
	host_open(&host, "byte_rate_per_ip", "1000", "exempt_ips", "127.0.0.1", "trusted_proxies", "none", NULL);
	visitor_open(&first, host.port, "/ws");
	visitor_open(&second, host.port, "/ws");
	visitor_say(&first, "{\"action\":\"ping\",\"pad\":\"%01500d\"}", 0);
	json_decref(of_type(visitor_next(&first), "pong"));
	visitor_say(&second, "{\"action\":\"ping\",\"pad\":\"%01500d\"}", 0);
	expect_limited(&second, "byte_rate_per_ip");
	visitor_leave(&first);
	visitor_leave(&second);
	host_close(&host);
}

static void exempt_addresses_have_no_rate_of_their_own(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "rate_per_ip", "1", "byte_rate_per_ip", "1", "connection_rate_per_ip", "1", "rate", "0", NULL);
	visitor_open(&visitor, host.port, "/ws"); /* 127.0.0.2: loopback */
	for (int i = 0; i < 50; i++) {
		visitor_say(&visitor, "ping");
		json_decref(of_type(visitor_next(&visitor), "pong"));
	}
	visitor_leave(&visitor);
	host_close(&host);
}

/* ---- users ------------------------------------------------------------------------------------------------------ */

/* Opens a connection that the host takes for the user's. */
static void open_as(struct host *host, struct visitor *visitor, const char *user_id)
{
	wsm_decision decision = { .allow = true, .user_id = wsm__str(user_id) };
	wsm_event *question;

	visitor_try(visitor, host->port, "/ws", NULL);
	question = host_event(host, WSM_EVENT_AUTHENTICATE);
	assert_int_equal(wsm_authenticated(host->runtime, question->ticket, &decision, NULL), WSM_OK);
	wsm_event_free(question);
}

static void enter_as(struct host *host, struct visitor *visitor, const char *user_id)
{
	open_as(host, visitor, user_id);
	json_decref(visitor_next(visitor));
}

#define user_host(host, ...)                                                                                           \
	do {                                                                                                           \
		host_make(host, "port", "0", __VA_ARGS__);                                                             \
		wsm_want((host)->runtime, WSM_WANT_AUTHENTICATE);                                                      \
		host_start(host);                                                                                      \
	} while (0)

static void connections_of_one_user(void **state)
{
	struct host host;
	struct visitor first, second, other;

	(void)state;
	user_host(&host, "max_connections_per_user", "1", NULL);
	enter_as(&host, &first, "ada");
	open_as(&host, &second, "ada");
	assert_int_equal(visitor_end(&second), 1013);
	assert_non_null(strstr(second.reason, "user"));
	visitor_leave(&second);
	enter_as(&host, &other, "bob");
	assert_int_equal(broken(&host, "max_connections_per_user"), 1);
	assert_int_equal(host_stat(&host, "refused_connections"), 1);
	visitor_leave(&first);
	host_stat_falls(&host, "active_connections", 1);
	enter_as(&host, &first, "ada"); /* the place is free again */
	visitor_leave(&first);
	visitor_leave(&other);
	host_close(&host);
}

static void connections_of_one_user_share_a_rate(void **state)
{
	struct host host;
	struct visitor first, second, other;

	(void)state;
	user_host(&host, "rate_per_user", "1", NULL);
	enter_as(&host, &first, "ada");
	enter_as(&host, &second, "ada");
	enter_as(&host, &other, "bob");
	visitor_say(&first, "ping");
	json_decref(of_type(visitor_next(&first), "pong"));
	visitor_say(&second, "ping");
	json_decref(of_type(visitor_next(&second), "pong"));
	visitor_say(&second, "ping");
	expect_limited(&second, "rate_per_user");
	visitor_say(&other, "ping");
	json_decref(of_type(visitor_next(&other), "pong"));
	visitor_leave(&first);
	visitor_leave(&second);
	visitor_leave(&other);
	host_close(&host);
}

static void subscriptions_of_one_user(void **state)
{
	struct host host;
	struct visitor first, second;
	json_t *message;

	(void)state;
	user_host(&host, "max_rooms_per_user", "2", NULL);
	wsm_room_rule_set(host.runtime, wsm__str("*"), wsm__str("subscribe"), wsm__str("authenticated"), NULL);
	enter_as(&host, &first, "ada");
	enter_as(&host, &second, "ada");
	visitor_say(&first, "{\"action\":\"subscribe\",\"room\":\"a\"}");
	json_decref(of_type(visitor_next(&first), "subscribed"));
	visitor_say(&second, "{\"action\":\"subscribe\",\"room\":\"a\"}");
	json_decref(of_type(visitor_next(&second), "subscribed"));
	visitor_say(&second, "{\"action\":\"subscribe\",\"room\":\"b\"}");
	message = of_type(visitor_next(&second), "error");
	assert_string_equal(text_at(message, "data.code"), "too_many_rooms");
	assert_non_null(strstr(text_at(message, "data.message"), "max_rooms_per_user"));
	json_decref(message);
	visitor_say(&first, "{\"action\":\"unsubscribe\",\"room\":\"a\"}");
	json_decref(of_type(visitor_next(&first), "unsubscribed"));
	visitor_say(&second, "{\"action\":\"subscribe\",\"room\":\"b\"}");
	json_decref(of_type(visitor_next(&second), "subscribed"));
	assert_int_equal(broken(&host, "max_rooms_per_user"), 1);
	visitor_leave(&first);
	visitor_leave(&second);
	host_close(&host);
}

/* ---- counters --------------------------------------------------------------------------------------------------- */

static void each_limit_has_a_line_in_the_metrics(void **state)
{
	struct host host;
	wsm_question question = { .kind = WSM_QUERY_METRICS };
	wsm_text text;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(wsm_query(host.runtime, &question, &text, NULL), WSM_OK);
	assert_non_null(strstr(text.data, "\nws_manager_limits_broken_total{limit=\"byte_rate_per_ip\"} 0\n"));
	assert_non_null(strstr(text.data, "\nws_manager_offences_total{kind=\"handshake\"} 0\n"));
	assert_non_null(strstr(text.data, "\nws_manager_banned 0\n"));
	wsm_text_free(&text);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_many_messages_are_refused_with_a_hint),
		cmocka_unit_test(a_raw_client_over_its_rate_leaves_a_line),
		cmocka_unit_test(too_many_bytes),
		cmocka_unit_test(a_message_of_many_values_counts_for_more),
		cmocka_unit_test(a_flood_of_pings),
		cmocka_unit_test(a_flood_of_pongs),
		cmocka_unit_test(subscriptions_cost_and_pings_do_not),
		cmocka_unit_test(a_long_history_costs_more),
		cmocka_unit_test(connections_of_one_address_share_a_rate),
		cmocka_unit_test(connections_of_one_address_share_bytes),
		cmocka_unit_test(exempt_addresses_have_no_rate_of_their_own),
		cmocka_unit_test(connections_of_one_user),
		cmocka_unit_test(connections_of_one_user_share_a_rate),
		cmocka_unit_test(subscriptions_of_one_user),
		cmocka_unit_test(each_limit_has_a_line_in_the_metrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
