/*
 * floor.c - the floor of any fan-out: bare send() of bytes that were framed beforehand, to N sockets, one after the other.
 * Everything that a server does beyond this is its own cost.
 *
 *   floor --clients N [--size BYTES] [--tick-ms T] [--per-tick K] [--seconds S] [--latency 1] [--handshakes 1]
 *
 * Prints {"port":P}, accepts N clients with a fixed answer, waits for a line on standard input, sends for S seconds and
 * prints one JSON line: CPU per message. With --per-tick K every send() carries K frames. With --latency each message
 * holds "mono_ns". With --handshakes it answers and waits for the client to close, until standard input ends.
 */
#include "../client/ws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct floor {
	unsigned n, size, per_tick;
	double tick_ms, seconds;
	bool latency, handshakes;
	int listener;
	int *fds;
	char *bytes;
	size_t len, frame_len;
	uint64_t sent, refused;
};

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int parse(struct floor *floor, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		double value = strtod(argv[i + 1], NULL);

		if (strcmp(argv[i], "--clients") == 0)
			floor->n = (unsigned)value;
		else if (strcmp(argv[i], "--size") == 0)
			floor->size = (unsigned)value;
		else if (strcmp(argv[i], "--tick-ms") == 0)
			floor->tick_ms = value;
		else if (strcmp(argv[i], "--per-tick") == 0)
			floor->per_tick = (unsigned)value;
		else if (strcmp(argv[i], "--seconds") == 0)
			floor->seconds = value;
		else if (strcmp(argv[i], "--latency") == 0)
			floor->latency = value > 0;
		else if (strcmp(argv[i], "--handshakes") == 0)
			floor->handshakes = value > 0;
		else
			return -1;
	}
	return i == argc && floor->n > 0 && floor->size >= 64 && floor->size < 65536 && floor->per_tick > 0 ? 0 : -1;
}

static int listen_any(struct floor *floor)
{
	struct sockaddr_in local = { .sin_family = AF_INET };
	socklen_t size = sizeof(local);
	int one = 1;

	local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	floor->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(floor->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(floor->listener, (struct sockaddr *)&local, sizeof(local)) != 0 ||
	    listen(floor->listener, 4096) != 0 || getsockname(floor->listener, (struct sockaddr *)&local, &size) != 0) {
		perror("floor");
		return -1;
	}
	printf("{\"port\":%u}\n", ntohs(local.sin_port));
	fflush(stdout);
	return 0;
}

