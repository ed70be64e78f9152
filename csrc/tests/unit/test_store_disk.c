/* A disk that is full, read-only or taken away: what cannot be kept is refused, what is kept can be read, and it works again. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store_scene.h"

static char big[20000];

/* Until one is refused; how many were kept. */
static uint64_t append_until_refused(struct scene *scene, uint64_t handle)
{
	struct wsm__store_append append;
	uint64_t last = 0;

	memset(big, 'x', sizeof(big) - 1);
	for (;;) {
		append = scene_append_once(scene, handle, big, NULL);
		if (append.job.status == WSM_EUNAVAILABLE)
			break;
		assert_int_equal(append.job.status, WSM_OK);
		last = append.offset;
	}
	assert_int_equal(append.offset, 0);
	return last;
}

/* It is full now; `give` makes room. */
static void full_and_not_full(struct scene *scene, void (*give)(struct scene *))
{
	struct wsm__store_open_room room = scene_room(scene, "orders"), other;
	uint64_t last = append_until_refused(scene, room.handle);
	struct wsm__store_figures figures;
	struct wsm__store_read page;

	assert_int_equal(append_until_refused(scene, room.handle), 0);
	wsm__store_figures(scene->store, &figures);
	assert_int_equal(figures.state, WSM__STORE_DOWN);
	assert_true(figures.failed >= 2 && figures.errors >= 2);
	assert_true(figures.reason[0] != '\0');
	assert_true(scene_logged(scene, "until it works again"));
	assert_null(strstr(strstr(scene->log, "until it works again") + 5, "until it works again")); /* said once */
	page = scene_read(scene, room.handle, last - 1, 10);
	assert_int_equal(page.n_rows, 1);
	assert_int_equal(page.top, last);
	wsm__store_job_fini(&page.job);
	other = scene_room(scene, "new");
	assert_int_equal(other.top, 0);
	give(scene);
	do /* it finds out by itself, too */
		wsm__store_figures(scene->store, &figures);
	while (figures.state != WSM__STORE_UP && usleep(5000) == 0);
	assert_int_equal(scene_append(scene, room.handle, big), last + 1);
	assert_int_equal(scene_append(scene, other.handle, "x"), 1);
	scene_close(scene);
	scene_open(scene);
	assert_int_equal(scene_room(scene, "orders").top, last + 1);
	assert_string_equal(scene_room(scene, "orders").epoch, room.epoch);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lift(struct scene *scene)
{
	(void)scene;
	limit_files(RLIM_INFINITY);
}

static void a_file_that_may_not_grow_is_a_full_disk(void **state)
{
	struct scene *scene = scene_new();

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	scene_open(scene);
	limit_files(600000);
	full_and_not_full(scene, lift);
	scene_free(scene);
}

/* Mounts a file system of 4 MB as the scene's folder. False where that is not allowed: the test above is all there is then. */
static bool mount_small(struct scene *scene)
{
	return mount("none", scene->folder, "tmpfs", 0, "size=4m,mode=700") == 0;
}

static void make_room(struct scene *scene)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/ballast", scene->folder);
	assert_int_equal(unlink(path), 0);
}

static void a_full_disk_refuses_and_works_again(void **state)
{
	struct scene *scene = scene_new();
	char path[128];
	int fd;

	(void)state;
	if (mount_small(scene)) {
		snprintf(path, sizeof(path), "%s/ballast", scene->folder);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_int_equal(posix_fallocate(fd, 0, 2 << 20), 0);
		close(fd);
		scene_open(scene);
		full_and_not_full(scene, make_room);
		scene_close(scene);
		assert_int_equal(umount(scene->folder), 0);
	}
	scene_free(scene);
}

static void a_disk_that_is_read_only_refuses(void **state)
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;

	(void)state;
	if (mount_small(scene)) {
		scene_open(scene);
		room = scene_room(scene, "orders");
		scene_append(scene, room.handle, "a");
		scene_close(scene);
		assert_int_equal(mount("none", scene->folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
		assert_int_equal(scene_try(scene), WSM_ECONFIG);
		assert_non_null(strstr(scene->error.message, "cannot write"));
		assert_int_equal(umount(scene->folder), 0);
	}
	scene_free(scene);
}

static void lose(const char *command, void (*check)(struct scene *))
{
	struct scene *scene = scene_new();
	struct wsm__store_open_room room;
	struct wsm__store_append append;
	struct wsm__store_figures figures;
	struct wsm__store_read read = { .limit = 1 };
	char text[300];

	scene_open(scene);
	room = scene_room(scene, "orders");
	assert_int_equal(scene_append(scene, room.handle, "a"), 1);
	snprintf(text, sizeof(text), "cd '%s' && %s", scene->folder, command);
	assert_int_equal(system(text), 0);
	append = scene_append_once(scene, room.handle, "b", NULL);
	assert_int_equal(append.job.status, WSM_EUNAVAILABLE);
	read.handle = room.handle;
	assert_int_equal(scene_ask(scene, WSM__STORE_READ, &read), WSM_EUNAVAILABLE);
	wsm__store_figures(scene->store, &figures);
	assert_int_equal(figures.state, WSM__STORE_DOWN);
	assert_true(scene_logged(scene, "was removed or replaced"));
	check(scene);
	scene_free(scene);
}

static void check_removed(struct scene *scene)
{
	scene_close(scene);
	scene_open(scene);
	assert_int_equal(scene_room(scene, "orders").top, 0);
}

/* What was put in its place is not touched. */
static void check_replaced(struct scene *scene)
{
	char text[16] = "", path[120];
	FILE *file;

	scene_close(scene);
	file = fopen(scene->path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, "other\n");
	/* Our log is out of its way. */
	snprintf(path, sizeof(path), "%s-wal", scene->path);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s-wal-lost", scene->path);
	assert_int_equal(access(path, F_OK), 0);
}

static void check_kept(struct scene *scene)
{
	scene_close(scene);
	scene_open(scene);
	assert_int_equal(scene_room(scene, "orders").top, 1);
}

/* By a second name another process could have it, under another lock. */
static void a_file_with_two_names_is_refused(void **state)
{
	struct scene *scene = scene_new();
	char text[300];

	(void)state;
	scene_open(scene);
	scene_close(scene);
	snprintf(text, sizeof(text), "ln '%s' '%s/hard.db'", scene->path, scene->folder);
	assert_int_equal(system(text), 0);
	assert_int_equal(scene_try(scene), WSM_ECONFIG);
	assert_non_null(strstr(scene->error.message, "hard link"));
	scene_free(scene);
}

static void a_file_that_is_removed_or_replaced_is_noticed(void **state)
{
	(void)state;
	lose("rm ws.db*", check_removed);
	lose("echo other > new && mv new ws.db", check_replaced);
	lose("rm ws.db-wal", check_kept); /* it is open, and goes into the file at the end */
	lose("rm ws.db-lock", check_kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_may_not_grow_is_a_full_disk),
		cmocka_unit_test(a_full_disk_refuses_and_works_again),
		cmocka_unit_test(a_disk_that_is_read_only_refuses),
		cmocka_unit_test(a_file_that_is_removed_or_replaced_is_noticed),
		cmocka_unit_test(a_file_with_two_names_is_refused),
	};

	return cmocka_run_group_tests_name("store_disk", tests, NULL, NULL);
}
