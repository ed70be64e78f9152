/*
 * Sockets of the own port whose request has not been read yet, where tokens are taken.
 *
 * A browser has no other header for a token than Sec-WebSocket-Protocol, of which libwebsockets reads 127 bytes. So the head of a
 * GET is looked at here before libwebsockets is: where it offers `wsm.bearer.<token>`, that is taken out; everything else
 * goes on untouched and, if it came in one piece, unread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/server.h"
#include "net/token.h"

#define HEAD_MAX 32768u
#define HEAD_MS 10000u /* for the head, as libwebsockets gives it too */

struct wsm__guest {
	uv_poll_t poll; /* first: what the close callback frees */
	struct wsm__core *core;
	struct wsm__guest *prev, *next;
	int fd;
	uint64_t leave_ms;
	struct wsm__buffer head; /* what was read of a head that came in pieces */
};

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

/* The guest leaves; its socket is the caller's. */
static int let_go(struct wsm__guest *guest)
{
	int fd = guest->fd;

	DL_DELETE(guest->core->guests, guest);
	uv_poll_stop(&guest->poll);
	uv_close((uv_handle_t *)&guest->poll, on_closed);
	wsm__buffer_fini(&guest->head);
	return fd;
}

static void turn_away(struct wsm__guest *guest)
{
	wsm__runtime_own_fd(guest->core->runtime, guest->fd, false);
	close(let_go(guest));
}

/* With what was read from it, if anything. */
static void hand_over(struct wsm__guest *guest)
{
	struct wsm__core *core = guest->core;
	struct wsm__buffer head = guest->head;
	char *bearer = NULL;

	wsm__buffer_init(&guest->head);
	if (head.len)
		head.len = wsm__token_strip(head.data, head.len, &bearer);
	wsm__server_take_read(core, let_go(guest), wsm__slice(head.data, head.len), bearer);
	wsm__buffer_fini(&head);
}

static bool complete(const char *data, size_t len)
{
	return memmem(data, len, "\r\n\r\n", 4) || memmem(data, len, "\n\n", 2);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct wsm__guest *guest = (struct wsm__guest *)(void *)poll;
	char seen[HEAD_MAX];
	size_t room = HEAD_MAX - guest->head.len;
	bool first = guest->head.len == 0;
	ssize_t len = status < 0 ? 0 : recv(guest->fd, seen, room, first ? MSG_PEEK : 0);

	(void)events;
	wsm__core_now(guest->core);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		turn_away(guest);
		return;
	}
	if (first && (memcmp(seen, "GET ", len < 4 ? (size_t)len : 4) != 0 ||
	              (complete(seen, (size_t)len) && !memmem(seen, (size_t)len, "wsm.bearer.", 11)))) {
		hand_over(guest); /* unread */
		return;
	}
	if (first)
		len = recv(guest->fd, seen, (size_t)len, 0);
	if (len > 0)
		wsm__buffer_add(&guest->head, seen, (size_t)len);
	if (guest->head.failed || (guest->head.len >= HEAD_MAX && !complete(guest->head.data, guest->head.len)))
		turn_away(guest);
	else if (guest->head.len && complete(guest->head.data, guest->head.len))
		hand_over(guest);
}

void wsm__lobby_enter(struct wsm__core *core, int fd)
{
	struct wsm__guest *guest = core->runtime->jwt ? calloc(1, sizeof(*guest)) : NULL;

	if (!guest || uv_poll_init(&core->loop, &guest->poll, fd)) {
		free(guest);
		wsm__server_take(core, fd, NULL);
		return;
	}
	guest->core = core;
	guest->fd = fd;
	guest->leave_ms = core->now_ms + HEAD_MS;
	wsm__buffer_init(&guest->head);
	DL_APPEND(core->guests, guest);
	wsm__runtime_own_fd(core->runtime, fd, true);
	uv_poll_start(&guest->poll, UV_READABLE, on_readable);
}

void wsm__lobby_expire(struct wsm__core *core)
{
	while (core->guests && core->guests->leave_ms <= core->now_ms)
		turn_away(core->guests);
}

void wsm__lobby_close(struct wsm__core *core)
{
	while (core->guests)
		turn_away(core->guests);
}
