/* message.h - makes the frame of a publication that has its place. Runtime thread only. */
#ifndef WSM_LOG_MESSAGE_H
#define WSM_LOG_MESSAGE_H

#include "base/clock.h"
#include "base/ids.h"
#include "rooms/publication.h"

struct wsm__buffer;
struct wsm__publish;

/* Time and id of a message. */
struct wsm__stamp {
	char timestamp[WSM__TIMESTAMP_LEN + 1];
	char message_id[WSM__ULID_LEN + 1];
};

/* The place of a message. */
struct wsm__place {
	wsm_slice room;
	uint64_t offset;   /* 0: none */
	const char *epoch; /* NULL: none */
	bool first;        /* no message has named this epoch: this one does, as one with offset 1 */
};

/*
 * Returns the framed message with one reference; NULL when out of memory. `text` is scratch. Text that is no JSON object goes out
 * unchanged, without an offset: *positioned says whether the message has one.
 */
struct wsm__pub *wsm__message_build(struct wsm__buffer *text, const struct wsm__publish *publish,
                                    const struct wsm__stamp *stamp, const struct wsm__place *place, bool *positioned);
/* Returns whether the message can have an offset. */
bool wsm__message_takes_offset(const struct wsm__publish *publish);

#endif
