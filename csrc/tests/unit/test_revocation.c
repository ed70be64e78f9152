/* The table of what was revoked. */
#include "harness.h"
#include "policy/revocation.h"

static struct wsm__revocations table;

static int make_table(void **state)
{
	static const uint8_t key[16] = { 1, 2, 3 };

	(void)state;
	wsm__revocations_init(&table, 3, key, false);
	return 0;
}

static int drop_table(void **state)
{
	(void)state;
	wsm__revocations_fini(&table);
	return 0;
}

static int revoke(const char *jti, const char *user, uint64_t before, uint64_t until, uint64_t now)
{
	const wsm_revocation what = {
		.jti = wsm__str(jti), .user_id = wsm__str(user), .before_ms = before, .until_ms = until
	};
	wsm_error error = { .status = 0 };
	int status = wsm__revocations_add(&table, &what, now, &error);

	if (status)
		assert_non_null(strstr(error.message, "max_revocations"));
	return status;
}

static bool hit(const char *user, const char *jti, uint64_t issued)
{
	return wsm__revocations_hit(&table, wsm__str(user), wsm__str(jti), issued);
}

static void a_token_by_its_id(void **state)
{
	(void)state;
	assert_false(hit("u1", "t1", 5));
	assert_int_equal(revoke("t1", NULL, 0, 100, 0), WSM_OK);
	assert_true(hit("u1", "t1", 5));
	assert_true(hit("u2", "t1", 0));
	assert_false(hit("u1", "t2", 5));
	assert_false(hit("t1", NULL, 5)); /* a user of that name is somebody else */
}

static void a_user_s_tokens_up_to_a_time(void **state)
{
	(void)state;
	assert_int_equal(revoke(NULL, "u1", 50, 100, 0), WSM_OK);
	assert_true(hit("u1", NULL, 49));
	assert_true(hit("u1", "t1", 0)); /* says not when */
	assert_false(hit("u1", NULL, 50));
	assert_false(hit("u2", NULL, 49));
	assert_false(hit("u2", "u1", 49));
	/* Of two the later holds, and the longer. */
	assert_int_equal(revoke(NULL, "u1", 40, 200, 0), WSM_OK);
	assert_true(hit("u1", NULL, 49));
	assert_int_equal(revoke(NULL, "u1", 60, 90, 0), WSM_OK);
	assert_true(hit("u1", NULL, 59));
	wsm__revocations_expire(&table, 150);
	assert_true(hit("u1", NULL, 59));
	assert_int_equal(wsm__revocations_count(&table), 1);
}

static void it_is_taken_back(void **state)
{
	(void)state;
	revoke("t1", NULL, 0, 100, 0);
	revoke(NULL, "u1", 50, 100, 0);
	assert_int_equal(wsm__revocations_remove(&table, wsm__str("u1"), wsm__str(NULL)), WSM_ENOTFOUND);
	assert_int_equal(wsm__revocations_remove(&table, wsm__str("t1"), wsm__str(NULL)), WSM_OK);
	assert_int_equal(wsm__revocations_remove(&table, wsm__str("t1"), wsm__str(NULL)), WSM_ENOTFOUND);
	assert_false(hit("u2", "t1", 5));
	assert_int_equal(wsm__revocations_remove(&table, wsm__str(NULL), wsm__str("u1")), WSM_OK);
	assert_false(hit("u1", NULL, 5));
	assert_int_equal(wsm__revocations_count(&table), 0);
}

static void a_full_table_refuses_until_something_has_expired(void **state)
{
	(void)state;
	assert_int_equal(revoke("t1", NULL, 0, 100, 0), WSM_OK);
	assert_int_equal(revoke("t2", NULL, 0, 200, 0), WSM_OK);
	assert_int_equal(revoke(NULL, "u1", 50, 300, 0), WSM_OK);
	assert_int_equal(revoke("t3", NULL, 0, 300, 99), WSM_EOVERLOADED);
	assert_int_equal(revoke("t2", NULL, 0, 400, 99), WSM_OK); /* is there already */
	assert_false(hit("u2", "t3", 5));
	assert_int_equal(revoke("t3", NULL, 0, 300, 100), WSM_OK);
	assert_true(hit("u2", "t3", 5));
	assert_false(hit("u2", "t1", 5));
	assert_int_equal(wsm__revocations_count(&table), 3);
}

static void the_list_names_both(void **state)
{
	struct wsm__buffer out;
	json_t *list;

	(void)state;
	revoke("t\"1", NULL, 7, 100, 0);
	revoke(NULL, "u1", 50, 200, 0);
	wsm__buffer_init(&out);
	wsm__revocations_list(&table, &out);
	list = json_loadb(out.data, out.len, 0, NULL);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_at(json_array_get(list, 0), "jti"), "t\"1");
	assert_null(at(json_array_get(list, 0), "before"));
	assert_string_equal(text_at(json_array_get(list, 1), "user_id"), "u1");
	assert_int_equal(number_at(json_array_get(list, 1), "before"), 50);
	assert_int_equal(number_at(json_array_get(list, 1), "until"), 200);
	json_decref(list);
	wsm__buffer_fini(&out);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_table, drop_table)
	const struct CMUnitTest tests[] = {
		CASE(a_token_by_its_id),   CASE(a_user_s_tokens_up_to_a_time),
		CASE(it_is_taken_back),    CASE(a_full_table_refuses_until_something_has_expired),
		CASE(the_list_names_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
