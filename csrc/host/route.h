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
	bool by_core; /* nobody has published it: who came, who went */
	uint8_t priority, level;
	unsigned flags;
	double max_rate;
	const wsm_slice *rooms; /* names with the core's prefixes */
	size_t n_rooms;
	const wsm_member *members;
	size_t n_members;
	wsm_slice type, key, payload;
	wsm_slice once; /* empty: it may come twice */
};

/* Checks and routes; makes the command. WSM_EROOM, WSM_EINVAL, WSM_EJSON, WSM_ENOMEM. */
int wsm__publish_new(const wsm_publication *from, wsm_slice payload, struct wsm__publish **out, wsm_error *error);
/* Messages that a connection is to begin with, as payloads of publications without type. WSM_EINVAL, WSM_ETOOLARGE, WSM_ENOMEM. */
int wsm__welcome_check(const wsm_runtime *runtime, const wsm_slice *welcome, size_t n, wsm_error *error);
/* Against max_publish_size. WSM_ETOOLARGE. */
int wsm__publish_check_size(const wsm_runtime *runtime, size_t len, wsm_error *error);
/* Finishes the receipt, if any, and frees. */
void wsm__publish_free(struct wsm__publish *publish, const wsm_delivery *delivery);
/* What a message says about its type itself, in JSON: its member "type", else "event_type". Empty if it is no object, or does not say. */
wsm_slice wsm__publish_own_type(wsm_slice payload);

#endif
