/* Opening a store: which files are refused, who has it, which run it was that left it, and what is renewed therefore. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store_scene.h"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void execute(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* All bytes of a file, on the heap. */
static wsm_slice contents(const char *path)
{
	FILE *file = fopen(path, "rb");
	static char bytes[1 << 22];
	size_t n;

	assert_non_null(file);
	n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	assert_true(n < sizeof(bytes));
	return exact(bytes, n);
}

static void assert_refused(struct scene *scene, int status, const char *why)
{
	assert_int_equal(scene_try(scene), status);
	assert_null(scene->store);
	if (!strstr(scene->error.message, why))
		fail_msg("\"%s\" does not say \"%s\"", scene->error.message, why);
}

/* Refused, and left as it was. */
static void assert_untouched(struct scene *scene, const char *why)
{
	wsm_slice before = contents(scene->path), after;

	assert_refused(scene, WSM_ECONFIG, why);
	after = contents(scene->path);
	assert_true(wsm__slice_equal(before, after));
	drop(before);
	drop(after);
}

/* One room "orders" with a message, closed cleanly. Its epoch. */
static struct wsm__store_open_room some(struct scene *scene)
{
	struct wsm__store_open_room room;

	scene_open(scene);
	room = scene_room(scene, "orders");
	assert_int_equal(scene_append(scene, room.handle, "a"), 1);
	scene_close(scene);
	return room;
}

/* The same by a process that dies with the file open. */
static struct wsm__store_open_room some_killed(struct scene *scene)
{
	struct wsm__store_open_room room;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		scene_open(scene);
		room = scene_room(scene, "orders");
		scene_append(scene, room.handle, "a");
		if (write(ends[1], &room, sizeof(room)) != sizeof(room))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(ends[0], &room, sizeof(room)), sizeof(room));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	close(ends[0]);
	close(ends[1]);
	return room;
}

static void assert_epoch(struct scene *scene, const struct wsm__store_open_room *before, bool same)
{
	struct wsm__store_open_room now;
	struct wsm__store_read page;

	scene_open(scene);
	now = scene_room(scene, "orders");
	if (same)
		assert_string_equal(now.epoch, before->epoch);
	else
		assert_string_not_equal(now.epoch, before->epoch);
	assert_int_equal(now.top, 1);
	page = scene_read(scene, now.handle, 0, 10);
	assert_int_equal(page.n_rows, 1);
	wsm__store_job_fini(&page.job);
	assert_int_equal(scene_logged(scene, "new epochs"), !same);
}

static void a_text_is_no_store(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	write_file(scene->path,
	           "This is my diary. It is not short, and it is no database of any kind, but it is mine.\n");
	assert_untouched(scene, "is no store");
	write_file(scene->path, "short");
	assert_untouched(scene, "is no store");
	scene_free(scene);
}

static void the_database_of_something_else_is_no_store(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	execute(scene->path, "CREATE TABLE mine(x); INSERT INTO mine VALUES (1)");
	assert_untouched(scene, "of something else");
	execute(scene->path, "PRAGMA journal_mode = WAL; PRAGMA user_version = 1");
	assert_untouched(scene, "of something else");
	scene_free(scene);
}

static void a_newer_store_is_left_alone(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	some(scene);
	execute(scene->path, "PRAGMA user_version = 99");
	assert_untouched(scene, "newer version");
	assert_non_null(strstr(scene->error.message, "99"));
	scene_free(scene);
}

static void a_damaged_page_is_found(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	char junk[2048];
	int fd;

	(void)state;
	scene_open(scene);
	room = scene_room(scene, "orders");
	scene_fill(scene, room.handle, 20000, wsm__unix_ms());
	scene_close(scene);
	memset(junk, 0x5a, sizeof(junk));
	fd = open(scene->path, O_WRONLY);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 4096 * 30), sizeof(junk));
	close(fd);
	assert_untouched(scene, "is damaged");
	scene_free(scene);
}

static void a_path_that_cannot_be_is_refused(void **state)
{
	struct scene *scene = scene_new();
	char path[128];

	(void)state;
	scene->options.path = path;
	snprintf(path, sizeof(path), "%s/none/ws.db", scene->folder);
	assert_refused(scene, WSM_ECONFIG, "folder");
	snprintf(path, sizeof(path), "%s", scene->folder);
	assert_refused(scene, WSM_ECONFIG, "is no file");
	scene_free(scene);
}

