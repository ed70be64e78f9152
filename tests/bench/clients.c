/*
 * clients.c - the load generator: N WebSocket clients in one process, which answer pings, count and check what they get.
 *
 *   clients --port P [--clients N] [--path /ws?x=y] [--mode sink|latency|idle|slow|handshakes] [--seconds S]
 *           [--parallel K] [--addresses A] [--header "Name: value"] [--say TEXT] [--rooms R]
 *
 * Lines on standard output are JSON. The first, {"connected":N,…}, comes when every client is connected; then clients run
 * until standard input has a line or ends, or S seconds are over, and the last line has the counts since the first. A line
 * `mark` on standard input gives the counts so far, and lets them begin anew; `say N TEXT` lets each send TEXT, and gives the counts
 * once each has got N messages. --say: what each sends first. --rooms: client i asks for the path with i mod R behind it.
 *
 *   sink        reads and counts as fast as it can
 *   latency     the same; messages hold "mono_ns":<CLOCK_MONOTONIC in ns>, and the delay of each is measured
 *   idle        the same as sink; also says how many clients got how many pings
 *   slow        connects with a small receive buffer and never reads again
 *   handshakes  K at a time connect and close again, N in all; the rate is what counts
 */
#include "../client/ws_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_SAMPLES (8u * 1024u * 1024u)

struct load {
	unsigned port, n, parallel, opened, open, done, failed, rooms, awaited;
	const char *path, *mode, *say;
	char headers[2048];
	double seconds;
	bool handshakes, latency, slow;
	wsc *clients;
	wsc_loop loop;
	uint32_t *samples; /* delays in units of 0.1 µs */
	size_t n_samples;
	uint64_t first_ns, last_ns; /* of messages */
	unsigned ends[8], close_code;
};

static void start_next(struct load *load)
{
	while (load->opened < load->n && load->opened - load->open - load->done < load->parallel) {
		wsc *client = &load->clients[load->opened];
		char path[512];

		snprintf(path, sizeof(path), load->rooms ? "%s%u" : "%s", load->path,
		         load->rooms ? load->opened % load->rooms : 0);
		client->index = load->opened++;
		if (wsc_open(&load->loop, client, load->port, path, load->headers) != 0) {
			fprintf(stderr, "clients: connection %u: %s\n", client->index, strerror(errno));
			load->failed++;
			load->done++;
		}
	}
}

static void on_open(wsc *client)
{
	struct load *load = client->loop->data;

	load->open++;
	if (load->handshakes)
		wsc_abort(client);
	else if (load->slow)
		wsc_set_reading(client, false);
	if (load->say)
		wsc_send_text(client, load->say);
}

static void on_message(wsc *client, unsigned opcode, const char *data, size_t len)
{
	struct load *load = client->loop->data;
	uint64_t now, sent;
	const char *mark;

	(void)opcode;
	if (!load->latency)
		return;
	mark = memmem(data, len, "\"mono_ns\":", 10);
	if (mark == NULL)
		return;
	now = wsc_now_ns();
	sent = strtoull(mark + 10, NULL, 10);
	if (load->n_samples < MAX_SAMPLES && now > sent)
		load->samples[load->n_samples++] =
			(now - sent) / 100u > UINT32_MAX ? UINT32_MAX : (uint32_t)((now - sent) / 100u);
}

