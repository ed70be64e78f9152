/* envelope.h - the one place where the JSON around a message is made (docs/protocol.md, "What the server sends"). */
#ifndef WSM_WIRE_ENVELOPE_H
#define WSM_WIRE_ENVELOPE_H

#include "base/buffer.h"

struct wsm__envelope {
	wsm_slice type;            /* empty: `payload` is a JSON object that is spliced as it is */
	bool flat;                 /* members of `payload` beside "event_type", instead of under "data" */
	wsm_slice payload;         /* JSON */
	const wsm_member *members; /* added at the top level unless the payload (flat or spliced) has them */
	size_t n_members;
	wsm_slice timestamp, message_id, room; /* room empty: not added */
	uint64_t offset;                       /* 0: not added */
	/* Of the room. Stands beside offset 1, so that a new room's position can be named, where `first`, and in "@position". */
	wsm_slice epoch;
	bool first; /* nobody has been told of this epoch */
};

/*
 * Appends the finished JSON text to `out`:
 *   typed:   {"type":T,"data":P,"timestamp":…,"message_id":…,<members>,"room":…,"offset":…,"epoch":…}
 *   flat:    {"event_type":T,<members of P>,…}
 *   spliced: <P without its last '}'>,… with those of timestamp, message_id that P does not have
 * No name appears twice: what the payload has beats what would be added (so a flat payload's own "event_type" stays), a
 * field of the envelope beats a member of its name, the first of two members beats the second. An empty typed payload and
 * an empty member value are null. Only the top level of the payload is looked at; a typed payload not at all.
 * Where the payload or a member is called room, offset or epoch, those are the author's words: the three of the envelope then
 * stand in "@position":{"room":…,"offset":…,"epoch":…}, and nowhere else.
 * What the author has said comes first: *said, which may be NULL, gets the bytes of `out` up to its end; a '}' behind them, where they
 * are not all of it, makes the message that a raw endpoint has. The blanks inside the braces of a payload stay as they are.
 * Returns 0; WSM_EJSON if a flat or spliced payload is no object, WSM_EINVAL if it has a member that begins with '@' (`out` is
 * then as before); WSM_ENOMEM.
 */
int wsm__envelope_write(struct wsm__buffer *out, const struct wsm__envelope *envelope, size_t *said);

/* Whether a member at the top level is the server's to write: those above, "from", "id", and whatever begins with '@'. `name` as in JSON. */
bool wsm__envelope_owns(wsm_slice name);
/*
 * The first member at the top level whose name the server keeps for itself: it begins with '@'. False if there is none, or the text is
 * no object. Costs a search for '@', and a pass over the object only where one is found in front of a string.
 */
bool wsm__envelope_kept_name(wsm_slice payload, wsm_slice *name);
/*
 * For text that goes out as it is: whether a client could take it for the server's word, being an object with a room, offset or epoch,
 * a name of wsm__envelope_kept_name(), or a type of the server's own.
 */
bool wsm__envelope_imitated(wsm_slice payload);

#endif
