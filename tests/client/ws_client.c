/* ws_client.c - see ws_client.h. */
#include "ws_client.h"

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

#define SCRATCH (256u * 1024u)
#define MAX_ANSWER 16384u
/* The sample key of RFC 6455 section 1.3 and the answer to it: a load generator needs no secrecy, only the check. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

uint64_t wsc_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

unsigned long wsc_raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

int wsc_loop_init(wsc_loop *loop, const wsc_hooks *hooks, bool want_payload)
{
	memset(loop, 0, sizeof(*loop));
	loop->hooks = *hooks;
	loop->want_payload = want_payload;
	loop->addresses = 16;
	loop->random = (uint32_t)wsc_now_ns() | 1u;
	loop->scratch = malloc(SCRATCH);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->scratch != NULL && loop->epoll_fd >= 0 ? 0 : -1;
}

void wsc_loop_fini(wsc_loop *loop)
{
	free(loop->scratch);
	close(loop->epoll_fd);
}

static void watch(wsc *client, int operation)
{
	struct epoll_event event = { .data = { .ptr = client } };

	event.events = (client->reading ? (uint32_t)EPOLLIN : 0u) | (client->want_write ? (uint32_t)EPOLLOUT : 0u);
	epoll_ctl(client->loop->epoll_fd, operation, client->fd, &event);
}

static void finish(wsc *client, int end)
{
	if (client->state == WSC_CLOSED || client->state == WSC_IDLE)
		return;
	close(client->fd);
	client->fd = -1;
	client->state = WSC_CLOSED;
	client->tx_len = 0;
	client->body_len = 0;
	if (client->loop->hooks.closed != NULL)
		client->loop->hooks.closed(client, end);
}

static void broken(wsc *client, const char *why)
{
	client->loop->protocol_errors++;
	client->loop->last_error = why;
	finish(client, WSC_END_PROTOCOL);
}

static bool append(char **buffer, size_t *len, size_t *cap, const void *data, size_t n)
{
	if (*len + n > *cap) {
		size_t want = (*len + n) * 2 + 256;
		char *grown = realloc(*buffer, want);

		if (grown == NULL)
			return false;
		*buffer = grown;
		*cap = want;
	}
	memcpy(*buffer + *len, data, n);
	*len += n;
	return true;
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

static void flush(wsc *client)
{
	ssize_t sent;

	while (client->tx_len > 0) {
		sent = send(client->fd, client->tx, client->tx_len, MSG_NOSIGNAL);
		if (sent < 0)
			break;
		client->tx_len -= (size_t)sent;
		memmove(client->tx, client->tx + sent, client->tx_len);
	}
	/* An error shows up at the next read; only waiting for room concerns us here. */
	if (client->want_write != (client->tx_len > 0)) {
		client->want_write = client->tx_len > 0;
		watch(client, EPOLL_CTL_MOD);
	}
}

static uint32_t next_random(wsc_loop *loop)
{
	loop->random ^= loop->random << 13;
	loop->random ^= loop->random >> 17;
	loop->random ^= loop->random << 5;
	return loop->random;
}

int wsc_send(wsc *client, unsigned opcode, const void *data, size_t len)
{
	uint8_t header[14];
	uint8_t mask[4];
	uint32_t key;
	size_t n = 2, start, i;

	if (client->state != WSC_OPEN)
		return -1;
	header[0] = (uint8_t)(0x80u | opcode);
	if (len < 126) {
		header[1] = (uint8_t)(0x80u | len);
	} else if (len < 65536) {
		header[1] = 0x80u | 126u;
		header[n++] = (uint8_t)(len >> 8);
		header[n++] = (uint8_t)len;
	} else {
		header[1] = 0x80u | 127u;
		for (i = 0; i < 8; i++)
			header[n++] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	}
	key = next_random(client->loop);
	memcpy(mask, &key, 4);
	memcpy(header + n, mask, 4);
	n += 4;
	if (!append(&client->tx, &client->tx_len, &client->tx_cap, header, n))
		return -1;
	start = client->tx_len;
	if (len > 0 && !append(&client->tx, &client->tx_len, &client->tx_cap, data, len))
		return -1;
	for (i = 0; i < len; i++)
		client->tx[start + i] = (char)((uint8_t)client->tx[start + i] ^ mask[i & 3u]);
	flush(client);
	return 0;
}

int wsc_send_text(wsc *client, const char *text)
{
	return wsc_send(client, WSC_TEXT, text, strlen(text));
}

