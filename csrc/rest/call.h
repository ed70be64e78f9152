/* call.h - one REST call while it is being answered: what the calls of rest/ and of folders above share. Runtime thread only. */
#ifndef WSM_REST_CALL_H
#define WSM_REST_CALL_H

#include <jansson.h>

#include "base/buffer.h"
#include "host/request.h"
#include "rest/key.h"

struct wsm__inquiry;

struct wsm__call {
	struct wsm__core *core;
	const wsm_rest_request *request;
	struct wsm__inquiry *inquiry; /* NULL: it cannot wait for the authenticate handler */
	struct wsm__buffer *out;
	unsigned status;
	char why[200];            /* it was refused */
	struct wsm__request from; /* who asks, from where; from.local: on this machine, and nothing in between */
	enum wsm__key key;
	bool first_look; /* the same call comes again, with its body */
};

/* Answers {"error":{"code","message"}}, whatever was written before. */
void wsm__call_refuse(struct wsm__call *call, unsigned status, const char *code, const char *message);
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

/* A call that can wait until the host's authenticate handler has said who calls. */
struct wsm__inquiry {
	bool asks;                    /* out: nobody else could say; there is no answer yet */
	struct wsm__buffer question;  /* out: JSON for the handler; the caller's */
	const wsm_decision *decision; /* in: what it has said; NULL: it was not asked yet */
};

#endif
