/*
 * hostile.c - clients that one would rather not have. They come back when they are thrown out, at a bounded pace.
 *
 *   hostile --port P [--half N] [--mute N] [--flood N] [--rate R] [--path /ws/project/r0]
 *
 *   half   sockets that send half a request and nothing more; ended ones are replaced, N / 5 a second at most
 *   mute   clients with a small receive buffer that never read
 *   flood  clients that send R (10,000) commands a second each, reading what comes
 *
 * Prints one line of JSON when all of them are there, and one for each line of its input; ends with its input. For `end` too.
 */
#include "../client/ws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char half_a_request[] = "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upg";

enum kind { MUTE, FLOOD };

struct guest {
	wsc client;
	enum kind kind;
	bool away;
	uint64_t due_ns;
};

struct hostile {
	wsc_loop loop;
	struct guest *guests;
	int *halves; /* descriptors; -1: to be opened */
	unsigned port, n_half, n_mute, n_flood, rate, open, halves_open;
	const char *path;
	uint64_t opened_ns, flooded_ns;
	uint64_t half_opened, half_ended, sent, thrown_out, refused;
	int last_code;
};

/* ---- half handshakes -------------------------------------------------------------------------------------------- */

static int open_half(const struct hostile *hostile, unsigned index)
{
	struct sockaddr_in local = { .sin_family = AF_INET }, peer = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	local.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 100u + index % 16u);
	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer.sin_port = htons((uint16_t)hostile->port);
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) != 0 ||
	    connect(fd, (struct sockaddr *)&peer, sizeof(peer)) != 0 ||
	    send(fd, half_a_request, sizeof(half_a_request) - 1, MSG_NOSIGNAL) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A fifth of them a second: what a server that ends them after ten seconds will have to do with. */
static void keep_halves(struct hostile *hostile, uint64_t now)
{
	double seconds = (double)(now - hostile->opened_ns) * 1e-9;
	unsigned allowed = (unsigned)(hostile->n_half / 5.0 * seconds), i;
	char byte;

	if (hostile->n_half == 0 || seconds < 0.05)
		return;
	hostile->opened_ns = now;
	for (i = 0; i < hostile->n_half; i++) {
		int fd = hostile->halves[i];

		if (fd >= 0) {
			ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);

			if (got > 0 || (got < 0 && errno == EAGAIN))
				continue;
			close(fd);
			hostile->halves[i] = -1;
			hostile->half_ended++;
			hostile->halves_open--;
		}
		if (allowed > 0) {
			allowed--;
			hostile->halves[i] = open_half(hostile, i);
			hostile->half_opened += hostile->halves[i] >= 0;
			hostile->halves_open += hostile->halves[i] >= 0;
		}
	}
}

/* ---- mute and flooding clients ---------------------------------------------------------------------------------- */

static void on_open(wsc *client)
{
	struct hostile *hostile = client->loop->data;
	struct guest *guest = client->data;

	hostile->open++;
	if (guest->kind == MUTE)
		wsc_set_reading(client, false);
}

static void on_closed(wsc *client, int end)
{
	struct hostile *hostile = client->loop->data;
	struct guest *guest = client->data;

	if (client->http_status == 101)
		hostile->open--;
	else
		hostile->refused++;
	hostile->thrown_out++;
	hostile->last_code = end;
	guest->away = true;
	guest->due_ns = wsc_now_ns() + 200000000u;
}

static void come_back(struct hostile *hostile, uint64_t now)
{
	unsigned i;

	for (i = 0; i < hostile->n_mute + hostile->n_flood; i++) {
		struct guest *guest = &hostile->guests[i];

		/* A client that does not read sees no end either. */
		if (!guest->away && guest->kind == MUTE && guest->client.state == WSC_OPEN) {
			struct pollfd poller = { .fd = guest->client.fd, .events = 0 };

			if (poll(&poller, 1, 0) > 0 && (poller.revents & (POLLERR | POLLHUP)) != 0)
				wsc_abort(&guest->client);
		}
		if (guest->away && now >= guest->due_ns)
			guest->away = wsc_open(&hostile->loop, &guest->client, hostile->port, hostile->path, NULL) != 0;
	}
}

