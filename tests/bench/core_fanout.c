/*
 * core_fanout.c - the C core under load, through its public API only: what one delivered message costs, what one call
 * costs the host, what an idle connection takes.
 *
 *   core_fanout [--mode fanout|call|memory|serve] [--size BYTES] [--tick-ms T] [--per-tick K] [--seconds S]
 *               [--calls N] [--history 0|1] [--text 0|1] [--option name=value]
 *
 * Prints {"port":P} and then reads commands, one per line, from standard input until it ends:
 *   fanout   `go`: publishes K messages every T ms for S seconds to @all; prints CPU per delivered message
 *   call     `go`: N calls of wsm_publish, K in a row every T ms; prints what one costs the calling thread
 *   memory   `mark`: notes the memory in use; `go`: prints what has been added since, and the number of connections
 *   serve    `go`: prints the CPU used since `mark`: handshakes
 * Messages hold "mono_ns" (CLOCK_MONOTONIC), so that any client can measure their delay.
 */
#include "../client/ws_client.h"
#include "ws_manager.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What the envelope adds to the data of a message: sizes on the wire then equal those of the floor, within a few bytes. */
#define ENVELOPE 131u

struct bench {
	const char *mode;
	unsigned size, per_tick, calls;
	double tick_ms, seconds;
	bool history, text;
	wsm_runtime *runtime;
	char *payload;
	size_t len;
	uint64_t published, failed;
	/* at `mark` */
	size_t heap, rss;
	double cpu;
};

