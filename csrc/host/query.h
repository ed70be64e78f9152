/* query.h - questions of the host: commands with an answer. A question with a waiting caller has references, as both threads use it. */
#ifndef WSM_HOST_QUERY_H
#define WSM_HOST_QUERY_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "host/command.h"

/* Kinds of questions. */
enum wsm__act { WSM__ACT_ASK, WSM__ACT_REST, WSM__ACT_JOIN, WSM__ACT_LEAVE };

struct wsm__event;

struct wsm__asked {
	struct wsm__command_node head;
	atomic_uint refs;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
	int status;
	enum wsm__act act;
	wsm_question question; /* of JOIN and LEAVE: the room, and the connection in `since` */
	wsm_rest_request rest;
	wsm_rest_answer rest_answer;
	struct wsm__buffer answer;
	struct wsm__event *event; /* takes the answer; NULL: a caller waits */
};

/* On the runtime thread: wakes the caller that waits, or posts the event. */
void wsm__query_finish(wsm_runtime *runtime, struct wsm__asked *asked, int status);

#endif
