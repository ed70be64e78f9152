/* What is asked of a store, and done to it, without a runtime; and backups of one that is in use. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "store/backup.h"
#include "store_scene.h"

static void assert_says(const wsm_error *error, const char *text)
{
	if (!strstr(error->message, text))
		fail_msg("\"%s\" does not say \"%s\"", error->message, text);
}

static struct wsm__store_open_room fill(struct scene *scene, size_t n)
{
	struct wsm__store_open_room room;

	scene_open(scene);
	room = scene_room(scene, "orders");
	scene_fill(scene, room.handle, n, wsm__unix_ms());
	return room;
}

static void info_says_what_is_in_it_and_who_has_it(void **state)
{
	struct scene *scene = scene_new();
	wsm_error error;
	wsm_text text;

	(void)state;
	assert_int_equal(wsm_store_info(scene->path, &text, &error), WSM_ECONFIG);
	assert_says(&error, "there is no file");
	fill(scene, 12);
	assert_int_equal(wsm_store_info(scene->path, &text, &error), WSM_OK);
	assert_non_null(strstr(text.data, "\"rooms\":1,\"messages\":12,\"bytes\":15,"));
	assert_non_null(strstr(text.data, "\"schema\":1"));
	assert_non_null(strstr(text.data, "\"state\":\"running\",\"sync\":\"normal\",\"used_by\":\"process "));
	wsm_text_free(&text);
	assert_int_equal(wsm_store_check(scene->path, &error), WSM_OK);
	scene_close(scene);
	assert_int_equal(wsm_store_info(scene->path, &text, &error), WSM_OK);
	assert_non_null(strstr(text.data, "\"state\":\"clean\",\"sync\":\"normal\",\"used_by\":\"\""));
	wsm_text_free(&text);
	scene_free(scene);
}

static void check_finds_damage_and_holes(void **state)
{
	struct scene *scene = scene_new();
	wsm_error error;
	sqlite3 *db;
	char junk[4096];
	int fd;

	(void)state;
	fill(scene, 20000);
	scene_close(scene);
	assert_int_equal(wsm_store_check(scene->path, &error), WSM_OK);
	assert_int_equal(sqlite3_open(scene->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM messages WHERE id & 549755813887 = 700", NULL, NULL, NULL),
	                 SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(wsm_store_check(scene->path, &error), WSM_ECONFIG);
	assert_says(&error, "missing in the middle of room orders");
	memset(junk, 0x77, sizeof(junk));
	fd = open(scene->path, O_WRONLY);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 4096 * 20), sizeof(junk));
	close(fd);
	assert_int_equal(wsm_store_check(scene->path, &error), WSM_ECONFIG);
	assert_says(&error, "is damaged");
	scene_free(scene);
}

static void new_epochs_are_given_while_nobody_has_it(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room = fill(scene, 3), again;
	uint64_t n;
	wsm_error error;

	(void)state;
	assert_int_equal(wsm_store_new_epoch(scene->path, &n, &error), WSM_ELOCKED);
	assert_says(&error, "belongs to process");
	scene_close(scene);
	assert_int_equal(wsm_store_new_epoch(scene->path, &n, &error), WSM_OK);
	assert_int_equal(n, 1);
	scene_open(scene);
	again = scene_room(scene, "orders");
	assert_string_not_equal(again.epoch, room.epoch);
	assert_int_equal(again.top, 3);
	scene_free(scene);
}

static void prune_lets_the_oldest_go(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room, other;
	uint64_t now = wsm__unix_ms(), n;
	wsm_error error;

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders:1");
	other = scene_room(scene, "others");
	scene_fill(scene, room.handle, 15000, now - 5000);
	scene_fill(scene, room.handle, 10, now);
	scene_fill(scene, other.handle, 7, now - 5000);
	scene_close(scene);
	assert_int_equal(wsm_store_prune(scene->path, wsm__str("orders:*"), now - 1000, &n, &error), WSM_OK);
	assert_int_equal(n, 15000);
	scene_open(scene);
	room = scene_room(scene, "orders:1");
	assert_int_equal(room.first, 15001);
	assert_int_equal(room.top, 15010);
	assert_int_equal(scene_room(scene, "others").first, 1);
	scene_close(scene);
	assert_int_equal(wsm_store_prune(scene->path, wsm__str("others"), now, &n, &error), WSM_OK);
	assert_int_equal(n, 7);
	assert_int_equal(wsm_store_prune(scene->path, wsm__str(""), now + 1, &n, &error), WSM_OK);
	assert_int_equal(n, 10);
	scene_open(scene);
	assert_int_equal(scene_append(scene, scene_room(scene, "orders:1").handle, "x"), 15011);
	assert_int_equal(scene_append(scene, scene_room(scene, "others").handle, "x"), 8);
	scene_free(scene);
}

/* Publishes on until told to stop. */
struct busy {
	struct scene *scene;
	uint64_t handle;
	atomic_bool stop;
	atomic_ullong last;
};

