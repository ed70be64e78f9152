/* opening.h - what a connection is to join, and what is needed until it is open. */
#ifndef WSM_CLIENTS_OPENING_H
#define WSM_CLIENTS_OPENING_H

#include "base/buffer.h"

struct wsm__core;
struct wsm__endpoint;
struct wsm__path_params;
struct wsm__position;
struct wsm__pub;
struct wsm__request;

/* A message that came before the host had decided; or one that the host wants to say first. */
struct wsm__early {
	struct wsm__early *next;
	bool binary;
	size_t len;
	char data[];
};

/* What a connection is to join when it opens. */
struct wsm__opening {
	char **rooms;
	size_t n_rooms;
	size_t n_endpoint_rooms; /* the first of them; the rest is the host's word */
	size_t n_checked;        /* the first of those, the firehose behind them */
	uint64_t vouched;        /* which of the first 64 the host was asked about */
	char *token;             /* NULL: none */
	bool firehose;
	int level;
	struct wsm__position *resume;
	int n_resume;
	struct wsm__buffer described; /* JSON for the authenticate handler */
	unsigned refuse_code;         /* to be closed with this as soon as it is established; 0: no */
	const char *refuse_reason;    /* static */
	bool greeted;
	bool awaits_rooms;      /* it is let in, and a log has to open them */
	bool by_message;        /* it came in by a message, which is answered after the greeting */
	char *answer_id;        /* JSON; NULL: none */
	struct wsm__pub **gaps; /* found before the greeting, told after it */
	size_t n_gaps;
	struct wsm__early *early; /* in order */
	uint32_t n_early;
	size_t early_bytes;
	struct wsm__early *welcome; /* what the host says behind the greeting, in order */
};

/* Of a request; NULL when out of memory. `endpoint` may be NULL if `admission` says admitted. */
struct wsm__opening *wsm__opening_new(const struct wsm__core *core, const struct wsm__request *request,
                                      const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                      const wsm_admission *admission);
void wsm__opening_free(struct wsm__opening *opening);
/* WSM_ENOMEM. */
int wsm__opening_add_room(struct wsm__opening *opening, wsm_slice room);
/* It is to be closed with 4400 as soon as it is established; `reason` is static. */
void wsm__opening_refuse(struct wsm__opening *opening, const char *reason);
/* What the host is told of the connection, with one reference; NULL when out of memory. */
const wsm_conn_info *wsm__opening_describe(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                           const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                           const wsm_admission *admission, struct wsm__opening *opening);

/* Keeps what the host wants to say behind the greeting. WSM_ENOMEM. */
int wsm__opening_welcome(struct wsm__opening *opening, const wsm_slice *messages, size_t n);

#endif