static void on_closed(wsc *client, int end)
{
	struct load *load = client->loop->data;

	load->done++;
	if (client->http_status == 101)
		load->open--;
	if (!(load->handshakes && end == WSC_END_LOCAL))
		load->failed++;
	load->ends[end < 8 ? end : 0]++;
	if (end >= 1000)
		load->close_code = (unsigned)end;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static void report(struct load *load, double elapsed, double cpu)
{
	uint64_t total = 0, least = UINT64_MAX, most = 0, pings_least = UINT64_MAX;
	wsc_loop *loop = &load->loop;
	unsigned i;

	for (i = 0; i < load->n; i++) {
		const wsc *client = &load->clients[i];

		total += client->messages;
		least = client->messages < least ? client->messages : least;
		most = client->messages > most ? client->messages : most;
		pings_least = client->pings < pings_least ? client->pings : pings_least;
	}
	printf("{\"clients\":%u,\"open\":%u,\"failed\":%u,\"eof\":%u,\"reset\":%u,\"close_code\":%u,\"seconds\":%.4f,"
	       "\"messages\":%llu,\"messages_min\":%llu,\"messages_max\":%llu,\"pings_min\":%llu,\"text\":%llu,"
	       "\"binary\":%llu,\"pings\":%llu,\"bytes\":%llu,\"messages_per_second\":%.0f,\"cpu_seconds\":%.4f,"
	       "\"protocol_errors\":%llu,\"last_error\":\"%s\"",
	       load->n, load->open, load->failed, load->ends[WSC_END_EOF], load->ends[WSC_END_RESET], load->close_code,
	       elapsed, (unsigned long long)total, (unsigned long long)least, (unsigned long long)most,
	       (unsigned long long)pings_least, (unsigned long long)loop->frames[WSC_TEXT],
	       (unsigned long long)loop->frames[WSC_BINARY], (unsigned long long)loop->frames[WSC_PING],
	       (unsigned long long)loop->bytes, (double)total / elapsed, cpu, (unsigned long long)loop->protocol_errors,
	       loop->last_error != NULL ? loop->last_error : "");
	if (load->n_samples > 0) {
		size_t n = load->n_samples;

		qsort(load->samples, n, sizeof(uint32_t), compare);
		printf(",\"samples\":%zu,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f", n,
		       load->samples[n / 2] / 10.0, load->samples[n * 9 / 10] / 10.0,
		       load->samples[n * 99 / 100] / 10.0, load->samples[n - 1] / 10.0);
	}
	printf("}\n");
	fflush(stdout);
}

enum input { NOTHING, MARK, SAY, END };

static enum input read_input(struct load *load)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[1024];
	int text = 0;

	if (poll(&input, 1, 0) <= 0)
		return NOTHING;
	if (fgets(line, sizeof(line), stdin) == NULL)
		return END;
	if (sscanf(line, "say %u %n", &load->awaited, &text) < 1)
		return strcmp(line, "mark\n") == 0 ? MARK : END;
	line[strcspn(line, "\n")] = '\0';
	for (unsigned i = 0; i < load->n; i++)
		wsc_send_text(&load->clients[i], line + text);
	return SAY;
}

/* Each has got what it asked for. */
static bool all_have(const struct load *load)
{
	for (unsigned i = 0; i < load->n; i++)
		if (load->clients[i].messages < load->awaited)
			return false;
	return true;
}

static void forget(struct load *load)
{
	unsigned i;

	for (i = 0; i < load->n; i++)
		load->clients[i].messages = 0;
	load->loop.bytes = 0;
	load->n_samples = 0;
	memset(load->loop.frames, 0, sizeof(load->loop.frames));
}

static int parse(struct load *load, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		size_t used = strlen(load->headers);

		if (strcmp(name, "--port") == 0)
			load->port = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--clients") == 0)
			load->n = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--path") == 0)
			load->path = value;
		else if (strcmp(name, "--say") == 0)
			load->say = value;
		else if (strcmp(name, "--mode") == 0)
			load->mode = value;
		else if (strcmp(name, "--seconds") == 0)
			load->seconds = strtod(value, NULL);
		else if (strcmp(name, "--parallel") == 0)
			load->parallel = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--rooms") == 0)
			load->rooms = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--addresses") == 0)
			load->loop.addresses = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(name, "--header") == 0)
			snprintf(load->headers + used, sizeof(load->headers) - used, "%s\r\n", value);
		else
			return -1;
	}
	return i == argc && load->port > 0 && load->n > 0 && load->parallel > 0 && load->loop.addresses > 0 ? 0 : -1;
}

