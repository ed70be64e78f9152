/* The Origin check: who may connect, and everything that only looks like them. */
#include "exact.h"

#include "policy/origin.h"

/* `list` is comma-separated, or NULL. */
static bool allowed(const char *origin, const char *host, const char *list)
{
	wsm_slice entries[8], o = exact_str(origin), h = exact_str(host), l = exact_str(list ? list : "");
	size_t n = 0, start = 0;
	bool result;

	for (size_t i = 0; list && i <= l.len; i++) {
		if (i == l.len || l.data[i] == ',') {
			entries[n++] = wsm__slice(l.data + start, i - start);
			start = i + 1;
		}
	}
	result = wsm__origin_allowed(o, h, false, entries, n);
	drop(o);
	drop(h);
	drop(l);
	return result;
}

/* Each case is origin, host, and optionally the list of allowed origins. */
static void assert_all(const char *const cases[][3], size_t n, bool expected)
{
	for (size_t i = 0; i < n; i++)
		if (allowed(cases[i][0], cases[i][1], cases[i][2]) != expected)
			fail_msg("%s -> %s (%s)", cases[i][0], cases[i][1], cases[i][2] ? cases[i][2] : "");
}

#define ALLOWED(...)                                                                                                   \
	do {                                                                                                           \
		const char *const cases_[][3] = { __VA_ARGS__ };                                                       \
		assert_all(cases_, sizeof(cases_) / sizeof(cases_[0]), true);                                          \
	} while (0)
#define REFUSED(...)                                                                                                   \
	do {                                                                                                           \
		const char *const cases_[][3] = { __VA_ARGS__ };                                                       \
		assert_all(cases_, sizeof(cases_) / sizeof(cases_[0]), false);                                         \
	} while (0)

static void clients_that_are_no_browsers_have_no_origin(void **state)
{
	(void)state;
	assert_true(wsm__origin_allowed(wsm__slice(NULL, 0), wsm__str("example.com"), false, NULL, 0));
	assert_true(wsm__origin_allowed(wsm__slice(NULL, 0), wsm__slice(NULL, 0), false, NULL, 0));
}

static void the_same_host_and_port_is_allowed(void **state)
{
	(void)state;
	ALLOWED({ "https://example.com", "example.com" }, { "http://example.com", "example.com" },
	        { "https://example.com", "example.com:443" }, { "http://example.com", "example.com:80" },
	        { "https://example.com:443", "example.com" }, { "http://example.com:8080", "example.com:8080" },
	        { "https://EXAMPLE.com", "example.COM" }, { "HTTPS://example.com", "example.com:443" },
	        { "http://192.0.2.1:8000", "192.0.2.1:8000" }, { "http://my_host", "my_host" });
}

static void another_port_or_host_is_another_origin(void **state)
{
	(void)state;
	REFUSED({ "https://example.com:8443", "example.com" }, { "http://example.com", "example.com:8080" },
	        { "http://example.com", "example.com:443" }, { "https://example.com", "example.com:80" },
	        { "https://other.com", "example.com" }, { "https://www.example.com", "example.com" },
	        { "https://example.com", "www.example.com" }, { "https://example.com.", "example.com" },
	        { "https://example.com", "" }, { "https://example.com", "example.com:" },
	        { "https://example.com", "example.com:443x" }, { "https://example.com", "a b" });
	assert_false(wsm__origin_allowed(wsm__str("https://example.com"), wsm__slice(NULL, 0), false, NULL, 0));
}

static void look_alikes_are_refused(void **state)
{
	(void)state;
	REFUSED({ "https://example.com.evil.net", "example.com" }, { "https://evil-example.com", "example.com" },
	        { "https://evilexample.com", "example.com" }, { "https://example.com@evil.net", "example.com" },
	        { "https://example.com:443@evil.net", "example.com" },
	        { "https://evil.net#example.com", "example.com" }, { "https://evil.net/example.com", "example.com" },
	        { "https://evil.net?example.com", "example.com" }, { "https://evil.net\\example.com", "example.com" },
	        { "https://example.com%2eevil.net", "example.com" }, { "https://ex\xc3\xa4mple.com", "example.com" },
	        { "https://\xd0\xb5xample.com", "example.com" }, { "https://example.com evil.net", "example.com" },
	        { "https://example.com\n", "example.com" }, { "https://example.com,https://evil.net", "example.com" });
	REFUSED({ "https://example.com.evil.net", "h", "https://example.com" },
	        { "https://evil-example.com", "h", "https://example.com" },
	        { "https://example.com@evil.net", "h", "https://example.com" },
	        { "https://evil.net/https://example.com", "h", "https://example.com" },
	        { "https://example.co", "h", "https://example.com" },
	        { "https://example.comm", "h", "https://example.com" });
}

