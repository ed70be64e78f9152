/* call.h - the state of one REST call, for the calls of rest/ and of folders above. Runtime thread only. */
#ifndef WSM_REST_CALL_H
#define WSM_REST_CALL_H

#include <jansson.h>

#include "base/buffer.h"
#include "clients/ticket.h"
#include "host/request.h"
#include "rest/key.h"

struct wsm__inquiry;
struct wsm__sending;

struct wsm__call {
	struct wsm__core *core;
	const wsm_rest_request *request;
	struct wsm__inquiry *inquiry; /* its wait for the host or a log */
	struct wsm__buffer *out;
	unsigned status;
	char why[200];            /* reason of a refusal */
	struct wsm__request from; /* the caller; from.local: on this machine, without a proxy */
	enum wsm__key key;
	bool first_look; /* only the head: the same call comes again, with its body */
};

/* Answers {"error":{"code","message"}} in place of anything written before. */
void wsm__call_refuse(struct wsm__call *call, unsigned status, const char *code, const char *message);
/* Answers 503: the log of a room cannot serve the call now. */
void wsm__call_unavailable(struct wsm__call *call, int status);
/* Refuses for want of the key: says that it is wrong, or was not checked, or `message`. */
void wsm__call_refuse_key(struct wsm__call *call, const char *message);
/* Returns the body as a JSON object, which the caller releases; refuses the call and returns NULL if it is none. */
json_t *wsm__call_body(struct wsm__call *call);
/* Returns a header's value; a slice with NULL if there is none. */
static inline wsm_slice wsm__call_header(const struct wsm__call *call, const char *name)
{
	return wsm__request_header(&call->from, name);
}
/* Returns whether the call has the API key. */
static inline bool wsm__call_has_key(const struct wsm__call *call)
{
	return call->key == WSM__KEY_GOOD;
}

/* A call's wait: for the host's authenticate handler, or for the log of a room. */
struct wsm__inquiry {
	bool can_ask;                 /* in: the call may ask the handler */
	bool asks;                    /* out: it asks; there is no answer yet */
	struct wsm__buffer question;  /* out: JSON for the handler; the caller owns it */
	const wsm_decision *decision; /* in: the handler's decision; NULL: not asked yet */
	bool waits; /* out: it waits for the log, until `sending` is done, or for `need`; there is no answer yet */
	struct wsm__sending *sending;
	struct wsm__need need;
	bool again; /* in: it was admitted and has waited for the log, with this outcome: */
	int log_status;
	const struct wsm__log_read *page;
	const wsm_delivery *delivery;
};

#endif