static int run_handshakes(struct load *load)
{
	uint64_t start = wsc_now_ns();
	double elapsed;

	start_next(load);
	while (load->done < load->n) {
		wsc_poll(&load->loop, 100);
		start_next(load);
	}
	elapsed = (double)(wsc_now_ns() - start) * 1e-9;
	printf("{\"handshakes\":%u,\"failed\":%u,\"seconds\":%.4f,\"per_second\":%.0f,\"cpu_seconds\":%.4f}\n",
	       load->n - load->failed, load->failed, elapsed, (load->n - load->failed) / elapsed, cpu_seconds());
	return load->failed == 0 ? 0 : 1;
}

static int run(struct load *load)
{
	uint64_t start = wsc_now_ns();
	double elapsed, cpu;
	unsigned i;

	start_next(load);
	while (load->open + load->failed < load->n) {
		wsc_poll(&load->loop, 100);
		start_next(load);
	}
	elapsed = (double)(wsc_now_ns() - start) * 1e-9;
	/* The greetings are behind us: what comes from now on is what was sent to be measured. */
	while (wsc_poll(&load->loop, 50) > 0)
		if ((double)(wsc_now_ns() - start) * 1e-9 > elapsed + 5)
			break;
	forget(load);
	printf("{\"connected\":%u,\"failed\":%u,\"seconds\":%.4f,\"per_second\":%.0f}\n", load->open, load->failed,
	       elapsed, load->open / elapsed);
	fflush(stdout);
	start = wsc_now_ns();
	cpu = cpu_seconds();
	for (i = 0;; i++) {
		enum input input = NOTHING;

		wsc_poll(&load->loop, 20);
		elapsed = (double)(wsc_now_ns() - start) * 1e-9;
		if ((i & 63u) == 0 && load->awaited == 0)
			input = read_input(load);
		if (input == SAY) {
			forget(load);
			start = wsc_now_ns();
			cpu = cpu_seconds();
		}
		if (input == MARK || (load->awaited > 0 && all_have(load))) {
			load->awaited = 0;
			report(load, elapsed, cpu_seconds() - cpu);
			forget(load);
			start = wsc_now_ns();
			cpu = cpu_seconds();
		}
		if ((load->seconds > 0 && elapsed >= load->seconds) || input == END)
			break;
		if (load->open == 0)
			break;
	}
	report(load, elapsed, cpu_seconds() - cpu);
	return 0;
}

int main(int argc, char **argv)
{
	static const wsc_hooks hooks = { on_open, on_message, on_closed };
	struct load load = { .n = 1, .parallel = 64, .path = "/ws", .mode = "sink" };
	int status;
	unsigned i;

	load.loop.addresses = 16;
	if (parse(&load, argc, argv) != 0) {
		fprintf(stderr,
		        "usage: clients --port P [--clients N] [--path PATH] [--mode sink|latency|idle|slow|handshakes]"
		        " [--seconds S] [--parallel K] [--addresses A] [--header 'Name: value'] [--say TEXT]"
		        " [--rooms R]\n");
		return 2;
	}
	load.handshakes = strcmp(load.mode, "handshakes") == 0;
	load.latency = strcmp(load.mode, "latency") == 0;
	load.slow = strcmp(load.mode, "slow") == 0;
	i = load.loop.addresses;
	setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see what there is */
	wsc_raise_nofile();
	if (wsc_loop_init(&load.loop, &hooks, load.latency) != 0) {
		perror("clients");
		return 1;
	}
	load.loop.addresses = i;
	load.loop.data = &load;
	load.clients = calloc(load.n, sizeof(wsc));
	load.samples = load.latency ? malloc(MAX_SAMPLES * sizeof(uint32_t)) : NULL;
	if (load.clients == NULL || (load.latency && load.samples == NULL)) {
		fprintf(stderr, "clients: out of memory\n");
		return 1;
	}
	status = load.handshakes ? run_handshakes(&load) : run(&load);
	for (i = 0; i < load.n; i++) {
		if (load.clients[i].state != WSC_IDLE)
			wsc_abort(&load.clients[i]);
		wsc_fini(&load.clients[i]);
	}
	wsc_loop_fini(&load.loop);
	free(load.clients);
	free(load.samples);
	return status;
}
