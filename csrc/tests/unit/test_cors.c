#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "rest/cors.h"

static char fields[WSM__CORS_MAX];

static bool asks(const char *allowed, const char *origin, bool preflight)
{
	wsm_config *config = wsm_config_new();
	bool answered;

	assert_int_equal(wsm_config_set(config, "allowed_origins", allowed, NULL), WSM_OK);
	answered = wsm__cors_fields(config, wsm__str(origin), preflight, fields);
	wsm_config_free(config);
	assert_true(answered == (fields[0] != '\0'));
	return answered;
}

static void pages_of_named_origins_may_read_with_cookies(void **state)
{
	(void)state;
	assert_true(asks("https://app.example.com", "https://app.example.com", false));
	assert_string_equal(fields, "Access-Control-Allow-Origin: https://app.example.com\r\n"
	                            "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
	assert_true(asks("https://*.example.com,*", "https://a.example.com", true));
	assert_non_null(strstr(fields, "Access-Control-Allow-Credentials: true\r\n"));
	assert_non_null(strstr(fields, "Access-Control-Allow-Methods: GET, POST\r\n"));
	assert_non_null(strstr(fields, "Access-Control-Allow-Headers: authorization, content-type, x-api-key\r\n"));
}

static void pages_of_any_origin_may_read_without(void **state)
{
	(void)state;
	assert_true(asks("*", "https://anybody.example", false));
	assert_string_equal(fields, "Access-Control-Allow-Origin: *\r\n");
}

static void others_may_not(void **state)
{
	static const char *const others[] = { "",
	                                      "null",
	                                      "http://app.example.com",
	                                      "https://app.example.com.evil.example",
	                                      "https://app.example.com\r\nX-Forged: 1",
	                                      "http://localhost" };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(asks("https://app.example.com", others[i], true));
	assert_false(asks("", "https://app.example.com", false));
}

static void a_long_origin_fits_or_is_none(void **state)
{
	char origin[400] = "https://";

	(void)state;
	memset(origin + 8, 'a', 300);
	assert_false(asks("https://app.example.com", origin, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_named_origins_may_read_with_cookies),
		cmocka_unit_test(pages_of_any_origin_may_read_without),
		cmocka_unit_test(others_may_not),
		cmocka_unit_test(a_long_origin_fits_or_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
