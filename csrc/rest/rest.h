/* rest.h - answers the REST calls of docs/protocol.md, from the own port and from the host. */
#ifndef WSM_REST_REST_H
#define WSM_REST_REST_H

#include "ws_manager.h"

struct wsm__address;
struct wsm__call;
struct wsm__core;
struct wsm__inquiry;

/* Default header lines of an answer; refusals of the own port have them, too. */
#define WSM__REST_HEADERS "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

/* Answers a call, or fills `inquiry` if it must wait; the caller owns `answer->body`. WSM_ENOMEM. */
int wsm__rest_answer(struct wsm__core *core, const wsm_rest_request *request, struct wsm__inquiry *inquiry,
                     wsm_rest_answer *answer);
/* Returns whether the call would read a body, as far as its head tells. */
bool wsm__rest_takes_body(struct wsm__core *core, const wsm_rest_request *request);
/* Finds the caller's address, behind trusted proxies. Returns false if their headers contradict each other: the call gets a 400. */
bool wsm__rest_client(const wsm_runtime *runtime, const wsm_rest_request *request, struct wsm__address *client);
/* Returns whether a path is one of ours. */
bool wsm__rest_path(const struct wsm__core *core, wsm_slice path);

/* One of the calls. */
struct wsm__rest_row {
	wsm_rest_route route;                                    /* with WSM_REST_MEMBER, `answer` checks the right */
	const char *content_type;                                /* of an answer that is no refusal */
	bool (*allowed)(struct wsm__call *call);                 /* of WSM_REST_ADMIN; false: refused */
	void (*answer)(struct wsm__call *call, wsm_slice value); /* `value`: the path segment at {…} */
	void (*explain)(struct wsm__call *call);                 /* makes a page of a refusal; NULL: JSON */
	const char *(*headers)(void);                            /* static; NULL: WSM__REST_HEADERS */
};

/* The calls of docs/protocol.md; a folder above may add others: core->rest. */
struct wsm__rest_rows {
	const struct wsm__rest_row *rows;
	size_t n;
};
extern const struct wsm__rest_rows wsm__rest_rows;

#endif
