#include "raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- sockets ---------------------------------------------------------------------------------------------------- */

static void limit_waiting(int fd)
{
	struct timeval limit = { .tv_sec = WAIT_SECS };
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int raw_connect(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	limit_waiting(fd);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		give_up("connect to 127.0.0.1:%u: %s", port, strerror(errno));
	return fd;
}

int raw_connect6(unsigned port)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
	                           .sin6_port = htons((uint16_t)port),
	                           .sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	limit_waiting(fd);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		give_up("connect to [::1]:%u: %s", port, strerror(errno));
	return fd;
}

void raw_pair(int *host_side, int *client_side)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &len))
		give_up("no listening socket: %s", strerror(errno));
	*client_side = raw_connect(ntohs(at.sin_port));
	*host_side = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(*host_side >= 0);
	close(listener);
}

void raw_send(int fd, const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		ssize_t sent = send(fd, from, len, MSG_NOSIGNAL);

		if (sent <= 0)
			give_up("send: %s", strerror(errno));
		from += sent;
		len -= (size_t)sent;
	}
}

void raw_say(int fd, const char *text)
{
	raw_send(fd, text, strlen(text));
}

void raw_try_send(int fd, const void *data, size_t len)
{
	const char *from = data;
	ssize_t sent;

	while (len && (sent = send(fd, from, len, MSG_NOSIGNAL)) > 0) {
		from += sent;
		len -= (size_t)sent;
	}
}

bool raw_read(int fd, void *data, size_t len)
{
	char *to = data;

	while (len) {
		ssize_t got = recv(fd, to, len, 0);

		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			give_up("nothing came for %d s", WAIT_SECS);
		if (got <= 0)
			return false;
		to += got;
		len -= (size_t)got;
	}
	return true;
}

bool raw_ended(int fd)
{
	char byte;

	return !raw_read(fd, &byte, 1);
}

void raw_drain(int fd)
{
	char bytes[4096];
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		;
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		give_up("the peer does not close");
}

/* ---- WebSocket -------------------------------------------------------------------------------------------------- */

const char *raw_upgrade(char *out, size_t size, const char *path, const char *headers)
{
	int len = snprintf(
		out, size,
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" RAW_KEY_LINE
		"Sec-WebSocket-Version: 13\r\n%s\r\n",
		path, headers ? headers : "");

	assert_in_range(len, 1, size - 1);
	return out;
}

void raw_head(int fd, char *head, size_t size)
{
	size_t len = 0;

	while (len + 1 < size && raw_read(fd, head + len, 1)) {
		head[++len] = '\0';
		if (len >= 4 && !memcmp(head + len - 4, "\r\n\r\n", 4))
			return;
	}
	head[len] = '\0';
}

int raw_open(unsigned port, const char *path)
{
	char request[2048], head[2048];
	int fd = raw_connect(port);

	raw_say(fd, raw_upgrade(request, sizeof(request), path, NULL));
	raw_head(fd, head, sizeof(head));
	if (strncmp(head, "HTTP/1.1 101 ", 13) != 0)
		give_up("no 101: %s", head);
	return fd;
}

size_t raw_put_frame(uint8_t *out, size_t at, bool fin, unsigned opcode, const void *data, size_t len)
{
	static const uint8_t mask[4] = { 0x5a, 0x00, 0xff, 0x13 };
	const uint8_t *bytes = data;

	out[at++] = (uint8_t)((fin ? 0x80u : 0u) | opcode);
	if (len < 126) {
		out[at++] = (uint8_t)(0x80u | len);
	} else if (len < 65536) {
		out[at++] = 0x80u | 126u;
		out[at++] = (uint8_t)(len >> 8);
		out[at++] = (uint8_t)len;
	} else {
		out[at++] = 0x80u | 127u;
		for (unsigned i = 0; i < 8; i++)
			out[at++] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	}
	memcpy(out + at, mask, 4);
	at += 4;
	for (size_t i = 0; i < len; i++)
		out[at++] = bytes[i] ^ mask[i & 3];
	return at;
}

void raw_frame(int fd, bool fin, unsigned opcode, const void *data, size_t len)
{
	uint8_t *bytes = malloc(len + 14);

	raw_send(fd, bytes, raw_put_frame(bytes, 0, fin, opcode, data, len));
	free(bytes);
}

bool raw_next(int fd, struct raw_frame *frame)
{
	uint8_t head[2], more[8];
	unsigned extra;

	if (!raw_read(fd, head, 2))
		return false;
	frame->fin = (head[0] & 0x80u) != 0;
	frame->opcode = head[0] & 0x0fu;
	frame->len = head[1] & 0x7fu;
	assert_int_equal(head[1] & 0x80u, 0); /* a server does not mask */
	extra = frame->len == 127 ? 8 : frame->len == 126 ? 2 : 0;
	if (extra) {
		assert_true(raw_read(fd, more, extra));
		frame->len = 0;
		for (unsigned i = 0; i < extra; i++)
			frame->len = frame->len << 8 | more[i];
	}
	assert_in_range(frame->len, 0, sizeof(frame->data) - 1);
	if (!raw_read(fd, frame->data, frame->len))
		return false;
	frame->data[frame->len] = '\0';
	return true;
}

void raw_await(int fd, unsigned opcode, struct raw_frame *frame)
{
	do {
		if (!raw_next(fd, frame))
			give_up("the connection ended before a frame of opcode %u", opcode);
	} while (frame->opcode != opcode);
}

int raw_close_code(int fd)
{
	struct raw_frame frame;

	while (raw_next(fd, &frame))
		if (frame.opcode == WSC_CLOSE)
			return frame.len < 2 ? 1005 : (uint8_t)frame.data[0] << 8 | (uint8_t)frame.data[1];
	return -1;
}

/* ---- HTTP ------------------------------------------------------------------------------------------------------- */

void raw_answer(int fd, struct raw_answer *answer, bool head_only)
{
	const char *length;

	memset(answer, 0, sizeof(*answer));
	raw_head(fd, answer->head, sizeof(answer->head));
	if (sscanf(answer->head, "HTTP/1.1 %3u ", &answer->status) != 1)
		return;
	length = strcasestr(answer->head, "\r\ncontent-length:");
	if (!length || head_only)
		return;
	answer->len = strtoul(length + 17, NULL, 10);
	answer->body = calloc(1, answer->len + 1);
	if (!raw_read(fd, answer->body, answer->len))
		give_up("the answer's body is shorter than its Content-Length");
}

void raw_answer_free(struct raw_answer *answer)
{
	free(answer->body);
	answer->body = NULL;
}

unsigned raw_http(unsigned port, const char *request, json_t **body)
{
	struct raw_answer answer;
	int fd = raw_connect(port);

	raw_try_send(fd, request, strlen(request));
	raw_answer(fd, &answer, !strncmp(request, "HEAD ", 5));
	if (body)
		*body = answer.body ? json_loadb(answer.body, answer.len, 0, NULL) : NULL;
	raw_answer_free(&answer);
	close(fd);
	return answer.status;
}

unsigned raw_upgrade_status(unsigned port, const char *request)
{
	return raw_http(port, request, NULL);
}
