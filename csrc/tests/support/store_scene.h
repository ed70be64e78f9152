/* store_scene.h - a store in a folder of its own, and calls of it that wait for their answers. */
#ifndef WSM_TESTS_STORE_SCENE_H
#define WSM_TESTS_STORE_SCENE_H

#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "exact.h"
#include "store/hooks.h"
#include "store/store.h"

struct scene {
	char folder[64], path[80];
	struct wsm__store_options options;
	struct wsm__store_hooks hooks;
	struct wsm__store_rule rule; /* of all rooms, but those that begin with "memory" */
	struct wsm__store *store;
	sem_t answers;
	pthread_mutex_t lock;
	char log[4096];
	wsm_error error;
};

static inline void scene_answered(void *context)
{
	sem_post(&((struct scene *)context)->answers);
}

static inline void scene_log(void *context, wsm_level level, const char *text)
{
	struct scene *scene = context;
	size_t len;

	(void)level;
	pthread_mutex_lock(&scene->lock);
	len = strlen(scene->log);
	snprintf(scene->log + len, sizeof(scene->log) - len, "%s\n", text);
	pthread_mutex_unlock(&scene->lock);
}

static inline bool scene_logged(struct scene *scene, const char *text)
{
	bool found;

	pthread_mutex_lock(&scene->lock);
	found = strstr(scene->log, text) != NULL;
	pthread_mutex_unlock(&scene->lock);
	return found;
}

static inline void scene_rule(void *context, wsm_slice room, struct wsm__store_rule *rule)
{
	struct scene *scene = context;

	pthread_mutex_lock(&scene->lock);
	*rule = scene->rule;
	pthread_mutex_unlock(&scene->lock);
	rule->disk = !wsm__slice_starts(room, "memory");
}

static inline void scene_set_rule(struct scene *scene, struct wsm__store_rule rule)
{
	pthread_mutex_lock(&scene->lock);
	scene->rule = rule;
	pthread_mutex_unlock(&scene->lock);
}

/* A folder, and options; nothing is open yet. */
static inline struct scene *scene_new(void)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	strcpy(scene->folder, "/tmp/wsm-store-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	snprintf(scene->path, sizeof(scene->path), "%s/ws.db", scene->folder);
	sem_init(&scene->answers, 0, 0);
	pthread_mutex_init(&scene->lock, NULL);
	scene->rule = (struct wsm__store_rule){ .size = 1000000 };
	scene->options = (struct wsm__store_options){ .path = scene->path,
	                                              .context = scene,
	                                              .answered = scene_answered,
	                                              .log = scene_log,
	                                              .rule = scene_rule,
	                                              .hooks = &scene->hooks };
	return scene;
}

static inline int scene_try(struct scene *scene)
{
	return wsm__store_open(&scene->store, &scene->options, &scene->error);
}

static inline void scene_open(struct scene *scene)
{
	if (scene_try(scene) != WSM_OK)
		fail_msg("%s", scene->error.message);
}

static inline void scene_close(struct scene *scene)
{
	wsm__store_close(scene->store);
	scene->store = NULL;
}

static inline void scene_free(struct scene *scene)
{
	char command[128];

	scene_close(scene);
	snprintf(command, sizeof(command), "rm -rf '%s'", scene->folder);
	assert_int_equal(system(command), 0);
	sem_destroy(&scene->answers);
	pthread_mutex_destroy(&scene->lock);
	free(scene);
}

#define NOT_YET 12345

/* Something else than the answer of any job. */
static inline void scene_done(struct wsm__store_job *job)
{
	(void)job;
}

/* Waits until all that was handed in is answered. */
static inline void scene_settle(struct scene *scene)
{
	struct wsm__store_figures figures;

	for (;;) {
		wsm__store_take(scene->store);
		wsm__store_figures(scene->store, &figures);
		if (!figures.waiting_jobs)
			break;
		sem_wait(&scene->answers);
	}
	wsm__store_take(scene->store);
}

/* Hands a job in and waits for it; its status. */
static inline int scene_ask(struct scene *scene, enum wsm__store_kind kind, void *job)
{
	struct wsm__store_job *head = job;

	head->kind = kind;
	head->status = NOT_YET;
	head->done = scene_done;
	wsm__store_submit(scene->store, head);
	scene_settle(scene);
	assert_int_not_equal(head->status, NOT_YET);
	return head->status;
}

static inline struct wsm__store_open_room scene_room(struct scene *scene, const char *name)
{
	struct wsm__store_open_room room = { .room = wsm__str(name) };

	assert_int_equal(scene_ask(scene, WSM__STORE_OPEN_ROOM, &room), WSM_OK);
	return room;
}

static inline struct wsm__store_append scene_append_once(struct scene *scene, uint64_t handle, const char *text,
                                                         const char *once)
{
	struct wsm__store_append append = { .handle = handle, .blob = wsm__str(text), .once = wsm__str(once) };

	append.at_ms = wsm__unix_ms();
	scene_ask(scene, WSM__STORE_APPEND, &append);
	return append;
}

/* The offset that it got; 0 where it was refused. */
static inline uint64_t scene_append(struct scene *scene, uint64_t handle, const char *text)
{
	struct wsm__store_append append = scene_append_once(scene, handle, text, NULL);

	return append.job.status == WSM_OK ? append.offset : 0;
}

/* So many at once, each with its number as its blob; all must be kept. */
static inline void scene_fill(struct scene *scene, uint64_t handle, size_t n, uint64_t at_ms)
{
	struct wsm__store_append *all = calloc(n, sizeof(*all));
	char (*texts)[24] = calloc(n, sizeof(*texts));

	assert_non_null(all);
	assert_non_null(texts);
	for (size_t i = 0; i < n; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%zu", i + 1);
		all[i] = (struct wsm__store_append){ .handle = handle, .blob = wsm__str(texts[i]), .at_ms = at_ms };
		all[i].job.kind = WSM__STORE_APPEND;
		all[i].job.done = scene_done;
		wsm__store_submit(scene->store, &all[i].job);
	}
	scene_settle(scene);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(all[i].job.status, WSM_OK);
	free(all);
	free(texts);
}

/* Free it by wsm__store_job_fini(). */
static inline struct wsm__store_read scene_read(struct scene *scene, uint64_t handle, uint64_t after, size_t limit)
{
	struct wsm__store_read read = { .handle = handle, .after = after, .limit = limit, .max_bytes = 1 << 20 };

	assert_int_equal(scene_ask(scene, WSM__STORE_READ, &read), WSM_OK);
	return read;
}

static inline void scene_review(struct scene *scene, uint64_t renewed)
{
	struct wsm__store_review review = { 0 };

	assert_int_equal(scene_ask(scene, WSM__STORE_REVIEW, &review), WSM_OK);
	assert_int_equal(review.renewed, renewed);
}

#endif