static void *publish(void *data)
{
	struct busy *busy = data;

	while (!atomic_load(&busy->stop))
		atomic_store(&busy->last, scene_append(busy->scene, busy->handle, "0123456789"));
	return NULL;
}

static void a_backup_is_made_while_it_is_appended_to(void **state)
{
	struct scene *scene = scene_new(), *copy = scene_new();
	struct wsm__store_open_room room = fill(scene, 5000), restored;
	struct wsm__store_read page;
	struct busy busy = { .scene = scene, .handle = room.handle };
	pthread_t thread;
	wsm_error error;

	(void)state;
	pthread_create(&thread, NULL, publish, &busy);
	for (int i = 0; i < 5 || atomic_load(&busy.last) <= 5000; i++)
		if (wsm_store_backup(scene->path, copy->path, &error) != WSM_OK)
			fail_msg("%s", error.message);
	atomic_store(&busy.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(wsm_store_check(copy->path, &error), WSM_OK);
	scene_open(copy);
	restored = scene_room(copy, "orders");
	assert_in_range(restored.top, 5000, busy.last);
	assert_string_not_equal(restored.epoch, room.epoch); /* it is not where the original goes on */
	assert_true(scene_logged(copy, "it is a backup"));
	page = scene_read(copy, restored.handle, 0, 10000);
	assert_int_equal(page.n_rows, restored.top < 10000 ? restored.top : 10000);
	wsm__store_job_fini(&page.job);
	scene_free(copy);
	scene_free(scene);
}

static void a_backup_replaces_nothing_that_is_in_use(void **state)
{
	struct scene *scene = scene_new(), *other = scene_new();
	wsm_error error;

	(void)state;
	fill(scene, 5);
	fill(other, 5);
	assert_int_equal(wsm_store_backup(scene->path, scene->path, &error), WSM_ECONFIG);
	assert_says(&error, "is the store itself");
	assert_int_equal(wsm_store_backup(scene->path, other->path, &error), WSM_ELOCKED);
	assert_int_equal(wsm_store_backup(scene->path, "/nonexistent/x", &error), WSM_ECONFIG);
	assert_says(&error, "make it first");
	scene_free(other);
	scene_free(scene);
}

/* Backs up to scene->folder/name, with something there already; the refusal leaves it as it is. */
static void assert_refused(struct scene *scene, const char *make, const char *name, const char *why)
{
	char command[600], to[200];
	wsm_error error;

	snprintf(command, sizeof(command), "cd '%s' && %s", scene->folder, make);
	assert_int_equal(system(command), 0);
	snprintf(to, sizeof(to), "%s/%s", scene->folder, name);
	error.message[0] = '\0';
	assert_int_equal(wsm_store_backup(scene->path, to, &error), WSM_ECONFIG);
	assert_says(&error, why);
}

static void a_backup_has_a_name_of_its_own(void **state)
{
	static const char *const ends[] = { "-wal", "-shm", "-lock", "-journal", ".part" };
	struct scene *scene = scene_new();
	char name[40];

	(void)state;
	fill(scene, 5);
	scene_close(scene);
	for (size_t i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "x%s", ends[i]);
		assert_refused(scene, "true", name, "name another file");
	}
	assert_refused(scene, "true", "x.part/", "ends in .part");
	scene_free(scene);
}

