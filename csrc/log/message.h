/* message.h - a publication that has its place, as the frame that goes out. Runtime thread only. */
#ifndef WSM_LOG_MESSAGE_H
#define WSM_LOG_MESSAGE_H

#include "base/clock.h"
#include "base/ids.h"
#include "rooms/publication.h"

struct wsm__buffer;
struct wsm__publish;

/* Time and id of a message, from when it was published. */
struct wsm__stamp {
	char timestamp[WSM__TIMESTAMP_LEN + 1];
	char message_id[WSM__ULID_LEN + 1];
};

/* Where it stands. */
struct wsm__place {
	wsm_slice room;
	uint64_t offset;   /* 0: it has none */
	const char *epoch; /* NULL: there is none */
	bool first;        /* nobody has been told of this epoch: it is spelled out, as beside offset 1 */
};

/*
 * The framed message with one reference; `text` is scratch. What is no JSON object goes out as it is and gets no offset: *positioned says
 * whether one got into it. NULL when out of memory.
 */
struct wsm__pub *wsm__message_build(struct wsm__buffer *text, const struct wsm__publish *publish,
                                    const struct wsm__stamp *stamp, const struct wsm__place *place, bool *positioned);
/* Whether an offset would get into it. */
bool wsm__message_takes_offset(const struct wsm__publish *publish);

#endif
