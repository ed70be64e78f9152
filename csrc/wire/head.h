/*
 * head.h - parses the head of an HTTP/1.1 request (RFC 9112) strictly: refuses anything that two programs could read differently.
 *
 * Slices point into the caller's bytes; only wsm__fields_join() copies.
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
	wsm_slice host;  /* of the target if that is a whole URL, else of the Host field; without spaces around it */
	unsigned minor;  /* HTTP/1.minor: 0 or 1 */
	bool chunked;    /* Transfer-Encoding: chunked */
	bool keep_alive; /* the client wants to use the connection again */
	bool upgrade;    /* Connection names "upgrade" */
	bool has_length;
	uint64_t length; /* Content-Length */
	wsm_member
		fields[WSM__HEAD_FIELDS_MAX]; /* name, and in `json` the value as it came, without spaces around it */
	size_t n_fields;
};

/*
 * Returns the length of the head that `data` begins with, empty line included; 0 if its end has not come; less than the head if it is
 * broken, so that wsm__head_parse() refuses it. `*seen`: where to go on; 0 at first, then as the last call left it.
 */
size_t wsm__head_end(const char *data, size_t len, size_t *seen);
/*
 * Parses a head of exactly that length. Returns 0, or the HTTP status of a refusal: 400, 431 (too many fields), 501 (a transfer
 * coding other than chunked), 505, with one sentence in `*why`, static.
 */
unsigned wsm__head_parse(struct wsm__head *head, const char *data, size_t len, const char **why);
/* Returns the value of the first field of that name (any case); a slice with NULL if there is none. */
wsm_slice wsm__head_get(const struct wsm__head *head, const char *name);

/* ---- header values ---------------------------------------------------------------------------------------------- */

/* The same for `n` fields. */
wsm_slice wsm__fields_get(const wsm_member *fields, size_t n, const char *name);
/*
 * Returns the values of all fields of that name, in order, with the separator between them (RFC 9110 section 5.3). Writes them to
 * `storage`, and empties that first.
 */
wsm_slice wsm__fields_join(const wsm_member *fields, size_t n, const char *name, char separator,
                           struct wsm__buffer *storage);
/* Returns the number of fields of that name. */
size_t wsm__fields_count(const wsm_member *fields, size_t n, const char *name);
/*
 * Returns whether a field that may come only once has come several times: two programs might each take a different one. Also for
 * requests that another server has read.
 */
bool wsm__fields_repeated(const wsm_member *fields, size_t n);
/* Takes the next element of a comma-separated list from `*rest`, and skips empty ones. Returns false at the end. */
bool wsm__list_next(wsm_slice *rest, wsm_slice *element);
/* Returns whether a field of that name lists `element` (any case). */
bool wsm__fields_list(const wsm_member *fields, size_t n, const char *name, const char *element);

#endif
