/* call.h - one REST call while it is being answered: what the calls of rest/ and of folders above share. Runtime thread only. */
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
	struct wsm__inquiry *inquiry; /* what it may wait for, or has waited for */
	struct wsm__buffer *out;
	unsigned status;
	char why[200];            /* it was refused */
	struct wsm__request from; /* who asks, from where; from.local: on this machine, and nothing in between */
	enum wsm__key key;
	bool first_look; /* the same call comes again, with its body */
};

/* Answers {"error":{"code","message"}}, whatever was written before. */
void wsm__call_refuse(struct wsm__call *call, unsigned status, const char *code, const char *message);
/* 503: the log of a room cannot do what was asked now. */
void wsm__call_unavailable(struct wsm__call *call, int status);
/* The same for want of the key: because it is wrong, or was not looked at, or with `message`. */
void wsm__call_refuse_key(struct wsm__call *call, const char *message);
/* The body as a JSON object, to be released; NULL if it is none: refused. */
json_t *wsm__call_body(struct wsm__call *call);
/* A header of it; a slice with NULL if there is none. */
static inline wsm_slice wsm__call_header(const struct wsm__call *call, const char *name)
{
	return wsm__request_header(&call->from, name);
}
/* Whether it brings the API key. */
static inline bool wsm__call_has_key(const struct wsm__call *call)
{
	return call->key == WSM__KEY_GOOD;
}

/* What a call waits for, and what it has waited for: the word of the host's authenticate handler, or the log of a room. */
struct wsm__inquiry {
	bool can_ask;                 /* in: the handler can be asked */
	bool asks;                    /* out: nobody else could say; there is no answer yet */
	struct wsm__buffer question;  /* out: JSON for the handler; the caller's */
	const wsm_decision *decision; /* in: what it has said; NULL: it was not asked yet */
	bool waits; /* out: for the log, until `sending` is done, or else as `need` says; no answer yet */
	struct wsm__sending *sending;
	struct wsm__need need;
	bool again; /* in: it has waited for the log, was admitted before, and this is how it came out: */
	int log_status;
	const struct wsm__log_read *page;
	const wsm_delivery *delivery;
};

#endif
