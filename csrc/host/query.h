/* query.h - questions of the host: commands that the caller waits for. Both threads share one, so it is counted. */
#ifndef WSM_HOST_QUERY_H
#define WSM_HOST_QUERY_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "host/command.h"

struct wsm__asked {
	struct wsm__command_node head;
	atomic_uint refs;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
	int status;
	bool is_rest;
	wsm_question question;
	wsm_rest_request rest;
	wsm_rest_answer rest_answer;
	struct wsm__buffer answer;
};

/* On the runtime thread: tells who waits. */
void wsm__query_finish(struct wsm__asked *asked, int status);

#endif