static void unparsable_origins_are_refused(void **state)
{
	(void)state;
	REFUSED({ "null", "null" }, { "null", "localhost" }, { "example.com", "example.com" },
	        { "//example.com", "example.com" }, { "https:example.com", "example.com" },
	        { "https:/example.com", "example.com" }, { "https://", "" }, { "https://:443", ":443" },
	        { "https://example.com/", "example.com" }, { "https://example.com:", "example.com" },
	        { "https://example.com:0", "example.com:0" }, { "https://example.com:0443", "example.com" },
	        { "https://example.com:65536", "example.com:65536" },
	        { "https://example.com:99999999999", "example.com" }, { "https://example.com:-1", "example.com" },
	        { "https://example.com:4 3", "example.com" }, { "https://user@example.com", "example.com" },
	        { "https://user:pw@example.com", "example.com" }, { " https://example.com", "example.com" },
	        { "https ://example.com", "example.com" }, { "1https://example.com", "example.com" },
	        { "://example.com", "example.com" }, { "https://.com", ".com" },
	        { "https://*.example.com", "*.example.com" }, { "https://example.com:*", "example.com:*" },
	        { "*", "*" });
	assert_false(wsm__origin_allowed(wsm__slice("https://example.com\0.evil.net", 29), wsm__str("example.com"),
	                                 false, NULL, 0));
}

static void an_endless_origin_is_refused(void **state)
{
	char origin[1024];

	(void)state;
	memset(origin, 'a', sizeof(origin) - 1);
	memcpy(origin, "https://", 8);
	origin[sizeof(origin) - 1] = '\0';
	assert_false(allowed(origin, origin + 8, NULL));
	memcpy(origin + 600, ".example.com", 13);
	assert_false(allowed(origin, "api", "https://*.example.com"));
	memset(origin + 600, 'a', 13);
	memcpy(origin + 500, ".example.com", 13);
	assert_true(allowed(origin, "api", "https://*.example.com"));
	memset(origin + 500, 'a', 13);
	origin[512] = '\0';
	assert_true(allowed(origin, origin + 8, NULL));
}

static void an_origin_cut_off_at_any_byte_is_refused(void **state)
{
	static const char *const origins[] = { "https://example.com:8443", "http://[2001:db8::1]:8080" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		wsm_slice host = wsm__str(strstr(origins[i], "//") + 2);

		assert_true(wsm__origin_allowed(wsm__str(origins[i]), host, false, NULL, 0));
		for (size_t len = 1; len < strlen(origins[i]); len++) {
			wsm_slice copy = exact(origins[i], len);

			assert_false(wsm__origin_allowed(copy, host, false, NULL, 0));
			drop(copy);
		}
	}
}

static void loopback_pages_may_reach_loopback_servers_on_any_port(void **state)
{
	(void)state;
	ALLOWED({ "http://localhost:3000", "localhost:8000" }, { "http://localhost:3000", "127.0.0.1:8000" },
	        { "http://127.0.0.1:3000", "localhost" }, { "https://127.9.9.9", "[::1]:8000" },
	        { "http://[::1]:3000", "localhost:8000" }, { "http://LOCALHOST", "127.0.0.1:1" },
	        { "http://[::ffff:127.0.0.1]", "localhost:8" }, { "http://[0:0:0:0:0:0:0:1]", "[::1]:9" });
	REFUSED({ "http://localhost:3000", "example.com" }, { "http://evil.net", "localhost:8000" },
	        { "http://localhost.evil.net", "localhost" }, { "http://evillocalhost", "localhost" },
	        { "http://127.0.0.1.evil.net", "127.0.0.1" }, { "http://128.0.0.1", "127.0.0.1" },
	        { "http://0.0.0.0", "127.0.0.1" }, { "http://2130706433", "127.0.0.1" },
	        { "http://127.1", "127.0.0.1" }, { "http://0x7f.0.0.1", "127.0.0.1" }, { "http://[::2]", "[::1]" },
	        { "chrome-extension://localhost", "localhost" }, { "null", "127.0.0.1" });
}

