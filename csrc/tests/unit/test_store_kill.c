/*
 * A process that is killed at full rate, at any point: afterwards every message that was answered is in the file, at the offset that it
 * was told, in the same epoch; and no offset was given to two.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "store_scene.h"

#define ROOMS 3u
#define WINDOW 256u
#define MOST (1u << 20)

/* What the process that dies has told, for the one that looks afterwards. */
struct told {
	atomic_uint count;
	char epochs[ROOMS][WSM__STORE_EPOCH];
	struct {
		uint32_t room, number;
		uint64_t offset;
	} of[MOST];
};

struct publisher {
	struct scene *scene;
	struct told *told;
	uint64_t handles[ROOMS];
	uint32_t next;
};

struct message {
	struct wsm__store_append append;
	struct publisher *publisher;
	uint32_t room, number;
};

static struct scene *plan(void)
{
	struct scene *scene = scene_new();

	scene->rule = (struct wsm__store_rule){ .size = 2000 };
	return scene;
}

static void submit(struct message *message)
{
	struct publisher *publisher = message->publisher;

	message->number = publisher->next++;
	message->room = message->number % ROOMS;
	message->append.handle = publisher->handles[message->room];
	message->append.at_ms = wsm__unix_ms();
	message->append.blob = wsm__slice((const char *)&message->number, sizeof(message->number));
	wsm__store_submit(publisher->scene->store, &message->append.job);
}

static void answered(struct wsm__store_job *job)
{
	struct message *message = (struct message *)job;
	struct told *told = message->publisher->told;
	unsigned n = atomic_load(&told->count);

	if (job->status != WSM_OK || n == MOST)
		_exit(3);
	if (!told->epochs[message->room][0]) /* from now on it is bound to it */
		strcpy(told->epochs[message->room], message->append.epoch);
	if (strcmp(message->append.epoch, told->epochs[message->room]) != 0)
		_exit(4);
	told->of[n].room = message->room;
	told->of[n].number = message->number;
	told->of[n].offset = message->append.offset;
	atomic_store(&told->count, n + 1);
	submit(message);
}

/* The process that dies: publishes for ever, from number `first` on. */
static void publish(struct scene *scene, struct told *told, uint32_t first)
{
	static const char *const names[ROOMS] = { "a", "b", "c" };
	static struct message messages[WINDOW];
	static struct publisher publisher;

	publisher = (struct publisher){ .scene = scene, .told = told, .next = first };
	scene_open(scene);
	scene_review(scene, 0);
	for (size_t i = 0; i < ROOMS; i++) {
		struct wsm__store_open_room room = scene_room(scene, names[i]);

		publisher.handles[i] = room.handle;
		if (told->epochs[i][0] && strcmp(told->epochs[i], room.epoch) != 0)
			_exit(5);
	}
	for (size_t i = 0; i < WINDOW; i++) {
		messages[i] = (struct message){ .publisher = &publisher };
		messages[i].append.job = (struct wsm__store_job){ .kind = WSM__STORE_APPEND, .done = answered };
		submit(&messages[i]);
	}
	for (;;) {
		sem_wait(&scene->answers);
		wsm__store_take(scene->store);
	}
}

/* The number at every offset of a room that can be read; `numbers` has place for all. Returns the first offset. */
static uint64_t read_room(struct scene *scene, uint64_t handle, uint32_t *numbers, uint64_t *top)
{
	struct wsm__store_read page = scene_read(scene, handle, 0, MOST);
	uint64_t first = page.first;

	*top = page.top;
	assert_int_equal(page.n_rows, page.top + 1 - page.first);
	for (size_t i = 0; i < page.n_rows; i++) {
		assert_int_equal(page.rows[i].offset, page.first + i);
		assert_int_equal(page.rows[i].blob.len, sizeof(*numbers));
		memcpy(&numbers[page.rows[i].offset], page.rows[i].blob.data, sizeof(*numbers));
	}
	wsm__store_job_fini(&page.job);
	return first;
}