static void it_is_for_its_owner_alone(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-lock" };
	struct scene *scene = scene_new();
	struct stat found;
	char path[128];

	(void)state;
	umask(0);
	scene_open(scene);
	scene_append(scene, scene_room(scene, "orders").handle, "a");
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", scene->path, ends[i]);
		assert_int_equal(stat(path, &found), 0);
		assert_int_equal(found.st_mode & 0777, 0600);
	}
	scene_free(scene);
}

static void a_second_process_is_told_who_has_it(void **state)
{
	struct scene *scene = scene_new();
	int go[2], status;
	pid_t child;
	char text[64], c;

	(void)state;
	/* Forked before there is a thread. */
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		snprintf(text, sizeof(text), "process %ld on ", (long)getppid());
		(void)!read(go[0], &c, 1);
		_exit(scene_try(scene) == WSM_ELOCKED && strstr(scene->error.message, text) ? 0 : 1);
	}
	scene_open(scene);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(scene_append(scene, scene_room(scene, "orders").handle, "a"), 1);
	close(go[0]);
	close(go[1]);
	scene_free(scene);
}

static void a_second_one_in_the_same_process_does_not_loosen_the_first(void **state)
{
	struct scene *scene = scene_new(), *other = scene_new();
	pid_t child;
	int status;

	(void)state;
	scene_open(scene);
	other->options.path = scene->path;
	assert_refused(other, WSM_ELOCKED, "store_wait");
	child = fork();
	if (child == 0)
		_exit(scene_try(other) == WSM_ELOCKED ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	scene_free(scene);
	scene_free(other);
}

static void the_next_process_of_a_rolling_restart_waits(void **state)
{
	struct scene *first = scene_new(), *second = scene_new();
	struct wsm__store_open_room room, refused = { .room = wsm__str("orders") };
	struct wsm__store_figures figures;

	(void)state;
	scene_open(first);
	room = scene_room(first, "orders");
	scene_append(first, room.handle, "a");
	second->options.path = first->path;
	second->options.wait_ms = 600000;
	scene_open(second);
	wsm__store_figures(second->store, &figures);
	assert_int_equal(figures.state, WSM__STORE_WAITING);
	assert_int_equal(scene_ask(second, WSM__STORE_OPEN_ROOM, &refused), WSM_EUNAVAILABLE);
	assert_int_equal(refused.handle, 0);
	scene_append(first, room.handle, "b");
	scene_close(first);
	while (scene_ask(second, WSM__STORE_OPEN_ROOM, &refused) == WSM_EUNAVAILABLE)
		usleep(1000);
	assert_int_equal(refused.top, 2);
	assert_string_equal(refused.epoch, room.epoch);
	wsm__store_figures(second->store, &figures);
	assert_int_equal(figures.state, WSM__STORE_UP);
	scene_free(second);
	scene_free(first);
}

static void who_waits_in_vain_says_so_and_goes_on(void **state)
{
	struct scene *first = scene_new(), *second = scene_new();
	struct wsm__store_open_room room = { .room = wsm__str("orders") };

	(void)state;
	scene_open(first);
	second->options.path = first->path;
	second->options.wait_ms = 1;
	scene_open(second);
	while (!scene_logged(second, "store_wait is over"))
		usleep(1000);
	assert_int_equal(scene_ask(second, WSM__STORE_OPEN_ROOM, &room), WSM_EUNAVAILABLE);
	scene_close(first);
	while (scene_ask(second, WSM__STORE_OPEN_ROOM, &room) == WSM_EUNAVAILABLE)
		usleep(1000);
	scene_free(second);
	scene_free(first);
}

static void a_child_that_lets_go_does_not_hold_the_file(void **state)
{
	struct scene *scene = scene_new();
	int ends[2], status;
	pid_t child;
	char c;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	scene_open(scene);
	child = fork();
	if (child == 0) {
		close(ends[1]);
		(void)!read(ends[0], &c, 1);
		_exit(0);
	}
	close(ends[0]);
	scene_append(scene, scene_room(scene, "orders").handle, "a");
	scene_close(scene);
	while (scene_try(scene) == WSM_ELOCKED) /* until the child has let go */
		usleep(1000);
	assert_non_null(scene->store);
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	scene_free(scene);
}

static void a_killed_process_of_the_same_boot_leaves_positions_as_they_are(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room before = some_killed(scene);

	(void)state;
	assert_epoch(scene, &before, true);
	scene_free(scene);
}

/* The machine went down, and came up again: boot ids are read from a file of the test's. */
static void boots(bool sync_full, bool sync_full_now, bool clean, bool same)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room before;
	char boot[96];

	snprintf(boot, sizeof(boot), "%s/boot", scene->folder);
	scene->hooks.boot_id_file = boot;
	write_file(boot, "first\n");
	scene->options.sync_full = sync_full;
	before = clean ? some(scene) : some_killed(scene);
	write_file(boot, "second\n");
	scene->options.sync_full = sync_full_now;
	assert_epoch(scene, &before, same);
	scene_free(scene);
}

