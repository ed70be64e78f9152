/*
 * drain.h - sends clients away in waves, each with a hint when to come back, so that a deployment brings no storm.
 *
 * Connections wait for their turn in one queue. The drain closes at least one per millisecond, and so many that all are closed at
 * `until_ms`: a few clients go at once, thousands over as much of drain_time as they need. It spreads the hints evenly over a
 * window that grows with the number of clients, up to drain_spread.
 */
#ifndef WSM_CLIENTS_DRAIN_H
#define WSM_CLIENTS_DRAIN_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "ws_manager.h"

struct wsm__conn;
struct wsm__core;

struct wsm__drain {
	uv_timer_t timer;
	uint64_t *waiting; /* numbers of connections, in the order of their turns */
	size_t n_waiting, capacity, next;
	uint64_t until_ms; /* 0: nobody waits */
	uint64_t turned_ms;
	double window_ms; /* length of the spread of hints */
	double phase;     /* of the next hint, 0 to 1 */
	uint64_t hints;   /* clients sent away with one */
	uint64_t refused; /* upgrades refused meanwhile */
};

/* WSM_ENOMEM. */
int wsm__drain_init(struct wsm__core *core);
/* One handle on the core's loop. */
void wsm__drain_start(struct wsm__core *core);
void wsm__drain_fini(struct wsm__core *core);
/* Lets a connection wait for its turn. */
void wsm__drain_add(struct wsm__conn *conn);
/* Lets all wait, and closes the last within `within_ms`. Another call can only make it sooner. */
void wsm__drain_all(struct wsm__core *core, uint64_t within_ms);
/* Sends one away now: a message, then 1001 with the hint in its reason. */
void wsm__drain_close(struct wsm__conn *conn);
/* Returns how many of `left` go now, `elapsed_ms` after the last wave and `remaining_ms` before the end. */
size_t wsm__drain_due(size_t left, uint64_t elapsed_ms, uint64_t remaining_ms);
/* Returns the length of the spread of hints for so many clients. */
double wsm__drain_window_ms(double drain_spread, uint64_t clients);

#endif