static void a_backup_replaces_only_a_backup(void **state)
{
	struct scene *scene = scene_new();
	char command[300], link_to[200];
	wsm_error error;

	(void)state;
	fill(scene, 5);
	scene_close(scene);
	assert_refused(scene, "echo precious > text && ln -s text link", "text", "no earlier backup");
	assert_refused(scene, ": > empty", "empty", "no earlier backup");
	assert_refused(scene, "true", "link", "is a symbolic link");
	assert_refused(scene, "ln -s nowhere dangling", "dangling", "is a symbolic link");
	assert_refused(scene, "true", "dangling/", "is a symbolic link");
	assert_refused(scene, "mkfifo pipe", "pipe", "no regular file");
	assert_refused(scene, "test \"$(cat text)\" = precious && mkdir folder", "folder", "no regular file");
	snprintf(command, sizeof(command), "cp '%s' store", scene->path);
	assert_refused(scene, command, "store", "no earlier backup");
	snprintf(command, sizeof(command), "ln '%s' same", scene->path);
	assert_refused(scene, command, "same", "is the store itself");
	snprintf(link_to, sizeof(link_to), "%s/a%%b?#", scene->folder);
	for (size_t i = 0; i < 2; i++)
		if (wsm_store_backup(scene->path, link_to, &error) != WSM_OK)
			fail_msg("%s", error.message);
	assert_int_equal(wsm_store_check(scene->path, &error), WSM_OK);
	scene_free(scene);
}

static void a_foreign_part_stays(void **state)
{
	struct scene *scene = scene_new();
	char command[300];
	wsm_error error;

	(void)state;
	fill(scene, 5);
	scene_close(scene);
	assert_refused(scene, "echo precious > a.part", "a", "remove it first");
	assert_refused(scene, "test \"$(cat a.part)\" = precious && ln -s a.part b.part", "b", "remove it first");
	assert_refused(scene, "mkfifo c.part", "c", "remove it first");
	snprintf(command, sizeof(command), "ln '%s' d.part", scene->path);
	assert_refused(scene, command, "d", "remove it first");
	snprintf(command, sizeof(command), "cp '%s' e.part && : > e.part-lock", scene->path);
	assert_refused(scene, command, "e", "remove it first");
	assert_int_equal(wsm_store_check(scene->path, &error), WSM_OK);
	scene_free(scene);
}

/* As one that died in the middle of the copy leaves it: the first page says what it is, and the journal is hot. */
static void a_part_that_was_left_half_written_is_made_anew(void **state)
{
	struct scene *scene = scene_new(), *copy = scene_new();
	char part[200], command[600];
	wsm_error error;
	sqlite3 *db;

	(void)state;
	fill(scene, 5);
	scene_close(scene);
	snprintf(part, sizeof(part), "%s.part", copy->path);
	assert_int_equal(sqlite3_open(part, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA application_id = 2004053297", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	snprintf(command, sizeof(command), "head -c 9000 /dev/zero >> '%s' && echo left > '%s-journal'", part, part);
	assert_int_equal(system(command), 0);
	if (wsm_store_backup(scene->path, copy->path, &error) != WSM_OK)
		fail_msg("%s", error.message);
	assert_int_equal(wsm_store_check(copy->path, &error), WSM_OK);
	snprintf(command, sizeof(command), "! ls '%s'* 2> /dev/null", part);
	assert_int_equal(system(command), 0);
	scene_free(copy);
	scene_free(scene);
}

static void a_damaged_store_is_no_backup(void **state)
{
	struct scene *scene = scene_new(), *copy = scene_new();
	char junk[4096], part[200];
	wsm_error error;
	int fd;

	(void)state;
	fill(scene, 20000);
	scene_close(scene);
	assert_int_equal(wsm_store_backup(scene->path, copy->path, &error), WSM_OK);
	memset(junk, 0x77, sizeof(junk));
	fd = open(scene->path, O_WRONLY);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 4096 * 20), sizeof(junk));
	close(fd);
	assert_int_equal(wsm_store_backup(scene->path, copy->path, &error), WSM_ECONFIG);
	assert_says(&error, "is damaged");
	assert_says(&error, scene->path);
	snprintf(part, sizeof(part), "%s.part", copy->path);
	assert_int_equal(access(part, F_OK), -1);
	assert_int_equal(wsm_store_check(copy->path, &error), WSM_OK);
	scene_free(copy);
	scene_free(scene);
}

/* Comes while another one is at it. */
struct second {
	const char *path, *to;
	int refused;
};

