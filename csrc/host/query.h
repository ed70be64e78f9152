/* query.h - questions of the host: commands that the caller waits for. Both threads share one, so it is counted. */
#ifndef WSM_HOST_QUERY_H
#define WSM_HOST_QUERY_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "host/command.h"

/* What is asked for. */
enum wsm__act { WSM__ACT_ASK, WSM__ACT_REST, WSM__ACT_JOIN, WSM__ACT_LEAVE };

struct wsm__asked {
	struct wsm__command_node head;
	atomic_uint refs;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
	int status;
	enum wsm__act act;
	wsm_question question; /* of the last two: the room, and as `since` the connection */
	wsm_rest_request rest;
	wsm_rest_answer rest_answer;
	struct wsm__buffer answer;
};

/* On the runtime thread: tells who waits. */
void wsm__query_finish(struct wsm__asked *asked, int status);

#endif
