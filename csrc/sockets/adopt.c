#include "sockets/adopt.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/core.h"
#include "host/adopt.h"
#include "policy/config.h"
#include "sockets/http.h"
#include "sockets/server.h"
#include "sockets/session.h"
#include "sockets/tls.h"

static void refuse_socket(struct wsm__core *core, int fd, struct wsm__adopt *adopt)
{
	close(fd);
	if (!adopt)
		return;
	wsm__adopt_failed(core->runtime, adopt->number, 1006, "the socket could not be taken over");
	wsm__adopt_free(adopt);
}

static struct wsm__session *make(struct wsm__core *core, int fd, struct wsm__adopt *adopt)
{
	struct wsm__session *session = wsm__session_new(core, fd);

	if (!session)
		return NULL;
	/* No TLS for a socket of the host: the host has read plain bytes from it. */
	if (!wsm__http_begin(session) || (core->runtime->tls && !adopt && !wsm__tls_begin(session))) {
		if (session->ops)
			session->ops->end(session);
		free(session);
		return NULL;
	}
	session->adopt = adopt;
	wsm__session_start(session);
	return session;
}

void wsm__socket_take(struct wsm__core *core, int fd, struct wsm__adopt *adopt)
{
	struct wsm__session *session = make(core, fd, adopt);
	int one = 1;

	if (!session) {
		refuse_socket(core, fd, adopt);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails on other sockets: no matter */
	core->adopting = session;
	session->wsi = wsm__server_adopt(core, fd, session); /* closes the socket where it fails */
	if (!core->adopting)                                 /* and has called back: the session is gone */
		return;
	core->adopting = NULL;
	if (!session->wsi) {
		wsm__session_gone(session);
		return;
	}
	/* The oldest connection without a request makes room. */
	if (core->n_entering > core->config->max_handshakes) {
		core->counters.handshakes_dropped++;
		wsm__session_doom(core->entering);
	}
	if (adopt)
		wsm__entry_receive(session, adopt->request.data, adopt->request.len);
}