static void check(struct scene *scene, const struct told *told)
{
	static const char *const names[ROOMS] = { "a", "b", "c" };
	static uint32_t numbers[MOST], owner[MOST];

	scene_open(scene);
	for (uint32_t i = 0; i < ROOMS; i++) {
		struct wsm__store_open_room room = scene_room(scene, names[i]);
		uint64_t top, first = read_room(scene, room.handle, numbers, &top);

		if (told->epochs[i][0])
			assert_string_equal(room.epoch, told->epochs[i]);
		memset(owner, 0xff, sizeof(owner));
		for (unsigned n = 0; n < told->count; n++) {
			if (told->of[n].room != i)
				continue;
			assert_in_range(told->of[n].offset, 1, top);
			assert_int_equal(owner[told->of[n].offset], UINT32_MAX); /* given once */
			owner[told->of[n].offset] = told->of[n].number;
			if (told->of[n].offset >= first)
				assert_int_equal(numbers[told->of[n].offset], told->of[n].number);
		}
	}
	scene_close(scene);
}

static struct told *told_new(void)
{
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(told, MAP_FAILED);
	return told;
}

static void reap(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("the process that should be killed ended with %d", WEXITSTATUS(status));
}

static uint32_t later(const struct told *told)
{
	return told->count ? told->of[told->count - 1].number + WINDOW * 4 : 0;
}

static void a_process_that_is_killed_loses_nothing_that_it_told(void **state)
{
	struct scene *scene = plan();
	struct told *told = told_new();
	uint32_t seed = 20261130;
	siginfo_t info = { 0 };

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		unsigned until = told->count + (seed >> 8) % 6000;
		pid_t child = fork();

		if (child == 0)
			publish(scene, told, later(told));
		while (atomic_load(&told->count) <= until &&
		       waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
			usleep(seed % 97);
		assert_int_equal(kill(child, SIGKILL), 0);
		reap(child);
		check(scene, told);
		seed = seed * 1664525u + 1013904223u;
	}
	munmap(told, sizeof(*told));
	scene_free(scene);
}

struct death {
	const char *point;
	unsigned after; /* so many times it goes on */
};

static void die(void *context, const char *point)
{
	struct death *death = context;

	if (strcmp(point, death->point) == 0 && death->after-- == 0)
		kill(getpid(), SIGKILL);
}

static void nor_does_one_that_dies_inside_a_commit_a_checkpoint_or_a_prune(void **state)
{
	static const char *const points[] = { "commit", "committed", "checkpoint", "prune" };
	static const unsigned times[] = { 0, 3, 40 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct scene *scene = plan();
		struct told *told = told_new();

		for (size_t k = 0; k < 3; k++) {
			struct death death = { points[i], i == 2 && k == 2 ? 1 : times[k] };
			pid_t child;

			scene->hooks.at = die;
			scene->hooks.context = &death;
			child = fork();
			if (child == 0)
				publish(scene, told, later(told));
			reap(child);
			scene->hooks.at = NULL;
			check(scene, told);
		}
		munmap(told, sizeof(*told));
		scene_free(scene);
	}
}

static void nor_does_one_that_dies_while_it_leads_the_schema_on(void **state)
{
	struct scene *scene = plan();
	struct death death = { "migration", 0 };
	pid_t child;

	(void)state;
	scene->hooks.at = die;
	scene->hooks.context = &death;
	child = fork();
	if (child == 0) {
		scene_open(scene);
		_exit(1);
	}
	reap(child);
	scene->hooks.at = NULL;
	scene_open(scene);
	assert_int_equal(scene_append(scene, scene_room(scene, "a").handle, "x"), 1);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_that_is_killed_loses_nothing_that_it_told),
		cmocka_unit_test(nor_does_one_that_dies_inside_a_commit_a_checkpoint_or_a_prune),
		cmocka_unit_test(nor_does_one_that_dies_while_it_leads_the_schema_on),
	};

	return cmocka_run_group_tests_name("store_kill", tests, NULL, NULL);
}