static uint64_t thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double cpu_seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static size_t rss_bytes(void)
{
	unsigned long total = 0, resident = 0;
	FILE *statm = fopen("/proc/self/statm", "r");

	if (statm != NULL) {
		if (fscanf(statm, "%lu %lu", &total, &resident) != 2)
			resident = 0;
		fclose(statm);
	}
	return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* The runtime's own word on what it sent. */
static unsigned long long stat_of(struct bench *bench, const char *name)
{
	wsm_question question = { .kind = WSM_QUERY_STATS };
	unsigned long long value = 0;
	wsm_text answer;
	char key[64];
	char *at;

	if (wsm_query(bench->runtime, &question, &answer, NULL) != WSM_OK)
		return 0;
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(answer.data, key);
	if (at != NULL)
		value = strtoull(at + strlen(key), NULL, 10);
	wsm_text_free(&answer);
	return value;
}

static void publish(struct bench *bench)
{
	static const char type[] = "bench";
	wsm_publication publication = { .target = WSM_TO_ALL };
	char stamp[40];
	int n = snprintf(stamp, sizeof(stamp), "{\"mono_ns\":%-20llu,", (unsigned long long)wsc_now_ns());

	memcpy(bench->payload, stamp, (size_t)n);
	if (bench->text) {
		publication.flags |= WSM_PUBLISH_TEXT;
	} else {
		publication.type.data = type;
		publication.type.len = sizeof(type) - 1;
	}
	if (!bench->history)
		publication.flags |= WSM_PUBLISH_NO_HISTORY;
	if (wsm_publish(bench->runtime, &publication, bench->payload, bench->len, NULL, NULL) == WSM_OK)
		bench->published++;
	else
		bench->failed++;
}

/* A question is answered after the commands before it; after that, what is queued for sockets has gone within moments. */
static void drain(struct bench *bench)
{
	stat_of(bench, "total_messages_sent");
	sleep_until(wsc_now_ns() + 200000000u);
}

static void run_fanout(struct bench *bench)
{
	unsigned long long before = stat_of(bench, "total_messages_sent"), delivered;
	double cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID), own = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
	uint64_t start = wsc_now_ns(), next = start, tick = (uint64_t)(bench->tick_ms * 1e6);
	double elapsed;
	unsigned i;

	while (wsc_now_ns() - start < (uint64_t)(bench->seconds * 1e9)) {
		for (i = 0; i < bench->per_tick; i++)
			publish(bench);
		next += tick;
		sleep_until(next);
	}
	drain(bench);
	elapsed = (double)(wsc_now_ns() - start) * 1e-9;
	cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	own = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - own;
	delivered = stat_of(bench, "total_messages_sent") - before;
	printf("{\"published\":%llu,\"failed\":%llu,\"delivered\":%llu,\"seconds\":%.4f,\"cpu_seconds\":%.4f,"
	       "\"caller_cpu_seconds\":%.4f,\"cpu_us_per_message\":%.4f}\n",
	       (unsigned long long)bench->published, (unsigned long long)bench->failed, delivered, elapsed, cpu, own,
	       cpu * 1e6 / (double)(delivered > 0 ? delivered : 1));
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * CPU time of the calling thread, not wall time: where caller and runtime share a core, the runtime may run as soon as it is
 * woken, and that is not the call's cost.
 */
static void run_calls(struct bench *bench)
{
	double *cpu = calloc(bench->calls, sizeof(double)), *wall = calloc(bench->calls, sizeof(double)), sum = 0;
	uint64_t next = wsc_now_ns(), clock_cost = UINT64_MAX, a, b, c, d;
	unsigned i;

	if (cpu == NULL || wall == NULL)
		goto out;
	for (i = 0; i < 1000; i++) {
		a = thread_ns();
		b = thread_ns();
		clock_cost = b - a < clock_cost ? b - a : clock_cost;
	}
	for (i = 0; i < bench->calls; i++) {
		a = wsc_now_ns();
		b = thread_ns();
		publish(bench);
		c = thread_ns();
		d = wsc_now_ns();
		cpu[i] = c - b > clock_cost ? (double)(c - b - clock_cost) * 1e-3 : 0;
		wall[i] = (double)(d - a) * 1e-3;
		sum += cpu[i];
		if ((i + 1) % bench->per_tick == 0) {
			next += (uint64_t)(bench->tick_ms * 1e6);
			sleep_until(next);
		}
	}
	drain(bench);
	qsort(cpu, bench->calls, sizeof(double), compare);
	qsort(wall, bench->calls, sizeof(double), compare);
	printf("{\"calls\":%u,\"failed\":%llu,\"cpu_us_mean\":%.4f,\"cpu_us_p50\":%.4f,\"cpu_us_p99\":%.4f,"
	       "\"wall_us_p50\":%.4f,\"wall_us_p99\":%.4f}\n",
	       bench->calls, (unsigned long long)bench->failed, sum / bench->calls, cpu[bench->calls / 2],
	       cpu[bench->calls * 99 / 100], wall[bench->calls / 2], wall[bench->calls * 99 / 100]);
out:
	free(cpu);
	free(wall);
}

static void mark(struct bench *bench)
{
	bench->heap = heap_bytes();
	bench->rss = rss_bytes();
	bench->cpu = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void run_memory(struct bench *bench)
{
	unsigned long long open = stat_of(bench, "active_connections");
	double n = open > 0 ? (double)open : 1;

	printf("{\"connections\":%llu,\"heap_bytes_per_connection\":%.1f,\"rss_bytes_per_connection\":%.1f}\n", open,
	       ((double)heap_bytes() - (double)bench->heap) / n, ((double)rss_bytes() - (double)bench->rss) / n);
}

static int parse(struct bench *bench, wsm_config *config, int argc, char **argv)
{
	wsm_error error;
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		char *name = argv[i], *value = argv[i + 1];

		if (strcmp(name, "--mode") == 0)
			bench->mode = value;
		else if (strcmp(name, "--size") == 0)
			bench->size = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--tick-ms") == 0)
			bench->tick_ms = strtod(value, NULL);
		else if (strcmp(name, "--per-tick") == 0)
			bench->per_tick = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--seconds") == 0)
			bench->seconds = strtod(value, NULL);
		else if (strcmp(name, "--calls") == 0)
			bench->calls = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--history") == 0)
			bench->history = value[0] != '0';
		else if (strcmp(name, "--text") == 0)
			bench->text = value[0] != '0';
		else if (strcmp(name, "--option") == 0 && strchr(value, '=') != NULL) {
			char *equals = strchr(value, '=');

			*equals = '\0';
			if (wsm_config_set(config, value, equals + 1, &error) != WSM_OK) {
				fprintf(stderr, "core_fanout: %s\n", error.message);
				return -1;
			}
		} else
			return -1;
	}
	return i == argc && bench->size >= 200 && bench->per_tick > 0 && bench->calls > 0 ? 0 : -1;
}

/* The payload: an object that begins with the stamp; publish() writes that anew each time. */
static int make_payload(struct bench *bench)
{
	static const char head[] = "{\"mono_ns\":0                   ,\"pad\":\"", tail[] = "\"}";

	bench->len = bench->text ? bench->size : bench->size - ENVELOPE;
	bench->payload = malloc(bench->len + 1);
	if (bench->payload == NULL)
		return -1;
	memset(bench->payload, 'a', bench->len);
	memcpy(bench->payload, head, sizeof(head) - 1);
	memcpy(bench->payload + bench->len - (sizeof(tail) - 1), tail, sizeof(tail));
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const settings[][2] = {
		{ "host", "127.0.0.1" },          { "port", "0" },
		{ "max_connections", "1000000" }, { "max_connections_per_ip", "1000000" },
		{ "heartbeat_interval", "3600" }, { "timeout", "7200" },
		{ "max_queue", "16777216" },
	};
	struct bench bench = {
		.mode = "fanout", .size = 300, .per_tick = 1, .calls = 300, .tick_ms = 20, .seconds = 4, .history = true
	};
	wsm_config *config = wsm_config_new();
	wsm_error error = { 0 };
	char line[64];
	int status = 1;
	size_t i;

	wsc_raise_nofile();
	for (i = 0; config != NULL && i < sizeof(settings) / sizeof(settings[0]); i++)
		if (wsm_config_set(config, settings[i][0], settings[i][1], &error) != WSM_OK)
			goto out;
	if (config == NULL || parse(&bench, config, argc, argv) != 0 || make_payload(&bench) != 0) {
		fprintf(stderr,
		        "usage: core_fanout [--mode fanout|call|memory|serve] [--size BYTES >= 200] [--tick-ms T]"
		        " [--per-tick K] [--seconds S] [--calls N] [--history 0|1] [--text 0|1]"
		        " [--option name=value]\n");
		status = 2;
		goto out;
	}
	bench.runtime = wsm_runtime_new(config, &error);
	if (bench.runtime == NULL || wsm_runtime_start(bench.runtime, &error) != WSM_OK)
		goto out;
	printf("{\"port\":%u}\n", wsm_runtime_port(bench.runtime));
	fflush(stdout);
	status = 0;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strncmp(line, "mark", 4) == 0)
			mark(&bench);
		else if (strcmp(bench.mode, "fanout") == 0)
			run_fanout(&bench);
		else if (strcmp(bench.mode, "call") == 0)
			run_calls(&bench);
		else if (strcmp(bench.mode, "memory") == 0)
			run_memory(&bench);
		else
			printf("{\"cpu_seconds\":%.4f}\n", cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - bench.cpu);
		fflush(stdout);
	}
	wsm_runtime_stop(bench.runtime, 2000);
out:
	if (error.message[0] != '\0')
		fprintf(stderr, "core_fanout: %s\n", error.message);
	wsm_runtime_free(bench.runtime);
	wsm_config_free(config);
	free(bench.payload);
	return status;
}