static int accept_all(struct floor *floor)
{
	char request[4096];
	int one = 1;
	unsigned i;

	for (i = 0; i < floor->n; i++) {
		int fd = accept4(floor->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0 || read(fd, request, sizeof(request)) <= 0 || write(fd, answer, sizeof(answer) - 1) < 0) {
			perror("floor");
			return -1;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		fcntl(fd, F_SETFL, O_NONBLOCK);
		floor->fds[i] = fd;
	}
	return 0;
}

/* `per_tick` text frames of `size` bytes of payload each: the timestamp, then filling. */
static int make_bytes(struct floor *floor)
{
	unsigned i;

	floor->frame_len = (floor->size < 126 ? 2u : 4u) + floor->size;
	floor->len = floor->frame_len * floor->per_tick;
	floor->bytes = malloc(floor->len + 1);
	if (floor->bytes == NULL)
		return -1;
	memset(floor->bytes, 'a', floor->len);
	for (i = 0; i < floor->per_tick; i++) {
		unsigned char *frame = (unsigned char *)floor->bytes + i * floor->frame_len;

		frame[0] = 0x81;
		frame[1] = floor->size < 126 ? (unsigned char)floor->size : 126;
		if (floor->size >= 126) {
			frame[2] = (unsigned char)(floor->size >> 8);
			frame[3] = (unsigned char)floor->size;
		}
	}
	return 0;
}

static void stamp(struct floor *floor)
{
	char text[48];
	int len = snprintf(text, sizeof(text), "{\"mono_ns\":%020llu,", (unsigned long long)wsc_now_ns());

	memcpy(floor->bytes + (floor->size < 126 ? 2 : 4), text, (size_t)len);
}

static void send_all(struct floor *floor)
{
	unsigned i;

	if (floor->latency)
		stamp(floor);
	for (i = 0; i < floor->n; i++) {
		ssize_t sent = send(floor->fds[i], floor->bytes, floor->len, MSG_NOSIGNAL);

		if (sent == (ssize_t)floor->len)
			floor->sent += floor->per_tick;
		else
			floor->refused++;
	}
}

static void measure(struct floor *floor)
{
	uint64_t start = wsc_now_ns(), next = start, tick = (uint64_t)(floor->tick_ms * 1e6), now = start;
	double cpu = cpu_seconds(), elapsed;

	while (now - start < (uint64_t)(floor->seconds * 1e9)) {
		struct timespec until;

		send_all(floor);
		next += tick;
		now = wsc_now_ns();
		if (next < now)
			next = now;
		until.tv_sec = (time_t)(next / 1000000000u);
		until.tv_nsec = (long)(next % 1000000000u);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		now = wsc_now_ns();
	}
	elapsed = (double)(now - start) * 1e-9;
	cpu = cpu_seconds() - cpu;
	printf("{\"sent\":%llu,\"refused\":%llu,\"seconds\":%.4f,\"cpu_seconds\":%.4f,\"cpu_us_per_message\":%.4f}\n",
	       (unsigned long long)floor->sent, (unsigned long long)floor->refused, elapsed, cpu,
	       cpu * 1e6 / (double)(floor->sent > 0 ? floor->sent : 1));
	fflush(stdout);
}

/* accept, read the request, answer, close when the client does; and nothing else. */
static void answer_handshakes(struct floor *floor)
{
	struct epoll_event events[256], event = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC), ready, i;
	char request[4096];

	fcntl(floor->listener, F_SETFL, O_NONBLOCK);
	event.data.fd = floor->listener;
	epoll_ctl(ep, EPOLL_CTL_ADD, floor->listener, &event);
	event.data.fd = STDIN_FILENO;
	epoll_ctl(ep, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	for (;;) {
		ready = epoll_wait(ep, events, 256, -1);
		for (i = 0; i < ready; i++) {
			int fd = events[i].data.fd;

			if (fd == STDIN_FILENO) {
				printf("{\"cpu_seconds\":%.4f}\n", cpu_seconds());
				close(ep);
				return;
			}
			if (fd == floor->listener) {
				while ((fd = accept4(floor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
					event.data.fd = fd;
					epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
				}
			} else if (read(fd, request, sizeof(request)) <= 0 ||
			           write(fd, answer, sizeof(answer) - 1) < 0) {
				close(fd);
			}
		}
	}
}

int main(int argc, char **argv)
{
	struct floor floor = { .n = 1000, .size = 300, .per_tick = 1, .tick_ms = 20, .seconds = 4 };
	char line[64];
	int status = 1;

	if (parse(&floor, argc, argv) != 0) {
		fprintf(stderr, "usage: floor --clients N [--size BYTES] [--tick-ms T] [--per-tick K] [--seconds S]"
		                " [--latency 1] [--handshakes 1]\n");
		return 2;
	}
	wsc_raise_nofile();
	floor.fds = calloc(floor.n, sizeof(int));
	if (floor.fds == NULL || make_bytes(&floor) != 0 || listen_any(&floor) != 0)
		goto out;
	status = 0;
	if (floor.handshakes) {
		answer_handshakes(&floor);
	} else if (accept_all(&floor) != 0) {
		status = 1;
	} else if (fgets(line, sizeof(line), stdin) != NULL) {
		measure(&floor);
	}
out:
	free(floor.fds);
	free(floor.bytes);
	return status;
}
