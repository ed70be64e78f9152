/*
 * head.h - the head of an HTTP/1.1 request (RFC 9112), parsed strictly: what two programs could read differently is refused.
 *
 * Pure: slices into the caller's bytes, nothing is copied or allocated.
 */
#ifndef WSM_WIRE_HEAD_H
#define WSM_WIRE_HEAD_H

#include "ws_manager.h"

struct wsm__buffer;

#define WSM__HEAD_MAX 32768u /* bytes of a request line and its header fields */
#define WSM__HEAD_FIELDS_MAX 100u

struct wsm__head {
	wsm_slice method;
	wsm_slice target;      /* as it came */
	wsm_slice path, query; /* of the target, percent-encoded; query without '?' */
	wsm_slice host;  /* of the target where it is a whole URL, else of the Host field; without spaces around it */
	unsigned minor;  /* HTTP/1.minor: 0 or 1 */
	bool chunked;    /* Transfer-Encoding: chunked */
	bool keep_alive; /* the client wants to go on with this connection afterwards */
	bool upgrade;    /* Connection names "upgrade" */
	bool has_length;
	uint64_t length; /* Content-Length */
	wsm_member
		fields[WSM__HEAD_FIELDS_MAX]; /* name, and in `json` the value as it came, without spaces around it */
	size_t n_fields;
};

/*
 * The length of the head that `data` begins with, the empty line included; 0 if its end has not come. `*seen` is where to go on
 * looking: 0 at first, then as the last call left it.
 */
size_t wsm__head_end(const char *data, size_t len, size_t *seen);
/*
 * Parses a head of just that length. Returns 0, or the HTTP status to refuse with: 400, 431 (too many fields), 501 (a transfer
 * coding other than chunked), 505; `*why` is then one sentence, static.
 */
unsigned wsm__head_parse(struct wsm__head *head, const char *data, size_t len, const char **why);
/* The value of the first field of that name (any case); a slice with NULL if there is none. */
wsm_slice wsm__head_get(const struct wsm__head *head, const char *name);

/* ---- header values ---------------------------------------------------------------------------------------------- */

/* The value of the first of `n` fields that has that name (any case); a slice with NULL if there is none. */
wsm_slice wsm__fields_get(const wsm_member *fields, size_t n, const char *name);
/*
 * The values of all that have it, in order, with the separator between them (RFC 9110 section 5.3); in `storage`, which is emptied
 * first.
 */
wsm_slice wsm__fields_join(const wsm_member *fields, size_t n, const char *name, char separator,
                           struct wsm__buffer *storage);
/* How many have it. */
size_t wsm__fields_count(const wsm_member *fields, size_t n, const char *name);
/*
 * Whether a field that may come once has come several times: two programs might each take another one of these. For requests that
 * another server has read, too.
 */
bool wsm__fields_repeated(const wsm_member *fields, size_t n);
/* The next element of a comma-separated list, empty ones left out; false at its end. `*rest` is what is left. */
bool wsm__list_next(wsm_slice *rest, wsm_slice *element);
/* Whether one of the fields of that name lists `element` (any case). */
bool wsm__fields_list(const wsm_member *fields, size_t n, const char *name, const char *element);

#endif
