/*
 * core_store.c - what the store takes: messages a second as fast as it goes, and how long one waits for its commit at a given rate.
 *
 *   core_store FOLDER ROOMS SECONDS RATE [full]      RATE 0: as fast as it goes; messages have 300 bytes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/slice.h"
#include "store/store.h"

#define WINDOW 4096
#define BYTES 300

struct sent {
	struct wsm__store_append append;
	uint64_t at_us;
};

static struct {
	struct wsm__store *store;
	int bell;
	struct sent *free[WINDOW];
	size_t n_free;
	uint64_t done, failed;
	uint32_t *waits; /* of each message, us */
	size_t n_waits, max_waits;
	uint64_t opened[1024];
	uint64_t size;
} bench;

static void ring(void *context)
{
	uint64_t one = 1;

	(void)context;
	(void)!write(bench.bell, &one, sizeof(one));
}

static void tell(void *context, wsm_level level, const char *text)
{
	(void)context, (void)level;
	fprintf(stderr, "%s\n", text);
}

static void rule(void *context, wsm_slice room, struct wsm__store_rule *rule)
{
	(void)context, (void)room;
	*rule = (struct wsm__store_rule){ .disk = true, .size = bench.size };
}

static void opened(struct wsm__store_job *job)
{
	bench.opened[bench.done++] = ((struct wsm__store_open_room *)job)->handle;
}

static void appended(struct wsm__store_job *job)
{
	struct sent *sent = (struct sent *)job;

	bench.failed += job->status != WSM_OK;
	bench.done++;
	if (bench.n_waits < bench.max_waits)
		bench.waits[bench.n_waits++] = (uint32_t)(wsm__mono_us() - sent->at_us);
	bench.free[bench.n_free++] = sent;
}

static void wait_for_answers(int ms)
{
	struct pollfd fd = { .fd = bench.bell, .events = POLLIN };
	uint64_t n;

	if (poll(&fd, 1, ms) > 0)
		(void)!read(bench.bell, &n, sizeof(n));
	wsm__store_take(bench.store);
}

static void open_rooms(size_t n)
{
	static struct wsm__store_open_room rooms[1024];
	static char names[1024][16];

	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "room:%zu", i);
		rooms[i] = (struct wsm__store_open_room){ .room = wsm__str(names[i]) };
		rooms[i].job.kind = WSM__STORE_OPEN_ROOM;
		rooms[i].job.done = opened;
		wsm__store_submit(bench.store, &rooms[i].job);
	}
	while (bench.done < n)
		wait_for_answers(100);
	bench.done = 0;
}

static void reviewed(struct wsm__store_job *job)
{
	(void)job;
}

/* Until `seconds` are over; every message to the next room. */
static double run(size_t rooms, double seconds, double rate)
{
	static char blob[BYTES];
	uint64_t begin = wsm__mono_us(), n = 0, now = begin;

	memset(blob, 'x', sizeof(blob));
	while ((double)(now - begin) < seconds * 1e6) {
		while (bench.n_free && (rate == 0 || (double)n < (double)(now - begin) * rate / 1e6)) {
			struct sent *sent = bench.free[--bench.n_free];

			*sent = (struct sent){ .at_us = wsm__mono_us() };
			sent->append.job = (struct wsm__store_job){ .kind = WSM__STORE_APPEND, .done = appended };
			sent->append.handle = bench.opened[n++ % rooms];
			sent->append.blob = wsm__slice(blob, sizeof(blob));
			sent->append.at_ms = wsm__unix_ms();
			wsm__store_submit(bench.store, &sent->append.job);
		}
		wait_for_answers(rate == 0 ? 100 : 1);
		now = wsm__mono_us();
	}
	while (bench.done < n)
		wait_for_answers(100);
	return (double)(wsm__mono_us() - begin) / 1e6;
}

static int by_size(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;

	return one < other ? -1 : one > other;
}

int main(int argc, char **argv)
{
	char path[4096];
	struct wsm__store_options options = { .path = path, .answered = ring, .log = tell, .rule = rule };
	struct wsm__store_review review = { .job = { .kind = WSM__STORE_REVIEW, .done = reviewed } };
	struct wsm__store_figures figures;
	size_t rooms;
	double took;
	wsm_error error;
	struct stat file;

	if (argc < 5 || !(rooms = strtoul(argv[2], NULL, 10)) || rooms > 1024) {
		fprintf(stderr, "usage: core_store FOLDER ROOMS SECONDS RATE [full]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/bench-%ld.db", argv[1], (long)getpid());
	options.sync_full = argc > 5 && strcmp(argv[5], "full") == 0;
	bench.size = getenv("SIZE") ? strtoull(getenv("SIZE"), NULL, 10) : 1000000000;
	bench.bell = eventfd(0, EFD_NONBLOCK);
	bench.max_waits = 20000000;
	bench.waits = calloc(bench.max_waits, sizeof(*bench.waits));
	for (size_t i = 0; i < WINDOW; i++)
		bench.free[bench.n_free++] = calloc(1, sizeof(struct sent));
	if (wsm__store_open(&bench.store, &options, &error) != WSM_OK) {
		fprintf(stderr, "%s\n", error.message);
		return 1;
	}
	wsm__store_submit(bench.store, &review.job);
	open_rooms(rooms);
	took = run(rooms, strtod(argv[3], NULL), strtod(argv[4], NULL));
	wsm__store_figures(bench.store, &figures);
	wsm__store_close(bench.store);
	stat(path, &file);
	qsort(bench.waits, bench.n_waits, sizeof(*bench.waits), by_size);
	printf("%s rooms=%zu %.0f/s p50=%.2fms p99=%.2fms max=%.2fms failed=%llu commits=%llu checkpoints=%llu "
	       "wal=%.1fMB pruned=%llu "
	       "bytes/message=%.0f\n",
	       options.sync_full ? "full" : "normal", rooms, (double)bench.done / took,
	       bench.waits[bench.n_waits / 2] / 1e3, bench.waits[bench.n_waits * 99 / 100] / 1e3,
	       bench.waits[bench.n_waits - 1] / 1e3, (unsigned long long)bench.failed,
	       (unsigned long long)figures.commits, (unsigned long long)figures.checkpoints,
	       (double)figures.wal_bytes / 1e6, (unsigned long long)figures.pruned,
	       (double)file.st_size / (double)(bench.done - figures.pruned));
	unlink(path);
	snprintf(path + strlen(path), 8, "-lock");
	unlink(path);
	for (; bench.n_free; bench.n_free--)
		free(bench.free[bench.n_free - 1]);
	free(bench.waits);
	return 0;
}
