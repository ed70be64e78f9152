/* envelope.h - the one place where the JSON around a message is made (docs/protocol.md, "What the server sends"). */
#ifndef WSM_WIRE_ENVELOPE_H
#define WSM_WIRE_ENVELOPE_H

#include "base/buffer.h"

struct wsm__envelope {
	wsm_slice type;            /* empty: splices `payload`, a JSON object */
	bool flat;                 /* members of `payload` beside "event_type", instead of under "data" */
	wsm_slice payload;         /* JSON */
	const wsm_member *members; /* further members of the top level, unless the payload (flat or spliced) has them */
	size_t n_members;
	wsm_slice timestamp, message_id, room; /* room empty: not added */
	uint64_t offset;                       /* 0: not added */
	/* The room's epoch: written beside offset 1, so that a client can name a position in a new room, if `first`, and in "@position". */
	wsm_slice epoch;
	bool first; /* no message has named this epoch yet */
};

/*
 * Appends the finished JSON text to `out`:
 *   typed:   {"type":T,"data":P,"timestamp":…,"message_id":…,<members>,"room":…,"offset":…,"epoch":…}
 *   flat:    {"event_type":T,<members of P>,…}
 *   spliced: <P without its last '}'>,… with those of timestamp, message_id that P does not have
 * Writes no name twice: the payload's own members win over added ones (so a flat payload's "event_type" stays), fields of the
 * envelope over `members` of their name, the first of two members over the second. Writes null for an empty typed payload and an
 * empty member. Looks at the top level of a flat or spliced payload only, and at no typed one.
 * If the payload or a member is called room, offset or epoch, the envelope writes its own three only in
 * "@position":{"room":…,"offset":…,"epoch":…}.
 * The author's part comes first: `*said` (may be NULL) gets its length in `out`; if more follows, that part and a '}' make the
 * message for a raw endpoint. Keeps blanks inside the braces of a payload.
 * Returns 0; WSM_EJSON if a flat or spliced payload is no object; WSM_EINVAL if it has a member that begins with '@' (`out` is
 * then unchanged); WSM_ENOMEM.
 */
int wsm__envelope_write(struct wsm__buffer *out, const struct wsm__envelope *envelope, size_t *said);

/* Returns whether only the server may write this top-level member: those above, "from", "id", '@…'. `name` as in JSON. */
bool wsm__envelope_owns(wsm_slice name);
/*
 * Finds the first top-level member whose name begins with '@', which the server keeps for itself. Returns false if there is none, or
 * the text is no object. Searches for '@' first, and walks through the object only if a string may begin with one.
 */
bool wsm__envelope_kept_name(wsm_slice payload, wsm_slice *name);
/*
 * For text that goes out unchanged: returns whether a client could take it for a message of the server, as an object with a room,
 * offset or epoch, a name of wsm__envelope_kept_name(), or a type of the server's own.
 */
bool wsm__envelope_imitated(wsm_slice payload);

#endif
