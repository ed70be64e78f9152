/* route.h - where a publication goes and under which rules, found on the thread that publishes. */
#ifndef WSM_HOST_ROUTE_H
#define WSM_HOST_ROUTE_H

#include "host/command.h"

struct wsm__exclude;
struct wsm__tally;

/* A queued publication; everything is behind it in one allocation but `exclude` and `receipt`. */
struct wsm__publish {
	struct wsm__command_node head;
	wsm_receipt *receipt; /* may be NULL */
	struct wsm__exclude *exclude;
	struct wsm__tally *tally; /* while it is being sent, if a report was asked for; borrowed */
	bool to_client;           /* `rooms` are client ids */
	bool conflate, keep, flat;
	uint8_t priority, level;
	unsigned flags;
	double max_rate;
	const wsm_slice *rooms; /* names with the core's prefixes */
	size_t n_rooms;
	const wsm_member *members;
	size_t n_members;
	wsm_slice type, key, payload;
};

/* Checks and routes; makes the command. WSM_EROOM, WSM_EINVAL, WSM_EJSON, WSM_ENOMEM. */
int wsm__publish_new(const wsm_publication *from, wsm_slice payload, struct wsm__publish **out, wsm_error *error);
/* Finishes the receipt, if any, and frees. */
void wsm__publish_free(struct wsm__publish *publish, const wsm_delivery *delivery);
/* What a message says about its type itself, in JSON: its member "type", else "event_type". Empty if it is no object, or does not say. */
wsm_slice wsm__publish_own_type(wsm_slice payload);

#endif
