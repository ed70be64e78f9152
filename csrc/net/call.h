/* call.h - one REST call while it is being answered: what rest.c and the panel (admin/) share. Runtime thread only. */
#ifndef WSM_NET_CALL_H
#define WSM_NET_CALL_H

#include <jansson.h>

#include "net/runtime.h"

struct wsm__call {
	struct wsm__core *core;
	const wsm_rest_request *request;
	struct wsm__buffer *out;
	unsigned status;
	struct wsm__address client;
	bool local; /* on loopback, and not by way of a proxy that says otherwise */
};

/* Answers {"error":{"code","message"}}, whatever was written before. */
void wsm__call_refuse(struct wsm__call *call, unsigned status, const char *code, const char *message);
/* The body as a JSON object, to be released; NULL if it is none: refused. */
json_t *wsm__call_body(struct wsm__call *call);
/* Whether it brings the API key. */
bool wsm__call_has_key(const struct wsm__call *call);

#endif