static void the_loss_of_power_renews_what_was_not_synced(void **state)
{
	(void)state;
	boots(false, false, false, false);
	boots(false, true, false, false); /* the mode of that run decides, not this one's */
	boots(true, true, false, true);
	boots(true, false, false, true);
	boots(false, false, true, true);
}

static void without_boot_ids_every_crash_may_have_been_the_machine(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room before;

	(void)state;
	scene->hooks.boot_id_file = "/nonexistent";
	before = some_killed(scene);
	assert_epoch(scene, &before, false);
	scene_free(scene);
}

static void a_copy_has_new_epochs(void **state)
{
	struct scene *scene = scene_new(), *copy = scene_new();
	struct wsm__store_open_room before = some(scene);
	char command[256];

	(void)state;
	snprintf(command, sizeof(command), "cp '%s' '%s'", scene->path, copy->path);
	assert_int_equal(system(command), 0);
	assert_epoch(copy, &before, false);
	assert_epoch(scene, &before, true);
	scene_free(copy);
	scene_free(scene);
}

/* A process that was killed leaves a log: nobody knows what stood in it. */
static void a_file_in_use_without_its_log_has_new_epochs(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room before = some(scene);
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(scene->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE meta SET value = 'running' WHERE name = 'state'", NULL, NULL, NULL),
	                 SQLITE_OK);
	sqlite3_close(db); /* which puts all into the one file */
	assert_epoch(scene, &before, false);
	assert_true(scene_logged(scene, "its log (…-wal) is missing"));
	scene_free(scene);
}

static void an_older_schema_is_led_to_the_newest(void **state)
{
	struct scene *scene = scene_new();
	static const char *const scripts[] = { "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	                                       "CREATE TABLE old(x); INSERT INTO old VALUES (7)",
	                                       "ALTER TABLE old RENAME TO new", "INSERT INTO new VALUES (8)",
	                                       "THIS IS NO SQL" };
	sqlite3 *db;
	sqlite3_stmt *ask;

	(void)state;
	/* Made by the first version; its tables are not ours, so that opening ends where statements are prepared. */
	scene->hooks.migrations = scripts;
	scene->hooks.n_migrations = 1;
	assert_refused(scene, WSM_ECONFIG, "no such table");
	scene->hooks.n_migrations = 4;
	assert_refused(scene, WSM_ECONFIG, "syntax error");
	scene->hooks.n_migrations = 3;
	assert_refused(scene, WSM_ECONFIG, "no such table");
	assert_int_equal(sqlite3_open(scene->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT sum(x) FROM new", -1, &ask, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(ask), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(ask, 0), 15);
	sqlite3_finalize(ask);
	sqlite3_close(db);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_no_store),
		cmocka_unit_test(the_database_of_something_else_is_no_store),
		cmocka_unit_test(a_newer_store_is_left_alone),
		cmocka_unit_test(a_damaged_page_is_found),
		cmocka_unit_test(a_path_that_cannot_be_is_refused),
		cmocka_unit_test(it_is_for_its_owner_alone),
		cmocka_unit_test(a_second_process_is_told_who_has_it),
		cmocka_unit_test(a_second_one_in_the_same_process_does_not_loosen_the_first),
		cmocka_unit_test(the_next_process_of_a_rolling_restart_waits),
		cmocka_unit_test(who_waits_in_vain_says_so_and_goes_on),
		cmocka_unit_test(a_child_that_lets_go_does_not_hold_the_file),
		cmocka_unit_test(a_killed_process_of_the_same_boot_leaves_positions_as_they_are),
		cmocka_unit_test(the_loss_of_power_renews_what_was_not_synced),
		cmocka_unit_test(without_boot_ids_every_crash_may_have_been_the_machine),
		cmocka_unit_test(a_copy_has_new_epochs),
		cmocka_unit_test(a_file_in_use_without_its_log_has_new_epochs),
		cmocka_unit_test(an_older_schema_is_led_to_the_newest),
	};

	return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
