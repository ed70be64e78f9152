#include "clients/drain.h"

#include <stdio.h>
#include <stdlib.h>

#include "clients/conn.h"
#include "core/control.h"
#include "policy/config.h"

#define TURN_MS 5u                /* between two waves */
#define PER_MS 1.0                /* clients at least: as many as a small server lets in again */
#define WINDOW_PER_CLIENT_MS 2    /* a server that starts takes some hundred handshakes a second without strain */
#define WINDOW_MIN_MS 1000        /* about what a client waits anyway before it reconnects */
#define GOLDEN 0.6180339887498949 /* multiples of it, modulo 1, are spread evenly however many there are */

/* ---- hints ------------------------------------------------------------------------------------------------------ */

double wsm__drain_window_ms(double drain_spread, uint64_t clients)
{
	double window = (double)clients * WINDOW_PER_CLIENT_MS, most = drain_spread * 1000;

	window = window < WINDOW_MIN_MS ? WINDOW_MIN_MS : window;
	return window < most ? window : most;
}

static unsigned next_hint_ms(struct wsm__core *core)
{
	struct wsm__drain *drain = core->drain;
	double window = wsm__drain_window_ms(core->config->drain_spread, core->n_active);

	/* It never shrinks, although there are fewer with each that goes. */
	if (window > drain->window_ms)
		drain->window_ms = window;
	drain->phase += GOLDEN;
	drain->phase -= drain->phase >= 1;
	drain->hints++;
	return (unsigned)(drain->phase * drain->window_ms / 10) * 10; /* as exact as the reason says it */
}

static void tell(struct wsm__conn *conn, unsigned hint_ms)
{
	struct wsm__pub *pub;
	char data[64];
	int len = snprintf(data, sizeof(data), "{\"reconnect_after_ms\":%u}", hint_ms);

	pub = wsm__control_pub(conn->core, wsm__str("server_draining"), wsm__slice(data, (size_t)len), wsm__str(NULL),
	                       false);
	if (!pub)
		return;
	wsm__sub_push(&conn->core->registry, &conn->sub, pub);
	wsm__pub_unref(pub);
}

void wsm__drain_close(struct wsm__conn *conn)
{
	unsigned hint_ms;
	char reason[80];

	if (conn->state == WSM__CONN_CLOSING)
		return;
	hint_ms = next_hint_ms(conn->core);
	/* Before that, its first message is to be the greeting; and who lags is still sent what was published before. */
	if (conn->state == WSM__CONN_OPEN && !wsm__sub_lags(&conn->sub))
		tell(conn, hint_ms);
	snprintf(reason, sizeof(reason), "the server is shutting down; reconnect in %u.%02u s", hint_ms / 1000,
	         hint_ms % 1000 / 10);
	wsm__conn_close(conn, 1001, reason);
}

/* ---- waves ------------------------------------------------------------------------------------------------------ */

static void end(struct wsm__drain *drain)
{
	uv_timer_stop(&drain->timer);
	free(drain->waiting);
	drain->waiting = NULL;
	drain->n_waiting = drain->capacity = drain->next = 0;
	drain->until_ms = 0;
}

size_t wsm__drain_due(size_t left, uint64_t elapsed_ms, uint64_t remaining_ms)
{
	double rate;

	if (remaining_ms <= TURN_MS)
		return left;
	rate = (double)left / (double)remaining_ms;
	rate = rate > PER_MS ? rate : PER_MS;
	return (size_t)(rate * (double)elapsed_ms) + 1;
}

static void turn(struct wsm__core *core)
{
	struct wsm__drain *drain = core->drain;
	uint64_t remaining_ms = drain->until_ms > core->now_ms ? drain->until_ms - core->now_ms : 0;
	size_t n = wsm__drain_due(drain->n_waiting - drain->next, core->now_ms - drain->turned_ms, remaining_ms);

	drain->turned_ms = core->now_ms;
	while (n && drain->next < drain->n_waiting) {
		struct wsm__conn *conn = wsm__conn_by_number(core, drain->waiting[drain->next++]);

		if (!conn || conn->state == WSM__CONN_CLOSING) /* has gone by itself meanwhile */
			continue;
		wsm__drain_close(conn);
		n--;
	}
	if (drain->next == drain->n_waiting)
		end(drain);
}

static void on_timer(uv_timer_t *timer)
{
	struct wsm__core *core = timer->data;

	wsm__core_now(core);
	turn(core);
}

/* False when out of memory. Who waits already keeps its turn. */
static bool append(struct wsm__drain *drain, struct wsm__conn *conn)
{
	if (conn->draining || conn->state == WSM__CONN_CLOSING)
		return true;
	if (drain->n_waiting == drain->capacity) {
		size_t capacity = drain->capacity ? drain->capacity * 2 : 64;
		uint64_t *grown = realloc(drain->waiting, capacity * sizeof(*grown));

		if (!grown)
			return false;
		drain->waiting = grown;
		drain->capacity = capacity;
	}
	drain->waiting[drain->n_waiting++] = conn->number;
	conn->draining = true;
	return true;
}

static void begin(struct wsm__core *core, uint64_t within_ms)
{
	struct wsm__drain *drain = core->drain;
	uint64_t until = core->now_ms + within_ms;

	if (drain->until_ms) {
		drain->until_ms = until < drain->until_ms ? until : drain->until_ms;
		return;
	}
	drain->until_ms = until;
	drain->turned_ms = core->now_ms - TURN_MS; /* the first wave goes at once */
	uv_timer_start(&drain->timer, on_timer, 0, TURN_MS);
}

static uint64_t drain_time_ms(const struct wsm__core *core)
{
	return (uint64_t)(core->config->drain_time * 1000);
}

void wsm__drain_add(struct wsm__conn *conn)
{
	begin(conn->core, drain_time_ms(conn->core));
	if (!append(conn->core->drain, conn))
		wsm__drain_close(conn); /* sooner rather than never */
}

void wsm__drain_all(struct wsm__core *core, uint64_t within_ms)
{
	uint64_t longest = drain_time_ms(core);
	struct wsm__conn *conn, *next;

	begin(core, within_ms < longest ? within_ms : longest);
	for (conn = core->by_number; conn; conn = next) {
		next = conn->by_number.next;
		if (!append(core->drain, conn))
			wsm__drain_close(conn);
	}
	turn(core);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

int wsm__drain_init(struct wsm__core *core)
{
	uint8_t random;

	core->drain = calloc(1, sizeof(*core->drain));
	if (!core->drain)
		return WSM_ENOMEM;

	wsm__random(&random, 1); /* several processes that stop at once do not repeat each other's hints */
	core->drain->phase = random / 256.0;
	return WSM_OK;
}

void wsm__drain_start(struct wsm__core *core)
{
	uv_timer_init(&core->loop, &core->drain->timer);
	core->drain->timer.data = core;
}

void wsm__drain_fini(struct wsm__core *core)
{
	if (core->drain)
		free(core->drain->waiting);
	free(core->drain);
}
