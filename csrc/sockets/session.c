#include "sockets/session.h"

#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "clients/peers.h"
#include "core/core.h"
#include "host/adopt.h"
#include "policy/config.h"

#define DEFERRED_MAX 256u /* handshakes; the others wait in the kernel, in order, too */
#define LINGER_MS 2000u   /* for a client to read the last words and close */

/* ---- phases ----------------------------------------------------------------------------------------------------- */

static struct wsm__session **list_of(struct wsm__session *session)
{
	switch (session->phase) {
	case WSM__ENTERING:
		return &session->core->entering;
	case WSM__ANSWERING:
		return &session->core->answering;
	case WSM__DEFERRED:
		return session->served ? &session->core->deferred_again : &session->core->deferred;
	case WSM__ASKING:
		return &session->core->asking;
	case WSM__LINGERING:
		return &session->core->lingering;
	case WSM__DOOMED:
		return &session->core->doomed;
	default:
		return NULL;
	}
}

static void leave_list(struct wsm__session *session)
{
	struct wsm__session **list = list_of(session);

	if (list)
		DL_DELETE(*list, session);
	session->core->n_entering -= session->phase == WSM__ENTERING;
	session->core->n_deferred -= session->phase == WSM__DEFERRED && !session->served;
	if (session->phase == WSM__ASKING)
		wsm__tickets_forget(&session->waits);
}

/* Every list is in the order of deadlines: all of its sessions wait for the same time. */
static void enter_phase(struct wsm__session *session, enum wsm__phase phase)
{
	struct wsm__session **list;

	leave_list(session);
	session->phase = phase;
	list = list_of(session);
	if (list)
		DL_APPEND(*list, session);
	session->core->n_entering += phase == WSM__ENTERING;
	/* Sessions that ask again and again do not keep new ones out. */
	session->core->n_deferred += phase == WSM__DEFERRED && !session->served;
}

static void note_queued(struct wsm__session *session, size_t bytes)
{
	session->core->http_queued += bytes - session->queued;
	session->queued = bytes;
}

void wsm__session_leave_peer(struct wsm__session *session)
{
	note_queued(session, 0);
	if (!session->peer)
		return;
	session->peer->http--;
	session->peer = NULL;
	session->core->n_http--;
}

void wsm__session_open(struct wsm__session *session)
{
	wsm__session_leave_peer(session);
	enter_phase(session, WSM__OPEN);
}

void wsm__session_wait(struct wsm__session *session)
{
	session->deadline_ms = session->core->now_ms + (uint64_t)(session->core->config->handshake_timeout * 1000);
	enter_phase(session, WSM__ENTERING);
	note_queued(session, 0);
}

/* The time limit is for the whole answer: a client that reads a byte now and then gets no more. */
bool wsm__session_answering(struct wsm__session *session, size_t bytes)
{
	if (session->phase == WSM__ANSWERING)
		return false;
	session->deadline_ms = session->core->now_ms + (uint64_t)(session->core->config->answer_timeout * 1000);
	enter_phase(session, WSM__ANSWERING);
	note_queued(session, bytes);
	return true;
}

void wsm__session_asking(struct wsm__session *session)
{
	enter_phase(session, WSM__ASKING);
}

void wsm__session_hold(struct wsm__session *session)
{
	lws_rx_flow_control(session->wsi, 0);
}

void wsm__session_asked(struct wsm__session *session)
{
	wsm__session_wait(session);
	if (!session->choked)
		lws_rx_flow_control(session->wsi, 1);
}

/* ---- requests in turn -------------------------------------------------------------------------------------------- */

static double budget_us(const struct wsm__core *core)
{
	return core->config->handshake_budget * 1000000;
}

static bool has_time(const struct wsm__core *core, bool again)
{
	double budget = budget_us(core);

	return !(budget > 0) || (double)(again ? core->again_us : core->handshake_us) < budget;
}

bool wsm__sessions_may_enter(const struct wsm__core *core, bool first)
{
	return core->n_deferred < DEFERRED_MAX && (first || has_time(core, false));
}

void wsm__session_took(struct wsm__session *session, bool again, uint64_t us)
{
	struct wsm__core *core = session->core;

	if (again)
		core->again_us += us;
	else
		core->handshake_us += us;
}

bool wsm__session_defer(struct wsm__session *session)
{
	struct wsm__core *core = session->core;
	bool others = session->served ? core->deferred_again != NULL : core->deferred != NULL;

	if (session->its_turn || (!others && has_time(core, session->served))) {
		session->its_turn = false;
		return false;
	}
	core->handshakes_deferred++;
	enter_phase(session, WSM__DEFERRED);
	lws_rx_flow_control(session->wsi, 0);
	return true;
}

static void resume_first(struct wsm__session *session)
{
	session->its_turn = true;
	wsm__session_wait(session);
	lws_rx_flow_control(session->wsi, 1);
	session->ops->resume(session);
}

/*
 * New sessions, and those that ask again, have the same time each. If the latter take more, they get less in the next turns: a few
 * that ask for half a megabyte again and again do not keep others out.
 */
void wsm__sessions_resume(struct wsm__core *core)
{
	uint64_t budget = (uint64_t)budget_us(core);

	core->handshake_us = 0;
	core->again_us -= core->again_us < budget ? core->again_us : budget;
	while (core->deferred && has_time(core, false))
		resume_first(core->deferred);
	while (core->deferred_again && has_time(core, true))
		resume_first(core->deferred_again);
}