int wsc_close(wsc *client, unsigned code)
{
	uint8_t body[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	return wsc_send(client, WSC_CLOSE, body, 2);
}

void wsc_abort(wsc *client)
{
	finish(client, WSC_END_LOCAL);
}

void wsc_fini(wsc *client)
{
	free(client->tx);
	free(client->body);
	client->tx = client->body = NULL;
	client->tx_cap = client->body_cap = 0;
}

void wsc_set_reading(wsc *client, bool reading)
{
	if (client->reading == reading || client->fd < 0)
		return;
	client->reading = reading;
	watch(client, EPOLL_CTL_MOD);
}

/* ---- connecting ------------------------------------------------------------------------------------------------- */

int wsc_open(wsc_loop *loop, wsc *client, unsigned port, const char *path, const char *headers)
{
	struct sockaddr_in local = { .sin_family = AF_INET }, peer = { .sin_family = AF_INET };
	int one = 1, segment = 536, written;
	char request[8192];

	written = snprintf(request, sizeof(request),
	                   "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	                   "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
	                   path, port, headers != NULL ? headers : "");
	if (written < 0 || (size_t)written >= sizeof(request)) {
		errno = EMSGSIZE;
		return -1;
	}
	client->loop = loop;
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return -1;
	/* One local address has 28,000 ports; the port itself is chosen at connect(). */
	setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (client->receive_buffer > 0) {
		/* The peer sizes its send buffer by the segment, which on loopback has 64 KiB: 2.6 MB of buffer. */
		setsockopt(client->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
		setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &client->receive_buffer, sizeof(int));
	}
	local.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1u + client->index % loop->addresses);
	peer.sin_addr.s_addr = loop->peer != 0 ? loop->peer : htonl(INADDR_LOOPBACK);
	peer.sin_port = htons((uint16_t)port);
	if ((loop->peer == 0 && bind(client->fd, (struct sockaddr *)&local, sizeof(local)) != 0) ||
	    (connect(client->fd, (struct sockaddr *)&peer, sizeof(peer)) != 0 && errno != EINPROGRESS)) {
		int saved = errno;

		close(client->fd);
		client->fd = -1;
		errno = saved;
		return -1;
	}
	client->state = WSC_CONNECTING;
	client->http_status = 0;
	client->messages = client->pings = 0;
	client->header_have = client->message_opcode = client->control_len = 0;
	client->left = client->message_len = 0;
	client->peer_closed = false;
	client->body_len = client->tx_len = 0;
	append(&client->tx, &client->tx_len, &client->tx_cap, request, (size_t)written);
	client->reading = client->want_write = true;
	watch(client, EPOLL_CTL_ADD);
	return 0;
}

/* ---- receiving -------------------------------------------------------------------------------------------------- */

/* Returns how much of `data` was read, or 0 when the connection has ended. */
static size_t read_answer(wsc *client, const char *data, size_t len)
{
	size_t before = client->body_len, used;
	const char *end;

	if (before + len > MAX_ANSWER)
		len = MAX_ANSWER - before;
	if (!append(&client->body, &client->body_len, &client->body_cap, data, len))
		return 0;
	end = memmem(client->body, client->body_len, "\r\n\r\n", 4);
	if (end == NULL) {
		if (client->body_len >= MAX_ANSWER)
			broken(client, "the answer to the request has no end");
		return len;
	}
	used = (size_t)(end + 4 - client->body) - before;
	client->body[end + 2 - client->body] = '\0';
	if (sscanf(client->body, "HTTP/1.1 %3u", &client->http_status) != 1) {
		broken(client, "the answer to the request is not HTTP/1.1");
		return 0;
	}
	if (client->http_status != 101) {
		finish(client, WSC_END_REFUSED);
		return 0;
	}
	if (strstr(client->body, ACCEPT) == NULL) {
		broken(client, "the answer has the wrong Sec-WebSocket-Accept");
		return 0;
	}
	client->body_len = 0;
	client->state = WSC_OPEN;
	if (client->loop->hooks.open != NULL)
		client->loop->hooks.open(client);
	return client->state == WSC_OPEN ? used : 0;
}

/* Reads as much of a frame header as there is. Returns bytes used; sets client->left when it is complete. */
static size_t read_header(wsc *client, const uint8_t *data, size_t len, bool *complete)
{
	size_t used = 0, need = 2, i;

	*complete = false;
	while (used < len) {
		client->header[client->header_have++] = data[used++];
		if (client->header_have >= 2) {
			unsigned short_len = client->header[1] & 0x7fu;

			need = short_len == 127 ? 10 : short_len == 126 ? 4 : 2;
		}
		if (client->header_have == need)
			break;
	}
	if (client->header_have < need)
		return used;
	client->header_have = 0;
	client->fin = (client->header[0] & 0x80u) != 0;
	client->opcode = client->header[0] & 0x0fu;
	client->left = client->header[1] & 0x7fu;
	if (need > 2) {
		client->left = 0;
		for (i = 2; i < need; i++)
			client->left = client->left << 8 | client->header[i];
	}
	*complete = true;
	return used;
}

