/* Listens on sockets of its own, so that "localhost" means both loopback addresses, and port 0 the same port on both. */
#include "sockets/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "clients/peers.h"
#include "core/core.h"
#include "host/log.h"
#include "policy/config.h"
#include "sockets/adopt.h"
#include "sockets/session.h"

#define ACCEPTS_PER_TURN 64 /* so that a storm of connections does not delay open ones */
#define BACKLOG 65535       /* the system may cut it: net.core.somaxconn */
#define PORT_TRIES 8        /* port 0: the free port of one family may be taken in the other */

/* Refuses where it costs least, before the core makes anything. Clients of a proxy are checked when their request has come. */
static bool is_welcome(struct wsm__core *core, const struct sockaddr_storage *from)
{
	struct wsm__address address;

	wsm__address_of(&address, (const struct sockaddr *)from);
	return wsm__networks_have(core->config->trusted_proxies, &address) ||
	       wsm__peer_arrives(core, wsm__peer_get(core, &address)) == WSM__ARRIVAL_WELCOME;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct wsm__listener *listener = poll->data;
	struct wsm__core *core = listener->core;

	(void)events;
	if (status < 0 || core->stopping)
		return;
	wsm__core_now(core);
	for (int i = 0; i < ACCEPTS_PER_TURN && wsm__sessions_may_enter(core, i == 0); i++) {
		struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
		socklen_t len = sizeof(from);
		int fd = accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			uint64_t start = wsm__mono_us();

			if (is_welcome(core, &from))
				wsm__socket_take(core, fd, NULL);
			else
				close(fd);
			core->handshake_us += wsm__mono_us() - start + core->tls_handshake_us;
			continue;
		}
		if (errno == EMFILE || errno == ENFILE) {
			/* The listening socket stays readable: look again in a while instead of spinning. */
			uv_poll_stop(&listener->poll);
			core->accept_paused = true;
			wsm__log(
				core->runtime, WSM_ERROR,
				"the process has no file descriptors left: new connections on the own port wait; raise "
				"its limit (ulimit -n), or lower max_connections");
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

void wsm__listen_resume(struct wsm__core *core)
{
	core->accept_paused = false;
	for (unsigned i = 0; i < core->n_listeners; i++)
		uv_poll_start(&core->listeners[i].poll, UV_READABLE, on_readable);
}

static int bind_one(const struct addrinfo *address, unsigned port, bool reuse_port)
{
	struct sockaddr_storage at;
	int one = 1, fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

	if (fd < 0)
		return -1;
	memcpy(&at, address->ai_addr, address->ai_addrlen);
	if (address->ai_family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		((struct sockaddr_in6 *)(void *)&at)->sin6_port = htons((uint16_t)port);
	} else {
		((struct sockaddr_in *)(void *)&at)->sin_port = htons((uint16_t)port);
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (reuse_port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (!bind(fd, (struct sockaddr *)&at, address->ai_addrlen) && !listen(fd, BACKLOG))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	if (getsockname(fd, (struct sockaddr *)&at, &len))
		return 0;
	return at.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)(void *)&at)->sin6_port)
	                                : ntohs(((struct sockaddr_in *)(void *)&at)->sin_port);
}

/* Binds all addresses to one port, but for families that the machine lacks. Returns how many, or -1 with errno. */
static int bind_all(const struct addrinfo *addresses, unsigned *port, bool reuse_port, int fds[WSM__LISTENERS_MAX])
{
	int n = 0;

	for (const struct addrinfo *address = addresses; address && n < WSM__LISTENERS_MAX;
	     address = address->ai_next) {
		int fd = bind_one(address, *port, reuse_port);

		if (fd >= 0) {
			*port = port_of(fd);
			fds[n++] = fd;
			continue;
		}
		if (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT || errno == EINVAL)
			continue;
		while (n)
			close(fds[--n]);
		return -1;
	}
	if (!n)
		errno = EADDRNOTAVAIL;
	return n ? n : -1;
}

/* Spells out "localhost" and "*": resolvers differ between machines. */
static struct addrinfo *resolve(const char *host, wsm_error *error)
{
	const char *const both[][2] = { { "127.0.0.1", "::1" }, { "0.0.0.0", "::" } };
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *first = NULL, *second = NULL;
	bool local = !strcmp(host, "localhost"), all = !strcmp(host, "*");
	int failed;

	if (local || all) {
		hints.ai_flags |= AI_NUMERICHOST;
		failed = getaddrinfo(both[all][0], "0", &hints, &first);
		if (!failed && !getaddrinfo(both[all][1], "0", &hints, &second))
			first->ai_next = second;
	} else {
		failed = getaddrinfo(host, "0", &hints, &first);
	}
	if (!failed)
		return first;
	wsm__fail(error, WSM_ECONFIG, "host \"%s\": %s", host, gai_strerror(failed));
	return NULL;
}

static int start_listener(struct wsm__core *core, int fd)
{
	struct wsm__listener *listener = &core->listeners[core->n_listeners];

	listener->core = core;
	listener->fd = fd;
	listener->poll.data = listener;
	if (uv_poll_init(&core->loop, &listener->poll, fd))
		return WSM_ESYSTEM;
	core->n_listeners++;
	core->open_handles++;
	wsm__runtime_own_fd(core->runtime, fd, true);
	return uv_poll_start(&listener->poll, UV_READABLE, on_readable) ? WSM_ESYSTEM : WSM_OK;
}

static bool is_local(const char *host)
{
	struct wsm__address address;

	return !strcmp(host, "localhost") ||
	       (wsm__address_parse(&address, wsm__str(host)) && wsm__address_is_loopback(&address));
}

int wsm__listen_open(struct wsm__core *core, wsm_error *error)
{
	const char *host = core->config->host, *wanted = core->config->port;
	int fds[WSM__LISTENERS_MAX], n = -1, status = WSM_OK;
	struct addrinfo *addresses;
	unsigned port = 0;

	if (!wanted || !*wanted)
		return WSM_OK;
	addresses = resolve(host, error);
	if (!addresses)
		return WSM_ECONFIG;
	for (int i = 0; i < PORT_TRIES && n < 0; i++) {
		port = (unsigned)strtoul(wanted, NULL, 10);
		n = bind_all(addresses, &port, core->config->reuse_port, fds);
		if (n < 0 && (errno != EADDRINUSE || strcmp(wanted, "0") != 0))
			break;
	}
	freeaddrinfo(addresses);
	if (n < 0)
		return wsm__fail(error, errno == EADDRINUSE ? WSM_EADDRINUSE : WSM_ESYSTEM,
		                 "cannot listen on %s port %s: %s%s", host, wanted, strerror(errno),
		                 errno == EADDRINUSE ? "; another program has the port, choose another or stop it"
		                                     : "");
	for (int i = 0; i < n; i++) {
		if (!status)
			status = start_listener(core, fds[i]);
		else
			close(fds[i]);
	}
	atomic_store(&core->runtime->port, port);
	if (!status)
		wsm__log(core->runtime, WSM_INFO, "listening on port %u of %s, which %s (option host)", port, host,
		         is_local(host) ? "only this machine reaches" : "other machines reach");
	return status ? wsm__fail(error, status, "cannot listen on %s port %s", host, wanted) : WSM_OK;
}

static void on_closed(uv_handle_t *handle)
{
	struct wsm__listener *listener = handle->data;

	wsm__runtime_own_fd(listener->core->runtime, listener->fd, false);
	close(listener->fd);
	listener->core->open_handles--;
}

void wsm__listen_close(struct wsm__core *core)
{
	for (unsigned i = 0; i < core->n_listeners; i++) {
		if (!uv_is_closing((uv_handle_t *)&core->listeners[i].poll))
			uv_close((uv_handle_t *)&core->listeners[i].poll, on_closed);
	}
	core->n_listeners = 0;
}