static void ipv6_hosts_compare_by_value(void **state)
{
	(void)state;
	ALLOWED({ "http://[2001:db8::1]", "[2001:db8::1]" }, { "http://[2001:DB8:0:0::1]:80", "[2001:db8::1]" },
	        { "http://[2001:db8::1]:8000", "[2001:db8:0::1]:8000" });
	REFUSED({ "http://[2001:db8::1]", "[2001:db8::2]" }, { "http://[2001:db8::1]:1", "[2001:db8::1]:2" },
	        { "http://[2001:db8::1", "[2001:db8::1" }, { "http://2001:db8::1", "2001:db8::1" },
	        { "http://[]", "[]" }, { "http://[::1]x", "[::1]x" }, { "http://[::1].evil.net", "[::1]" },
	        { "http://[::1%25lo]", "[::1%25lo]" }, { "http://[127.0.0.1]", "[127.0.0.1]" },
	        { "http://[v1.x]", "[v1.x]" });
}

static void listed_origins_are_allowed(void **state)
{
	(void)state;
	ALLOWED({ "https://app.example.com", "api", "https://x.org,https://app.example.com" },
	        { "https://APP.example.com:443", "api", "HTTPS://app.EXAMPLE.com" },
	        { "https://app.example.com", "api", "https://app.example.com:443" },
	        { "http://app.example.com:3000", "api", "http://app.example.com:3000" },
	        { "capacitor://localhost", "api", "capacitor://localhost" },
	        { "chrome-extension://abcdef", "api", "chrome-extension://abcdef" },
	        { "http://[2001:db8::1]", "api", "http://[2001:db8:0::1]" });
	REFUSED({ "http://app.example.com", "api", "https://app.example.com" },
	        { "https://app.example.com:8443", "api", "https://app.example.com" },
	        { "https://example.com", "api", "https://app.example.com" },
	        { "capacitor://localhost", "localhost", "http://localhost" }, { "null", "api", "null" },
	        { "https://app.example.com", "api", "app.example.com" },
	        { "https://app.example.com", "api", "https://app.example.com/" });
}

static void an_entry_may_leave_the_port_open(void **state)
{
	(void)state;
	ALLOWED({ "http://dev.example.com:3000", "api", "http://dev.example.com:*" },
	        { "http://dev.example.com", "api", "http://dev.example.com:*" });
	REFUSED({ "https://dev.example.com:3000", "api", "http://dev.example.com:*" },
	        { "http://dev.example.com.evil.net:3000", "api", "http://dev.example.com:*" });
}

static void an_entry_may_name_all_subdomains(void **state)
{
	(void)state;
	ALLOWED({ "https://a.example.com", "api", "https://*.example.com" },
	        { "https://a.b.example.com", "api", "https://*.example.com" },
	        { "https://A.EXAMPLE.com", "api", "https://*.example.com" },
	        { "https://a.example.com:99", "api", "https://*.example.com:*" });
	REFUSED({ "https://example.com", "api", "https://*.example.com" },
	        { "https://.example.com", "api", "https://*.example.com" },
	        { "https://evilexample.com", "api", "https://*.example.com" },
	        { "https://evil-example.com", "api", "https://*.example.com" },
	        { "https://a.example.com.evil.net", "api", "https://*.example.com" },
	        { "https://a.example.com:99", "api", "https://*.example.com" },
	        { "http://a.example.com", "api", "https://*.example.com" }, { "http://[::1]", "api", "http://*.[::1]" },
	        { "https://*.example.com", "api", "https://example.com" },
	        { "https://*.example.com", "api", "https://*.example.com" });
}

static void a_star_lets_everything_through(void **state)
{
	(void)state;
	ALLOWED({ "https://evil.net", "api", "*" }, { "null", "api", "https://x.org,*" }, { "file://", "api", "*" });
}

