/*
 * lean.c - a server whose runtime runs out of memory, now and then: one in R allocations of its thread fails.
 *
 *   lean [--rooms N] [--per-second P] [--size B] [--store FILE]
 *
 * Prints {"port": P}, publishes {"n": n} to project:r0 … (with a store, rooms on disk) and obeys lines on its input: a number R (0: none fails), each
 * answered by {"failed": N, "unsent": M}: allocations that have failed, and publications that there was no memory for.
 * It ends with its input. It is linked with --wrap=malloc (calloc, realloc), so that only the core's own calls are meant,
 * not those inside of libraries.
 */
#include "ws_manager.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROOMS_MAX = 64 };

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static atomic_uint rarity;
static atomic_ullong failed;
static unsigned long long unsent; /* publications that the runtime had no memory for */
static _Thread_local bool spared; /* the thread that publishes */
static _Thread_local uint64_t seed = 88172645463325252u;

static bool fails(void)
{
	unsigned one_in = atomic_load_explicit(&rarity, memory_order_relaxed);

	if (one_in == 0 || spared)
		return false;
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	if (seed % one_in != 0)
		return false;
	atomic_fetch_add(&failed, 1);
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

static wsm_runtime *start(const char *store)
{
	static const char *const settings[][2] = { { "port", "0" },
	                                           { "max_connections", "5000" },
	                                           { "max_connections_per_ip", "5000" },
	                                           { "history_size", "64" },
	                                           { "max_queue", "65536" } };
	wsm_config *config = wsm_config_new();
	wsm_error error = { .message = "" };
	wsm_runtime *runtime;
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		wsm_config_set(config, settings[i][0], settings[i][1], &error);
	wsm_config_set(config, "store", store, &error);
	runtime = wsm_runtime_new(config, &error);
	if (runtime != NULL && *store)
		wsm_room_rule_set(runtime, (wsm_slice){ "*", 1 }, (wsm_slice){ "store", 5 }, (wsm_slice){ "disk", 4 },
		                  &error);
	wsm_config_free(config);
	if (runtime != NULL && wsm_runtime_start(runtime, &error) == WSM_OK)
		return runtime;
	fprintf(stderr, "lean: %s\n", error.message);
	exit(1);
}

/*
 * One message to each room. There may be no memory for it: then it gets no position, its receipt says so, and its number is the
 * next one's.
 */
static void publish(wsm_runtime *runtime, unsigned rooms, uint64_t *offsets, char *payload, unsigned size)
{
	const struct timespec moment = { 0, 100000 };
	unsigned room;

	for (room = 0; room < rooms; room++) {
		char name[16];
		wsm_slice id = { name, (size_t)snprintf(name, sizeof(name), "r%u", room) };
		wsm_publication publication = {
			.target = WSM_TO_PROJECT, .ids = &id, .n_ids = 1, .type = { "bench", 5 }
		};
		int used = snprintf(payload, size, "{\"n\":%llu,\"pad\":\"%*s\"}",
		                    (unsigned long long)offsets[room] + 1, (int)size - 64, "");
		wsm_receipt *receipt;
		wsm_delivery delivery;

		if (wsm_publish(runtime, &publication, payload, (size_t)used, &receipt, NULL) != WSM_OK)
			continue;
		while (!wsm_receipt_done(receipt, &delivery))
			nanosleep(&moment, NULL);
		wsm_receipt_unref(receipt);
		if (delivery.status == WSM_OK)
			offsets[room] = delivery.offset;
		else
			unsent++;
	}
}

int main(int argc, char **argv)
{
	unsigned rooms = 3, per_second = 20, size = 2000;
	uint64_t offsets[ROOMS_MAX] = { 0 };
	struct pollfd input = { .fd = 0, .events = POLLIN };
	const char *store = "";
	char line[64], *payload;
	wsm_runtime *runtime;
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		unsigned value = (unsigned)strtoul(argv[i + 1], NULL, 10);

		if (strcmp(argv[i], "--store") == 0) {
			store = argv[i + 1];
			continue;
		}
		*(strcmp(argv[i], "--rooms") == 0        ? &rooms
		  : strcmp(argv[i], "--per-second") == 0 ? &per_second
		                                         : &size) = value;
	}
	spared = true;
	setvbuf(stdin, NULL, _IONBF, 0);
	payload = malloc(size + 128);
	runtime = start(store);
	printf("{\"port\":%u}\n", wsm_runtime_port(runtime));
	fflush(stdout);
	for (;;) {
		if (poll(&input, 1, (int)(1000 / per_second)) > 0) {
			if (fgets(line, sizeof(line), stdin) == NULL)
				break;
			atomic_store(&rarity, (unsigned)strtoul(line, NULL, 10));
			printf("{\"failed\":%llu,\"unsent\":%llu}\n", atomic_load(&failed), unsent);
			fflush(stdout);
		} else {
			publish(runtime, rooms < ROOMS_MAX ? rooms : ROOMS_MAX, offsets, payload, size);
		}
	}
	atomic_store(&rarity, 0);
	wsm_runtime_stop(runtime, 1000);
	wsm_runtime_free(runtime);
	free(payload);
	return 0;
}
