/* Room names and ids: what a client may call a room. */
#include "exact.h"

#include "wire/name.h"

static bool room(const char *name, size_t len)
{
	wsm_slice copy = exact(name, len);
	bool result = wsm__room_name_valid(copy);

	drop(copy);
	return result;
}

static void usual_names_are_rooms(void **state)
{
	static const char *const names[] = {
		"a",       "logs",        "project:PROJ-001",         "pipeline:7",       "x@y",
		"a/b?c#d", "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x98\x80", "-",
		"{id}",    "\"quoted\\\""
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!room(names[i], strlen(names[i])))
			fail_msg("%s", names[i]);
}

static void the_cores_own_rooms_cannot_be_named(void **state)
{
	(void)state;
	assert_false(room("@all", 4));
	assert_false(room("@user:1", 7));
	assert_false(room("@", 1));
}

static void spaces_control_characters_and_stars_are_refused(void **state)
{
	static const char *const names[] = {
		"a b",
		" a",
		"a ",
		"*",
		"a*",
		"project:*",
		"a\nb",
		"a\tb",
		"a\r",
		"\x01",
		"a\x1f",
		"a\x7f",
		"a\xc2\x80",
		"a\xc2\x85",
		"a\xc2\x9f", /* C1 */
		"a\xc2\xa0",
		"a\xe1\x9a\x80",
		"a\xe2\x80\x80",
		"a\xe2\x80\x8a",
		"a\xe2\x80\xa8",
		"a\xe2\x80\xa9",
		"a\xe2\x80\xaf",
		"a\xe2\x81\x9f",
		"a\xe3\x80\x80", /* Unicode spaces */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (room(names[i], strlen(names[i])))
			fail_msg("case %zu", i);
	assert_false(room("a\0b", 3));
	assert_false(room("\0", 1));
	/* The neighbours of the ranges are letters. */
	assert_true(room("\xc2\xa1", 2));
	assert_true(room("\xe2\x80\x8b", 3));
}

static void bytes_that_are_not_utf8_are_refused(void **state)
{
	(void)state;
	assert_false(room("a\xff", 2));
	assert_false(room("\xe2\x82", 2));
	assert_false(room("\xed\xa0\x80", 3));
	assert_false(room("\xc0\xaa", 2)); /* '*' in an overlong form */
	assert_false(room("\xc1\x80"
	                  "all",
	                  5)); /* '@' in an overlong form */
}

static void length_is_counted_in_bytes(void **state)
{
	char name[129];

	(void)state;
	memset(name, 'r', sizeof(name));
	assert_false(room(name, 0));
	assert_false(wsm__room_name_valid(wsm__slice(NULL, 0)));
	assert_true(room(name, 128));
	assert_false(room(name, 129));
	for (size_t i = 0; i < 128; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	assert_true(room(name, 128));
	assert_false(room(name, 127));
}

static void ids_may_have_spaces_stars_and_at_signs(void **state)
{
	char id[121];

	(void)state;
	assert_true(wsm__id_valid(wsm__str("someone@example.com")));
	assert_true(wsm__id_valid(wsm__str("@x * y")));
	assert_false(wsm__id_valid(wsm__str("a\nb")));
	assert_false(wsm__id_valid(wsm__slice("a\0b", 3)));
	assert_false(wsm__id_valid(wsm__str("\xff")));
	assert_false(wsm__id_valid(wsm__slice(NULL, 0)));
	memset(id, 'i', sizeof(id));
	assert_true(wsm__id_valid(wsm__slice(id, 120)));
	assert_false(wsm__id_valid(wsm__slice(id, 121)));
}

static void a_project_s_room_has_its_id(void **state)
{
	wsm_slice id = wsm__str("before");

	(void)state;
	assert_false(wsm__room_project(wsm__str("projects:7"), &id));
	assert_false(wsm__room_project(wsm__str("project"), &id));
	assert_true(wsm__slice_is(id, "before"));
	assert_true(wsm__room_project(wsm__str("project:7:a"), &id));
	assert_true(wsm__slice_is(id, "7:a"));
	assert_true(wsm__room_project(wsm__str("project:"), &id));
	assert_int_equal(id.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_names_are_rooms),
		cmocka_unit_test(the_cores_own_rooms_cannot_be_named),
		cmocka_unit_test(spaces_control_characters_and_stars_are_refused),
		cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
		cmocka_unit_test(length_is_counted_in_bytes),
		cmocka_unit_test(ids_may_have_spaces_stars_and_at_signs),
		cmocka_unit_test(a_project_s_room_has_its_id),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
