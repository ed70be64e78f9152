/* opening.h - the state of a connection until it is open: the rooms to join, early messages. */
#ifndef WSM_CLIENTS_OPENING_H
#define WSM_CLIENTS_OPENING_H

#include "base/buffer.h"

struct wsm__core;
struct wsm__endpoint;
struct wsm__path_params;
struct wsm__position;
struct wsm__pub;
struct wsm__request;

/* A message that came before the connection was open; or one that the host sends first. */
struct wsm__early {
	struct wsm__early *next;
	bool binary;
	size_t len;
	char data[];
};

/* The state of a connection until it is open. */
struct wsm__opening {
	char **rooms;
	size_t n_rooms;
	size_t n_endpoint_rooms; /* the first ones are the endpoint's; the others come from the host */
	size_t n_checked;        /* number of those that are checked; the firehose comes last */
	uint64_t vouched;        /* bits: which of the first 64 the authorize handler has allowed */
	char *token;             /* NULL: none */
	bool firehose;
	int level;
	struct wsm__position *resume;
	int n_resume;
	struct wsm__buffer described; /* JSON for the authenticate handler */
	unsigned refuse_code;         /* closes with this code once it is established; 0: no */
	const char *refuse_reason;    /* static */
	bool greeted;
	bool awaits_rooms;      /* it is let in, and waits for a log to open its rooms */
	bool by_message;        /* it came in by a message, whose answer follows the greeting */
	char *answer_id;        /* JSON; NULL: none */
	struct wsm__pub **gaps; /* found before the greeting, told after it */
	size_t n_gaps;
	struct wsm__early *early; /* in order */
	uint32_t n_early;
	size_t early_bytes;
	struct wsm__early *welcome; /* messages of the host after the greeting, in order */
};

/* Makes the opening for a request; NULL when out of memory. `endpoint` may be NULL if `admission` says admitted. */
struct wsm__opening *wsm__opening_new(const struct wsm__core *core, const struct wsm__request *request,
                                      const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                      const wsm_admission *admission);
void wsm__opening_free(struct wsm__opening *opening);
/* WSM_ENOMEM. */
int wsm__opening_add_room(struct wsm__opening *opening, wsm_slice room);
/* Makes the connection close with 4400 once it is established; `reason` is static. */
void wsm__opening_refuse(struct wsm__opening *opening, const char *reason);
/* Returns the facts for the host, with one reference; NULL when out of memory. */
const wsm_conn_info *wsm__opening_describe(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                           const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                           const wsm_admission *admission, struct wsm__opening *opening);

/* Keeps messages of the host for after the greeting. WSM_ENOMEM. */
int wsm__opening_welcome(struct wsm__opening *opening, const wsm_slice *messages, size_t n);

#endif