void wsm__session_doom(struct wsm__session *session)
{
	if (session->phase == WSM__DOOMED)
		return;
	enter_phase(session, WSM__DOOMED);
	wsm__session_leave_peer(session);
}

void wsm__session_linger(struct wsm__session *session)
{
	if (session->phase == WSM__LINGERING || session->phase == WSM__DOOMED)
		return;
	session->deadline_ms = session->core->now_ms + LINGER_MS;
	enter_phase(session, WSM__LINGERING);
	note_queued(session, 0);
	if (session->filter)
		session->filter->end(session, true);
	if (!session->choked)
		shutdown(session->fd, SHUT_WR);
}

void wsm__sessions_expire(struct wsm__core *core)
{
	while (core->entering && core->entering->deadline_ms <= core->now_ms)
		core->entering->ops->expire(core->entering);
	while (core->answering && core->answering->deadline_ms <= core->now_ms) {
		core->counters.answer_timeouts++;
		wsm__session_doom(core->answering);
	}
	while (core->lingering && core->lingering->deadline_ms <= core->now_ms)
		wsm__session_doom(core->lingering);
}

void wsm__sessions_reap(struct wsm__core *core)
{
	while (core->doomed) /* calls back: wsm__session_gone() */
		lws_set_timeout(core->doomed->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------ */

static void session_free(struct wsm__session *session)
{
	struct wsm__core *core = session->core;

	leave_list(session);
	session->ops->end(session);
	if (session->adopt) {
		wsm__adopt_failed(core->runtime, session->adopt->number, 1006, "the handshake failed");
		wsm__adopt_free(session->adopt);
	}
	wsm__session_leave_peer(session);
	wsm_text_free(&session->held);
	if (session->filter)
		session->filter->end(session, false);
	/* Before the close: afterwards the number may be another file's, which a forked child must not close. */
	wsm__runtime_own_fd(core->runtime, session->fd, false);
	free(session);
	core->n_sessions--;
}

struct wsm__session *wsm__session_new(struct wsm__core *core, int fd)
{
	struct wsm__session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->core = core;
	session->fd = fd;
	session->phase = WSM__OPEN; /* in no list */
	return session;
}

void wsm__session_start(struct wsm__session *session)
{
	session->core->n_sessions++;
	wsm__runtime_own_fd(session->core->runtime, session->fd, true);
	wsm__session_wait(session);
}

void wsm__session_gone(struct wsm__session *session)
{
	if (session->core->adopting == session)
		session->core->adopting = NULL;
	session_free(session);
}

/* ---- traffic ---------------------------------------------------------------------------------------------------- */

/* Stops reading while a write waits: libwebsockets would spin over input that it does not read. */
static void choke(struct wsm__session *session, bool choked)
{
	if (session->choked == choked)
		return;
	session->choked = choked;
	if (session->ops->choke)
		session->ops->choke(session, choked);
	lws_rx_flow_control(session->wsi, !choked);
}

bool wsm__session_write(struct wsm__session *session, const void *data, size_t len)
{
	return session->filter ? session->filter->write(session, data, len)
	                       : wsm__session_write_raw(session, data, len);
}

bool wsm__session_write_raw(struct wsm__session *session, const void *data, size_t len)
{
	if (session->phase == WSM__DOOMED)
		return false;
	if (lws_write(session->wsi, (unsigned char *)(uintptr_t)data, len, LWS_WRITE_RAW) < 0) {
		wsm__session_doom(session);
		return false;
	}
	if (lws_partial_buffered(session->wsi)) /* it has asked for the writable callback */
		choke(session, true);
	return true;
}

void wsm__session_writable(struct wsm__session *session)
{
	if (lws_partial_buffered(session->wsi)) {
		lws_callback_on_writable(session->wsi);
		return;
	}
	if (!session->choked)
		return;
	choke(session, false);
	if (session->phase == WSM__LINGERING)
		shutdown(session->fd, SHUT_WR);
	else if (session->phase != WSM__DOOMED)
		session->ops->writable(session);
}

void wsm__session_receive(struct wsm__session *session, uint8_t *data, size_t len)
{
	if (session->filter)
		session->filter->receive(session, data, len);
	else
		wsm__session_receive_plain(session, data, len);
}

void wsm__session_receive_plain(struct wsm__session *session, uint8_t *data, size_t len)
{
	if (session->phase != WSM__LINGERING && session->phase != WSM__DOOMED) /* else it comes too late */
		session->ops->receive(session, data, len);
}

void wsm__session_ip(const struct wsm__session *session, char out[WSM__ADDRESS_TEXT])
{
	struct sockaddr_storage from = { .ss_family = AF_UNSPEC };
	struct wsm__address address;
	socklen_t len = sizeof(from);

	if (session->adopt && session->adopt->has_admission && session->adopt->admission.ip.len) {
		wsm__address_parse(&address, session->adopt->admission.ip); /* valid, wsm_adopt() has seen to that */
	} else {
		if (getpeername(session->fd, (struct sockaddr *)&from, &len))
			from.ss_family = AF_UNSPEC;
		wsm__address_of(&address, (const struct sockaddr *)&from);
	}
	wsm__address_format(&address, out);
}
