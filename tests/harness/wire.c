/*
 * wire.c - a bad network in one process: two TUN devices, and what goes between them is delayed, lost or cut off.
 *
 *   wire NEAR FAR      (names of devices that it makes; it needs root and /dev/net/tun)
 *
 * Prints one line of JSON when both exist; the caller gives them addresses, one of them in a network namespace of its own. Then
 * each line of its input is obeyed and answered with counts: delay MS (each way), loss PERCENT, cut, join, status. It ends, and
 * the devices with it, at the end of its input.
 *
 * (tc netem does the same, in kernels that have it.)
 */
#include "../client/ws_client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PACKET_MAX = 2048, QUEUE_MAX = 16384 };

struct packet {
	uint64_t due_ns;
	size_t len;
	char bytes[PACKET_MAX];
};

/* One direction. A ring: packets keep their order, since all are delayed alike. */
struct lane {
	int from, to;
	struct packet *ring;
	unsigned first, n;
};

struct wire {
	struct lane lanes[2];
	double delay_ms, loss_percent;
	bool cut;
	uint64_t packets, lost, random;
};

static int make_device(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool is_lost(struct wire *wire)
{
	wire->random ^= wire->random << 13;
	wire->random ^= wire->random >> 7;
	wire->random ^= wire->random << 17;
	return wire->cut || (double)(wire->random % 100000u) < wire->loss_percent * 1000;
}

static void take(struct wire *wire, struct lane *lane, uint64_t now)
{
	for (;;) {
		struct packet *packet = &lane->ring[(lane->first + lane->n) % QUEUE_MAX];
		ssize_t got;

		if (lane->n == QUEUE_MAX)
			return; /* the device's own queue fills up, and drops */
		got = read(lane->from, packet->bytes, PACKET_MAX);
		if (got <= 0)
			return;
		wire->packets++;
		if (is_lost(wire)) {
			wire->lost++;
			continue;
		}
		packet->len = (size_t)got;
		packet->due_ns = now + (uint64_t)(wire->delay_ms * 1e6);
		lane->n++;
	}
}

/* Milliseconds until the next packet is due; -1: none waits. */
static int deliver(struct lane *lane, uint64_t now)
{
	while (lane->n > 0) {
		struct packet *packet = &lane->ring[lane->first];

		if (packet->due_ns > now)
			return (int)((packet->due_ns - now) / 1000000u) + 1;
		if (write(lane->to, packet->bytes, packet->len) < 0 && errno == EAGAIN)
			return 1;
		lane->first = (lane->first + 1) % QUEUE_MAX;
		lane->n--;
	}
	return -1;
}

static bool obey(struct wire *wire)
{
	char line[128];

	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	if (strncmp(line, "cut", 3) == 0)
		wire->cut = true;
	else if (strncmp(line, "join", 4) == 0)
		wire->cut = false;
	else if (sscanf(line, "delay %lf", &wire->delay_ms) != 1 &&
	         sscanf(line, "loss %lf", &wire->loss_percent) != 1 && strncmp(line, "status", 6) != 0)
		fprintf(stderr, "wire: not understood: %s", line);
	printf("{\"packets\":%llu,\"lost\":%llu}\n", (unsigned long long)wire->packets, (unsigned long long)wire->lost);
	fflush(stdout);
	return true;
}

int main(int argc, char **argv)
{
	struct wire wire = { .random = 88172645463325252u };
	int near, far, timeout, i;

	if (argc != 3) {
		fprintf(stderr, "usage: wire NEAR FAR\n");
		return 2;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	near = make_device(argv[1]);
	far = near < 0 ? -1 : make_device(argv[2]);
	if (far < 0) {
		printf("{\"error\":\"/dev/net/tun: %s\"}\n", strerror(errno));
		return 1;
	}
	wire.lanes[0] = (struct lane){ .from = near, .to = far };
	wire.lanes[1] = (struct lane){ .from = far, .to = near };
	for (i = 0; i < 2; i++) {
		wire.lanes[i].ring = malloc(QUEUE_MAX * sizeof(struct packet));
		if (wire.lanes[i].ring == NULL)
			return 1;
	}
	printf("{\"ready\":true}\n");
	fflush(stdout);
	for (timeout = -1;;) {
		struct pollfd polled[3] = { { STDIN_FILENO, POLLIN, 0 }, { near, POLLIN, 0 }, { far, POLLIN, 0 } };
		uint64_t now;

		poll(polled, 3, timeout);
		now = wsc_now_ns();
		timeout = -1;
		for (i = 0; i < 2; i++) {
			int next;

			take(&wire, &wire.lanes[i], now);
			next = deliver(&wire.lanes[i], now);
			if (next >= 0 && (timeout < 0 || next < timeout))
				timeout = next;
		}
		if (polled[0].revents != 0 && !obey(&wire))
			return 0;
	}
}
