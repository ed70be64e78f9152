/*
 * libwebsockets keeps the sockets: it watches them on our loop, buffers what a socket did not take, and closes them. Its role is
 * "raw": bytes as they come. wire/ and this folder read and write HTTP and WebSocket themselves, in one way for every socket.
 */
#include "sockets/server.h"

#include <fcntl.h>
#include <libwebsockets.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "core/core.h"
#include "sockets/session.h"

#define PROTOCOL "ws_manager"
#define READ_SIZE 65536u /* most bytes of one read; one buffer for all connections */

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct wsm__session *session = wsi ? lws_get_opaque_user_data(wsi) : NULL;

	(void)user;
	if (!session)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_RX:
		wsm__core_now(session->core);
		wsm__session_receive(session, in, len);
		break;
	case LWS_CALLBACK_RAW_WRITEABLE:
		wsm__core_now(session->core);
		wsm__session_writable(session);
		break;
	case LWS_CALLBACK_RAW_CLOSE:
		lws_set_opaque_user_data(wsi, NULL);
		wsm__core_now(session->core);
		wsm__session_gone(session);
		break;
	default:
		break;
	}
	return 0;
}

/* libwebsockets cuts a write at tx_packet_size. */
static const struct lws_protocols protocols[] = {
	{ .name = PROTOCOL, .callback = callback, .tx_packet_size = 1u << 20 },
	{ .name = NULL },
};

/* libwebsockets' log has no context and goes to stderr by default; most of its errors mean nothing here. */
static void swallow_log(int level, const char *line)
{
	(void)level;
	(void)line;
}

/* Right after lws_create_context() nothing else on the loop watches a descriptor. */
static void find_event_pipe(uv_handle_t *handle, void *found)
{
	if (handle->type == UV_POLL)
		uv_fileno(handle, found);
}

/*
 * libwebsockets closes the descriptor of its event pipe twice: in lws_context_destroy(), and when libuv has closed the handle. Between
 * the two any thread may get the number, and would lose its file. So take the number; if another thread was faster, keep a copy of
 * its file, and give it back after the second close.
 */
static void hold_event_pipe(struct wsm__core *core)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	core->held = -1;
	if (fd < 0 || core->event_pipe < 0)
		return;
	core->held = fd == core->event_pipe ? fd : fcntl(fd, F_DUPFD_CLOEXEC, core->event_pipe);
	if (fd != core->held)
		close(fd);
	core->others = core->held != core->event_pipe;
	if (!core->others)
		return;
	if (core->held >= 0)
		close(core->held);
	core->held = fcntl(core->event_pipe, F_DUPFD_CLOEXEC, 0);
}

static void release_event_pipe(struct wsm__core *core)
{
	bool closed = core->event_pipe >= 0 && fcntl(core->event_pipe, F_GETFD) < 0;

	if (core->held < 0)
		return;
	if (core->others && closed)
		dup3(core->held, core->event_pipe, O_CLOEXEC);
	if (core->others || !closed)
		close(core->held);
	core->held = -1;
}

int wsm__server_open(struct wsm__core *core, wsm_error *error)
{
	struct lws_context_creation_info info;
	void *loops[1] = { &core->loop };

	lws_set_log_level(0, swallow_log);
	memset(&info, 0, sizeof(info));
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.protocols = protocols;
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
	               LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	info.foreign_loops = loops;
	info.user = core;
	info.pt_serv_buf_size = READ_SIZE;
	core->event_pipe = core->held = -1;
	core->lws = lws_create_context(&info);
	uv_walk(&core->loop, find_event_pipe, &core->event_pipe);
	if (core->lws)
		core->vhost = lws_create_vhost(core->lws, &info);
	if (core->vhost)
		return WSM_OK;
	return wsm__fail(error, WSM_ESYSTEM,
	                 "libwebsockets could not be started; is its libuv plugin (libwebsockets-evlib-uv) installed?");
}

void wsm__server_close(struct wsm__core *core)
{
	if (!core->lws)
		return;
	lws_context_destroy(core->lws);
	hold_event_pipe(core);
}

void wsm__server_fini(struct wsm__core *core)
{
	release_event_pipe(core);
	if (core->lws)
		lws_context_destroy(core->lws);
	core->lws = NULL;
}

struct lws *wsm__server_adopt(struct wsm__core *core, int fd, struct wsm__session *session)
{
	lws_adopt_desc_t socket;

	memset(&socket, 0, sizeof(socket));
	socket.vh = core->vhost;
	socket.type = LWS_ADOPT_SOCKET;
	socket.fd.sockfd = fd;
	socket.vh_prot_name = PROTOCOL;
	socket.opaque = session;
	return lws_adopt_descriptor_vhost_via_info(&socket);
}
