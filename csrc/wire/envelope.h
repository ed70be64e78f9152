/* envelope.h - the one place where the JSON around a message is made (docs/protocol.md, "Server -> client"). */
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
	wsm_slice
		epoch; /* empty: not added; given with the first message of a room, so that its position can be named */
};

/*
 * Appends the finished JSON text to `out`:
 *   typed:   {"type":T,"data":P,"timestamp":…,"message_id":…,<members>,"room":…,"offset":…,"epoch":…}
 *   flat:    {"event_type":T,<members of P>,…}
 *   spliced: <P without its last '}'>,… with those of timestamp, message_id, room, offset that P does not have
 * No name appears twice: what the payload has beats what would be added (so a flat payload's own "event_type" stays), a
 * field of the envelope beats a member of its name, the first of two members beats the second. An empty typed payload and
 * an empty member value are null. Only the top level of the payload is looked at; a typed payload not at all.
 * Returns 0; WSM_EJSON if a flat or spliced payload is no object (`out` is then as before); WSM_ENOMEM.
 */
int wsm__envelope_write(struct wsm__buffer *out, const struct wsm__envelope *envelope);

#endif
