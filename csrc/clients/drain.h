/*
 * drain.h - clients are sent away in waves, each with a hint when to come back, so that a deployment brings no storm.
 *
 * Whoever is to go waits for its turn in one queue. At least one is closed per millisecond, and so many that all are closed
 * when `until_ms` has come: a few clients go at once, thousands over as much of drain_time as they need. The hints are
 * spread evenly over a window that grows with the number of clients, up to drain_spread.
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
	double window_ms; /* over which hints are spread */
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
/* Lets all wait; the last is to be closed within `within_ms` at most. Called again, it may only become sooner. */
void wsm__drain_all(struct wsm__core *core, uint64_t within_ms);
/* Sends one away now: a message, then 1001 with the hint in its reason. */
void wsm__drain_close(struct wsm__conn *conn);
/* How many of those that are `left` go now, `elapsed_ms` after the last wave and `remaining_ms` before all are to be gone. */
size_t wsm__drain_due(size_t left, uint64_t elapsed_ms, uint64_t remaining_ms);
/* Over how many milliseconds the hints for so many clients are spread. */
double wsm__drain_window_ms(double drain_spread, uint64_t clients);

#endif