static void come_second(void *context, const char *point)
{
	struct second *second = context;
	wsm_error error;

	(void)point;
	if (wsm_store_backup(second->path, second->to, &error) == WSM_OK)
		return;
	assert_says(&error, "another one is writing");
	assert_says(&error, ".part");
	second->refused++;
}

static void one_backup_at_a_time_is_written_to_a_file(void **state)
{
	struct scene *scene = scene_new(), *copy = scene_new();
	struct second second = { scene->path, copy->path, 0 };
	struct wsm__store_hooks hooks = { .at = come_second, .context = &second };
	wsm_error error;

	(void)state;
	fill(scene, 5);
	scene_close(scene);
	assert_int_equal(wsm__store_backup(scene->path, copy->path, &hooks, &error), WSM_OK);
	assert_int_equal(second.refused, 2);
	assert_int_equal(wsm_store_check(copy->path, &error), WSM_OK);
	scene_free(copy);
	scene_free(scene);
}

static void die(void *context, const char *point)
{
	if (strcmp(point, context) == 0)
		kill(getpid(), SIGKILL);
}

static void a_backup_that_is_interrupted_leaves_the_last_one(void **state)
{
	static char *const points[] = { "backup", "backed up" };
	struct scene *scene = scene_new(), *copy = scene_new();
	wsm_error error;
	int status;

	(void)state;
	fill(scene, 5);
	scene_close(scene);
	assert_int_equal(wsm_store_backup(scene->path, copy->path, &error), WSM_OK);
	for (size_t i = 0; i < 2; i++) {
		struct wsm__store_hooks hooks = { .at = die, .context = points[i] };
		pid_t child = fork();

		if (child == 0)
			_exit(wsm__store_backup(scene->path, copy->path, &hooks, &error));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(wsm_store_check(copy->path, &error), WSM_OK);
		assert_int_equal(wsm_store_backup(scene->path, copy->path, &error), WSM_OK);
	}
	scene_free(copy);
	scene_free(scene);
}

/* A backup is put back after a crash, and the log of the lost file still lies there. */
static void the_log_of_another_file_is_not_mixed_in(void **state)
{
	struct scene *scene = scene_new();
	char command[300], backup[100];
	wsm_error error;
	int status;
	pid_t child;

	(void)state;
	snprintf(backup, sizeof(backup), "%s/backup.db", scene->folder);
	fill(scene, 5);
	assert_int_equal(wsm_store_backup(scene->path, backup, &error), WSM_OK);
	scene_close(scene);
	child = fork();
	if (child == 0) {
		fill(scene, 500);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	snprintf(command, sizeof(command), "cp '%s' '%s'", backup, scene->path);
	assert_int_equal(system(command), 0);
	assert_int_equal(scene_try(scene), WSM_ECONFIG);
	assert_says(&scene->error, "-wal beside it");
	snprintf(command, sizeof(command), "rm '%s-wal' '%s-shm'", scene->path, scene->path);
	assert_int_equal(system(command), 0);
	scene_open(scene);
	assert_int_equal(scene_room(scene, "orders").top, 5);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_says_what_is_in_it_and_who_has_it),
		cmocka_unit_test(check_finds_damage_and_holes),
		cmocka_unit_test(new_epochs_are_given_while_nobody_has_it),
		cmocka_unit_test(prune_lets_the_oldest_go),
		cmocka_unit_test(a_backup_is_made_while_it_is_appended_to),
		cmocka_unit_test(a_backup_replaces_nothing_that_is_in_use),
		cmocka_unit_test(a_backup_has_a_name_of_its_own),
		cmocka_unit_test(a_backup_replaces_only_a_backup),
		cmocka_unit_test(a_foreign_part_stays),
		cmocka_unit_test(a_part_that_was_left_half_written_is_made_anew),
		cmocka_unit_test(a_damaged_store_is_no_backup),
		cmocka_unit_test(one_backup_at_a_time_is_written_to_a_file),
		cmocka_unit_test(a_backup_that_is_interrupted_leaves_the_last_one),
		cmocka_unit_test(the_log_of_another_file_is_not_mixed_in),
	};

	return cmocka_run_group_tests_name("store_tools", tests, NULL, NULL);
}
