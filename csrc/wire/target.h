/* target.h - decodes the request target: path, query, percent- and base64url-encoding. */
#ifndef WSM_WIRE_TARGET_H
#define WSM_WIRE_TARGET_H

#include "wire/name.h"

/*
 * Decodes %XX (and '+' if `plus`) into out[size], with a NUL. Returns the length, or -1 if the text is malformed, not UTF-8, contains
 * NUL, or is longer than size - 1.
 */
int wsm__percent_decode(wsm_slice text, bool plus, char *out, size_t size);
/*
 * Decodes the value of the first parameter `name` (at most 63 bytes) into `out`, with a NUL. Returns the length; -1 if absent; -2 if
 * malformed or longer than size - 1.
 */
int wsm__query_get(wsm_slice query, const char *name, char *out, size_t size);
/* Decodes base64url (RFC 4648 section 5), padding optional. Returns the length, or -1 if malformed or longer than `size`. */
int wsm__base64url_decode(wsm_slice text, char *out, size_t size);

/* A position that a client names. */
struct wsm__position {
	char room[WSM__ROOM_SIZE];
	char epoch[24];
	uint64_t offset;
};
#define WSM__RESUME_MAX 1024 /* positions in one ?resume= */
/*
 * Parses the value of ?resume= (base64url of {"<room>":["<epoch>",<offset>],…}). Returns the count and a heap array in
 * *positions (free() it; NULL when 0), or -1 if it is malformed or names more than WSM__RESUME_MAX rooms. The empty value has no
 * positions. Malformed are: an empty name or one over 128 bytes, a room twice, an epoch over 23 bytes, an offset that is no integer
 * from 0. Does not check names against the grammar of rooms.
 */
int wsm__resume_parse(wsm_slice value, struct wsm__position **positions);

#endif
