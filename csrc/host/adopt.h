/* adopt.h - takes connections from the host: with their socket (adopt), or one message at a time (bridge). */
#ifndef WSM_HOST_ADOPT_H
#define WSM_HOST_ADOPT_H

#include "host/command.h"

/* A hand-over, or the opening of a bridge. */
struct wsm__adopt {
	struct wsm__command_node head;
	wsm_runtime *runtime;
	uint64_t number;
	int fd; /* -1: bridge */
	bool has_admission;
	wsm_admission admission;
	wsm_slice request;         /* bytes */
	wsm_slice path, query, ip; /* bridge */
	wsm_member *headers;
	size_t n_headers;
	bool tls;
	wsm_slice via;
};

void wsm__adopt_free(struct wsm__adopt *adopt);
/* Tells the host by WSM_EVENT_CLOSED that its hand-over has failed. */
void wsm__adopt_failed(wsm_runtime *runtime, uint64_t number, unsigned code, const char *reason);

#endif
