/*
 * refusal.h - who was refused, by which rule, and what to set: a line in the log, as long as there are not too many of them. No
 * line holds more of a request than its kind, its address and the one field that the rule is about. Any thread.
 */
#ifndef WSM_NET_REFUSAL_H
#define WSM_NET_REFUSAL_H

#include <pthread.h>

#include "policy/bucket.h"
#include "ws_manager.h"

struct wsm__refusals {
	pthread_mutex_t lock;
	struct wsm__bucket lines;
	uint64_t left_out; /* since the last line */
};

void wsm__refusals_init(struct wsm__refusals *refusals);
void wsm__refusals_fini(struct wsm__refusals *refusals);
/*
 * "<what> of <ip> is refused (<status>): <why>", and behind it the field `name` of the request with its value, unless `name` is NULL.
 * `what`: a method and a path of ours, or a kind of endpoint; never a path as it came, which may hold a token.
 */
void wsm__refusal_log(wsm_runtime *runtime, const char *what, wsm_slice ip, unsigned status, const char *why,
                      const char *name, wsm_slice value);

#endif