static void flood(struct hostile *hostile, uint64_t now)
{
	double seconds = (double)(now - hostile->flooded_ns) * 1e-9;
	unsigned i, k, batch = (unsigned)(seconds * hostile->rate);

	if (hostile->n_flood == 0 || batch < 10)
		return;
	hostile->flooded_ns = now;
	for (i = hostile->n_mute; i < hostile->n_mute + hostile->n_flood; i++) {
		wsc *client = &hostile->guests[i].client;

		for (k = 0; k < batch && client->state == WSC_OPEN && client->tx_len < 65536; k++)
			if (wsc_send_text(client, "{\"action\":\"history\",\"room\":\"project:r0\",\"limit\":10}") == 0)
				hostile->sent++;
	}
}

/* ---- the program ------------------------------------------------------------------------------------------------ */

static void report(const struct hostile *hostile)
{
	printf("{\"half\":%u,\"half_opened\":%llu,\"half_ended\":%llu,\"open\":%u,\"sent\":%llu,\"thrown_out\":%llu,"
	       "\"refused\":%llu,\"last_code\":%d}\n",
	       hostile->halves_open, (unsigned long long)hostile->half_opened, (unsigned long long)hostile->half_ended,
	       hostile->open, (unsigned long long)hostile->sent, (unsigned long long)hostile->thrown_out,
	       (unsigned long long)hostile->refused, hostile->last_code);
	fflush(stdout);
}

static int parse(struct hostile *hostile, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		unsigned number = (unsigned)strtoul(value, NULL, 10);

		if (strcmp(name, "--port") == 0)
			hostile->port = number;
		else if (strcmp(name, "--half") == 0)
			hostile->n_half = number;
		else if (strcmp(name, "--mute") == 0)
			hostile->n_mute = number;
		else if (strcmp(name, "--flood") == 0)
			hostile->n_flood = number;
		else if (strcmp(name, "--rate") == 0)
			hostile->rate = number;
		else if (strcmp(name, "--path") == 0)
			hostile->path = value;
		else
			return -1;
	}
	return i == argc && hostile->port > 0 ? 0 : -1;
}

static bool prepare(struct hostile *hostile)
{
	static const wsc_hooks hooks = { on_open, NULL, on_closed };
	unsigned n = hostile->n_mute + hostile->n_flood, i;

	hostile->guests = calloc(n + 1, sizeof(*hostile->guests));
	hostile->halves = malloc((hostile->n_half + 1) * sizeof(int));
	if (hostile->guests == NULL || hostile->halves == NULL || wsc_loop_init(&hostile->loop, &hooks, false) != 0)
		return false;
	hostile->loop.data = hostile;
	hostile->loop.addresses = 250; /* theirs are not those of the honest */
	for (i = 0; i < n; i++) {
		struct guest *guest = &hostile->guests[i];

		guest->kind = i < hostile->n_mute ? MUTE : FLOOD;
		guest->client.index = 200 + i % 50;
		guest->client.data = guest;
		guest->client.receive_buffer = guest->kind == MUTE ? 4096 : 0;
		guest->away = true;
	}
	for (i = 0; i < hostile->n_half; i++) {
		hostile->halves[i] = open_half(hostile, i);
		hostile->half_opened += hostile->halves[i] >= 0;
		hostile->halves_open += hostile->halves[i] >= 0;
	}
	hostile->opened_ns = hostile->flooded_ns = wsc_now_ns();
	return true;
}

int main(int argc, char **argv)
{
	struct hostile hostile = { .rate = 10000, .path = "/ws/project/r0" };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	bool told = false;
	char line[256];

	if (parse(&hostile, argc, argv) != 0) {
		fprintf(stderr, "usage: hostile --port P [--half N] [--mute N] [--flood N] [--rate R] [--path PATH]\n");
		return 2;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	wsc_raise_nofile();
	if (!prepare(&hostile)) {
		perror("hostile");
		return 1;
	}
	for (;;) {
		uint64_t now;

		wsc_poll(&hostile.loop, 10);
		now = wsc_now_ns();
		come_back(&hostile, now);
		keep_halves(&hostile, now);
		flood(&hostile, now);
		if (!told && hostile.open == hostile.n_mute + hostile.n_flood) {
			told = true;
			report(&hostile);
		}
		if (poll(&input, 1, 0) > 0) {
			if (fgets(line, sizeof(line), stdin) == NULL)
				return 0;
			report(&hostile);
			if (strncmp(line, "end", 3) == 0)
				return 0;
		}
	}
}
