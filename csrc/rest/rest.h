/* rest.h - the REST calls of docs/protocol.md, wherever they come from. */
#ifndef WSM_REST_REST_H
#define WSM_REST_REST_H

#include "ws_manager.h"

struct wsm__address;
struct wsm__call;
struct wsm__core;
struct wsm__inquiry;

/* Header lines of every answer that has no others; those of the own port's refusals, too. */
#define WSM__REST_HEADERS "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

/* Answers a call; `answer->body` is the caller's. `inquiry` says what it waits for, if there is no answer yet. WSM_ENOMEM. */
int wsm__rest_answer(struct wsm__core *core, const wsm_rest_request *request, struct wsm__inquiry *inquiry,
                     wsm_rest_answer *answer);
/* Whether it would look at a body, by all that is known before the body comes. */
bool wsm__rest_takes_body(struct wsm__core *core, const wsm_rest_request *request);
/* The address of who calls, behind trusted proxies; false if they contradict each other, which it is told in the answer. */
bool wsm__rest_client(const wsm_runtime *runtime, const wsm_rest_request *request, struct wsm__address *client);
/* Whether a path is one of ours. */
bool wsm__rest_path(const struct wsm__core *core, wsm_slice path);

/* One of the calls. */
struct wsm__rest_row {
	wsm_rest_route route;                    /* of WSM_REST_MEMBER, `answer` finds out whether it may */
	const char *content_type;                /* of an answer that is no refusal */
	bool (*allowed)(struct wsm__call *call); /* of WSM_REST_ADMIN; false: refused */
	void (*answer)(struct wsm__call *call, wsm_slice value); /* `value`: what stands for {…} in the path */
	void (*explain)(struct wsm__call *call);                 /* makes a page of a refusal; NULL: it is JSON */
	const char *(*headers)(void);                            /* static; NULL: WSM__REST_HEADERS */
};

/* Those of docs/protocol.md; a folder above may have others: core->rest. */
struct wsm__rest_rows {
	const struct wsm__rest_row *rows;
	size_t n;
};
extern const struct wsm__rest_rows wsm__rest_rows;

#endif
