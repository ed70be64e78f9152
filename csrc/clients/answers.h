/* answers.h - what the core tells about itself, as JSON (and Prometheus text): for clients, REST and the host alike. */
#ifndef WSM_CLIENTS_ANSWERS_H
#define WSM_CLIENTS_ANSWERS_H

#include "rooms/registry.h"

struct wsm__buffer;
struct wsm__conn;
struct wsm__core;
struct wsm__log_read;
struct wsm__need;

/* What takes a look at all connections. */
struct wsm__sums {
	uint64_t queued_bytes, lagging;
};
void wsm__answer_sums(const struct wsm__core *core, struct wsm__sums *sums);
/* Each appends to `out`. */
/* The object of wsm__answer_stats() without what takes a look at all rooms. */
void wsm__answer_figures(struct wsm__core *core, const struct wsm__sums *sums, struct wsm__buffer *out);
void wsm__answer_stats(struct wsm__core *core, struct wsm__buffer *out);
/*
 * The same for clients, of whom any number may ask at once, while each time all rooms and connections are looked at: takes a
 * hundredth of the thread's time at most, by answering the same again for a hundred times as long as it took to make.
 */
void wsm__answer_stats_sparingly(struct wsm__core *core, struct wsm__buffer *out);
void wsm__answer_metrics(struct wsm__core *core, struct wsm__buffer *out);
void wsm__answer_connections(struct wsm__core *core, struct wsm__buffer *out);
void wsm__answer_rooms_of(const struct wsm__conn *conn, struct wsm__buffer *out);
/* How many connections a publication to the room would reach by membership. */
uint64_t wsm__subscribers(struct wsm__core *core, wsm_slice room);
void wsm__answer_position(struct wsm__core *core, wsm_slice room, struct wsm__buffer *out);

struct wsm__history_request {
	wsm_slice room;
	bool has_since;
	struct wsm__since since; /* what came after it, oldest first, at most `limit` */
	unsigned limit;          /* without since: the newest so many; 0: all that are kept */
	size_t max_bytes;        /* of the messages together */
	int level;
	const struct wsm__log_read *page; /* what was read from the log; NULL: nothing */
};
/* Whether the room's log has to do something first: for the room to be used at all; and for an answer. */
bool wsm__room_needs(struct wsm__core *core, wsm_slice name, struct wsm__need *need);
bool wsm__history_needs(struct wsm__core *core, const struct wsm__history_request *request, struct wsm__need *need);
/* {"messages":[…],"epoch":…,"offset":…,"recovered":…}; an unknown room gives no messages, epoch null, offset 0. */
void wsm__answer_history(struct wsm__core *core, const struct wsm__history_request *request, struct wsm__buffer *out);

#endif