static void entries_that_could_never_match_are_found_out(void **state)
{
	static const char *const good[] = { "*",
	                                    "https://a.com",
	                                    "http://a.com:8080",
	                                    "http://a.com:*",
	                                    "https://*.a.com",
	                                    "https://*.a.com:*",
	                                    "http://[::1]:3000",
	                                    "chrome-extension://abc" };
	static const char *const bad[] = { "",
	                                   "null",
	                                   "a.com",
	                                   "https://",
	                                   "https://a.com/",
	                                   "https://a.com/path",
	                                   "https://*",
	                                   "https://a.*.com",
	                                   "*.a.com",
	                                   "https://a.com:",
	                                   "https://a.com:0",
	                                   "https://*.[::1]",
	                                   "https://*.",
	                                   "https://u@a.com",
	                                   "**",
	                                   "https://a.com https://b.com" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!wsm__origin_entry_valid(wsm__str(good[i])))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (wsm__origin_entry_valid(wsm__str(bad[i])))
			fail_msg("%s", bad[i]);
}

static void loopback_addresses_are_known_in_all_their_forms(void **state)
{
	static const char *const good[] = { "127.0.0.1",       "127.255.255.254",  "::1",
	                                    "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::FFFF:7f12:3456" };
	static const char *const bad[] = { "",        "localhost",        "128.0.0.1",   "126.255.255.255",
	                                   "127.0.0", "127.0.0.1.1",      "0.0.0.0",     "::",
	                                   "::2",     "::ffff:128.0.0.1", "::127.0.0.1", "::1%lo",
	                                   "[::1]",   "127.0.0.1 ",       "127.0.0.01x", "1::1" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(wsm__ip_is_loopback(wsm__str(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(wsm__ip_is_loopback(wsm__str(bad[i])));
	assert_false(wsm__ip_is_loopback(wsm__slice(NULL, 0)));
	assert_false(wsm__ip_is_loopback(wsm__slice("127.0.0.1\0x", 11)));
}

/* Over TLS a page of the same host must have come over TLS itself; the rest of the rules stays. */
static void over_tls(void **state)
{
	const wsm_slice listed = wsm__str("http://app.example.com");

	(void)state;
	assert_true(wsm__origin_allowed(wsm__str("https://example.com"), wsm__str("example.com"), true, NULL, 0));
	assert_true(
		wsm__origin_allowed(wsm__str("https://example.com:8443"), wsm__str("example.com:8443"), true, NULL, 0));
	assert_true(wsm__origin_allowed(wsm__str("https://example.com"), wsm__str("example.com:443"), true, NULL, 0));
	assert_false(wsm__origin_allowed(wsm__str("http://example.com"), wsm__str("example.com"), true, NULL, 0));
	assert_false(
		wsm__origin_allowed(wsm__str("http://example.com:8443"), wsm__str("example.com:8443"), true, NULL, 0));
	assert_false(wsm__origin_allowed(wsm__str("https://example.com"), wsm__str("example.com:8443"), true, NULL, 0));
	assert_true(wsm__origin_allowed(wsm__str("http://localhost:3000"), wsm__str("localhost:8443"), true, NULL, 0));
	assert_true(wsm__origin_allowed(listed, wsm__str("api.example.com"), true, &listed, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_that_are_no_browsers_have_no_origin),
		cmocka_unit_test(the_same_host_and_port_is_allowed),
		cmocka_unit_test(another_port_or_host_is_another_origin),
		cmocka_unit_test(look_alikes_are_refused),
		cmocka_unit_test(unparsable_origins_are_refused),
		cmocka_unit_test(an_endless_origin_is_refused),
		cmocka_unit_test(an_origin_cut_off_at_any_byte_is_refused),
		cmocka_unit_test(loopback_pages_may_reach_loopback_servers_on_any_port),
		cmocka_unit_test(ipv6_hosts_compare_by_value),
		cmocka_unit_test(listed_origins_are_allowed),
		cmocka_unit_test(an_entry_may_leave_the_port_open),
		cmocka_unit_test(an_entry_may_name_all_subdomains),
		cmocka_unit_test(a_star_lets_everything_through),
		cmocka_unit_test(entries_that_could_never_match_are_found_out),
		cmocka_unit_test(loopback_addresses_are_known_in_all_their_forms),
		cmocka_unit_test(over_tls),
	};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