/* RFC 6455 section 5.2 and 5.4: what a server's frame header must not say. NULL when it is fine. */
static const char *header_fault(const wsc *client)
{
	if ((client->header[0] & 0x70u) != 0)
		return "a reserved bit is set";
	if ((client->header[1] & 0x80u) != 0)
		return "a server's frame is masked";
	if (client->opcode >= 8)
		return client->opcode > WSC_PONG            ? "a reserved opcode"
		       : !client->fin || client->left > 125 ? "a control frame is fragmented or too long"
		                                            : NULL;
	if (client->opcode > WSC_BINARY)
		return "a reserved opcode";
	if (client->opcode == WSC_CONTINUATION && client->message_opcode == 0)
		return "a continuation of nothing";
	if (client->opcode != WSC_CONTINUATION && client->message_opcode != 0)
		return "a new message inside a fragmented one";
	if ((client->header[1] & 0x7fu) == 126 && client->left < 126)
		return "a length is not encoded in the shortest way";
	if ((client->header[1] & 0x7fu) == 127 && client->left < 65536)
		return "a length is not encoded in the shortest way";
	return client->peer_closed ? "a message after a Close frame" : NULL;
}

static void end_control(wsc *client)
{
	if (client->opcode == WSC_PING) {
		client->pings++;
		wsc_send(client, WSC_PONG, client->control, client->control_len);
	} else if (client->opcode == WSC_CLOSE) {
		int code = client->control_len >= 2
		                   ? (int)((uint8_t)client->control[0] << 8 | (uint8_t)client->control[1])
		                   : 1005;

		client->peer_closed = true;
		wsc_send(client, WSC_CLOSE, client->control, client->control_len >= 2 ? 2 : 0);
		finish(client, code);
	}
}

static void end_message(wsc *client, const char *data, size_t len)
{
	unsigned opcode = client->message_opcode;

	client->messages++;
	client->message_opcode = 0;
	client->message_len = 0;
	if (client->loop->hooks.message != NULL)
		client->loop->hooks.message(client, opcode, client->loop->want_payload ? data : NULL, len);
	client->body_len = 0;
}

/* Payload bytes of the frame under way; `take` <= client->left. Calls the hook when the message is complete. */
static bool read_payload(wsc *client, const char *data, size_t take)
{
	wsc_loop *loop = client->loop;
	bool control = client->opcode >= 8;

	client->left -= take;
	if (control) {
		memcpy(client->control + client->control_len, data, take);
		client->control_len += (unsigned)take;
		if (client->left == 0)
			end_control(client);
		return client->state == WSC_OPEN;
	}
	client->message_len += take;
	if (client->left == 0 && client->fin && (client->body_len == 0 || !loop->want_payload)) {
		end_message(client, data, client->message_len); /* the usual case: no copy */
		return client->state == WSC_OPEN;
	}
	if (loop->want_payload && !append(&client->body, &client->body_len, &client->body_cap, data, take)) {
		broken(client, "out of memory");
		return false;
	}
	if (client->left == 0 && client->fin)
		end_message(client, client->body, client->body_len);
	return client->state == WSC_OPEN;
}

static void read_frames(wsc *client, const char *data, size_t len)
{
	const char *fault;
	bool complete;
	size_t used;

	client->loop->bytes += len;
	while (len > 0) {
		if (client->left > 0) {
			used = client->left < len ? (size_t)client->left : len;
			if (!read_payload(client, data, used))
				return;
			data += used;
			len -= used;
			continue;
		}
		used = read_header(client, (const uint8_t *)data, len, &complete);
		data += used;
		len -= used;
		if (!complete)
			return;
		fault = header_fault(client);
		if (fault != NULL) {
			broken(client, fault);
			return;
		}
		client->loop->frames[client->opcode]++;
		if (client->opcode >= 8)
			client->control_len = 0;
		else if (client->opcode != WSC_CONTINUATION)
			client->message_opcode = client->opcode;
		if (client->left == 0 && !read_payload(client, data, 0))
			return;
	}
}

static void readable(wsc *client)
{
	wsc_loop *loop = client->loop;
	char *data = loop->scratch;
	ssize_t got = recv(client->fd, data, SCRATCH, 0);
	size_t len, used;

	if (got <= 0) {
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		finish(client, got == 0 ? WSC_END_EOF : WSC_END_RESET);
		return;
	}
	len = (size_t)got;
	while (client->state == WSC_HANDSHAKE && len > 0) {
		used = read_answer(client, data, len);
		if (used == 0)
			return;
		data += used;
		len -= used;
	}
	if (client->state == WSC_OPEN && len > 0)
		read_frames(client, data, len);
}

static void connected(wsc *client)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		finish(client, WSC_END_RESET);
		return;
	}
	client->state = WSC_HANDSHAKE;
	flush(client);
}

int wsc_poll(wsc_loop *loop, int timeout_ms)
{
	struct epoll_event events[512];
	int ready = epoll_wait(loop->epoll_fd, events, 512, timeout_ms), i;

	for (i = 0; i < ready; i++) {
		wsc *client = events[i].data.ptr;

		if (client->fd < 0)
			continue; /* closed by a hook that ran before in this batch */
		if (client->state == WSC_CONNECTING) {
			if ((events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
				connected(client);
			continue;
		}
		if ((events[i].events & EPOLLOUT) != 0)
			flush(client);
		if ((events[i].events & EPOLLIN) != 0)
			readable(client);
		else if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0)
			finish(client, WSC_END_RESET);
	}
	return ready < 0 && errno == EINTR ? 0 : ready;
}
