/* The oracle of the load clients (tests/client/oracle.h) sees what it is there to see: each promise broken once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tests/client/oracle.h"

struct scene {
	struct oracle oracle;
	struct oracle_place place;
};

static void placed(struct scene *scene, const char *epoch, unsigned offset, bool recovered)
{
	char json[128];

	scene->place.phase = ORACLE_ASKED;
	snprintf(json, sizeof(json), "{\"epoch\":\"%s\",\"offset\":%u,\"recovered\":%s}", epoch, offset,
	         recovered ? "true" : "false");
	oracle_placed(&scene->oracle, &scene->place, json);
}

static void published(struct scene *scene, unsigned offset, unsigned n)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"type\":\"bench\",\"data\":{\"n\":%u},\"room\":\"r\",\"offset\":%u}", n,
	         offset);
	oracle_published(&scene->oracle, &scene->place, json);
}

/* At position 10 of epoch "a", with a history of 5. */
static void begin(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->oracle.history = 5;
	placed(scene, "a", 9, false);
	published(scene, 10, 10);
	assert_int_equal(scene->oracle.told, 0); /* it had named no position */
}

static void assert_faults(const struct scene *scene, unsigned silent, unsigned duplicates, unsigned wrong,
                          unsigned needless)
{
	assert_int_equal(scene->oracle.silent, silent);
	assert_int_equal(scene->oracle.duplicates, duplicates);
	assert_int_equal(scene->oracle.wrong, wrong);
	assert_int_equal(scene->oracle.needless, needless);
	assert_int_equal(scene->oracle.first_fault[0] != '\0', silent + duplicates + wrong + needless > 0);
}

static void a_contiguous_run_is_no_fault(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	published(&scene, 11, 11);
	placed(&scene, "a", 13, true); /* back again: what was missed follows */
	published(&scene, 12, 12);
	published(&scene, 13, 13);
	assert_faults(&scene, 0, 0, 0, 0);
	assert_int_equal(scene.oracle.messages, 4);
	assert_int_equal(scene.oracle.recovered, 1);
}

static void what_is_told_is_no_fault(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	placed(&scene, "b", 2, false); /* the server was restarted */
	published(&scene, 3, 3);
	oracle_left_out(&scene.oracle, &scene.place, "{\"type\":\"gap\",\"data\":{\"offset\":7,\"missed\":4}}");
	published(&scene, 8, 8);
	placed(&scene, "b", 14, false); /* away for longer than history reaches */
	assert_faults(&scene, 0, 0, 0, 0);
	assert_int_equal(scene.oracle.told, 2);
	assert_int_equal(scene.oracle.gaps, 1);
}

static void a_silent_gap_is_seen(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	published(&scene, 13, 13);
	assert_faults(&scene, 2, 0, 0, 0);
}

static void a_gap_after_recovery_is_seen(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	placed(&scene, "a", 13, true);
	published(&scene, 12, 12);
	assert_faults(&scene, 1, 0, 0, 0);
}

static void duplicates_and_disorder_are_seen(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	published(&scene, 10, 10);
	published(&scene, 9, 9);
	assert_faults(&scene, 0, 2, 0, 0);
}

static void contradictions_are_seen(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	published(&scene, 11, 12);    /* another publication at that offset */
	placed(&scene, "b", 1, true); /* recovered in an epoch that was not named */
	scene.place.phase = ORACLE_OUT;
	published(&scene, 12, 12); /* after it has left */
	scene.place.phase = ORACLE_IN;
	oracle_left_out(&scene.oracle, &scene.place, "{\"type\":\"gap\",\"data\":{\"offset\":20,\"missed\":3}}");
	oracle_placed(&scene.oracle, &scene.place, NULL); /* a greeting without the room */
	assert_faults(&scene, 0, 0, 5, 0);
}

static void a_needless_reset_is_seen(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	placed(&scene, "a", 15, false);
	assert_faults(&scene, 0, 0, 0, 1);
}

static void a_room_that_begins_anew_is_told(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	oracle_left_out(&scene.oracle, &scene.place,
	                "{\"type\":\"gap\",\"data\":{\"epoch\":\"b\",\"offset\":3,\"missed\":0}}");
	published(&scene, 4, 0); /* of somebody who does not know where the room stands */
	published(&scene, 5, 5);
	assert_faults(&scene, 0, 0, 0, 0);
	assert_int_equal(scene.oracle.gaps, 1);
	placed(&scene, "b", 5, true);
	assert_faults(&scene, 0, 0, 0, 0);
}

static void said(struct scene *scene, unsigned offset, const char *id)
{
	char json[128];

	snprintf(json, sizeof(json), "{\"data\":{\"n\":0},\"offset\":%u,\"message_id\":\"%s\"}", offset, id);
	oracle_published(&scene->oracle, &scene->place, json);
}

/* Whoever sees it: another client, or the same one in another life. */
static void an_offset_of_two_messages_is_seen(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	scene.oracle.remembers = true;
	said(&scene, 11, "first");
	placed(&scene, "a", 10, false);
	said(&scene, 11, "first");
	placed(&scene, "b", 10, false);
	said(&scene, 11, "another");
	scene.place.room = 1;
	placed(&scene, "a", 10, false);
	said(&scene, 11, "of another room");
	assert_int_equal(scene.oracle.twice, 0);
	scene.place.room = 0;
	placed(&scene, "a", 10, false);
	for (unsigned i = 11; i < 4000; i++) {
		char id[16];

		snprintf(id, sizeof(id), i == 11 ? "another" : "%u", i);
		said(&scene, i, id);
	}
	assert_int_equal(scene.oracle.twice, 1);
	placed(&scene, "a", 3998, false);
	said(&scene, 3999, "another");
	assert_int_equal(scene.oracle.twice, 2);
	free(scene.oracle.seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_contiguous_run_is_no_fault),
		cmocka_unit_test(what_is_told_is_no_fault),
		cmocka_unit_test(a_silent_gap_is_seen),
		cmocka_unit_test(a_gap_after_recovery_is_seen),
		cmocka_unit_test(duplicates_and_disorder_are_seen),
		cmocka_unit_test(contradictions_are_seen),
		cmocka_unit_test(a_needless_reset_is_seen),
		cmocka_unit_test(a_room_that_begins_anew_is_told),
		cmocka_unit_test(an_offset_of_two_messages_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
