/*
 * inbound.h - frames from a client (RFC 6455 section 5), read incrementally: bytes in, events out, no I/O.
 *
 * Everything is checked as early as it can be: the header before the payload, the size of a message before it is read, UTF-8
 * byte by byte. After a Close frame or an error all further bytes are thrown away.
 */
#ifndef WSM_WIRE_INBOUND_H
#define WSM_WIRE_INBOUND_H

#include "wire/utf8.h"
#include "ws_manager.h"

#define WSM__CONTROL_MAX 125u /* payload of a control frame, section 5.5 */

struct wsm__inbound_limits {
	uint64_t max_message; /* bytes of a message over all its frames */
	uint32_t max_frames;  /* of one message */
};

/* State of one connection; zero-initialised at the beginning. */
struct wsm__inbound {
	uint64_t left;    /* payload of the present frame that has not come yet */
	uint64_t message; /* payload of the present message so far, the present frame included */
	uint32_t frames;  /* of the present message */
	uint8_t header[14];
	uint8_t header_len;  /* how much of it has come */
	bool in_payload;     /* the header is complete */
	bool final;          /* of the present frame */
	bool first;          /* nothing of the present message was handed out yet */
	bool ended;          /* a Close frame or an error */
	uint8_t opcode;      /* of the present frame */
	uint8_t kind;        /* of the present message: text, binary; 0 between messages */
	uint8_t mask[4];     /* turned so that the next byte of payload takes mask[0] */
	uint8_t control_len; /* of a control frame's payload that came in pieces */
	struct wsm__utf8 utf8;
	uint8_t control[WSM__CONTROL_MAX];
};

enum wsm__inbound_kind {
	WSM__IN_MORE, /* all bytes are used up */
	WSM__IN_DATA, /* a piece of a message: data, first, last, binary */
	WSM__IN_PING, /* data: at most 125 bytes */
	WSM__IN_PONG,
	WSM__IN_CLOSE, /* code, 1005 for none; data: the reason */
	WSM__IN_ERROR  /* code: to close with; reason */
};

struct wsm__inbound_event {
	enum wsm__inbound_kind kind;
	wsm_slice data; /* in the bytes that were given, unmasked there, or in the state; until the next call */
	bool first, last, binary;
	unsigned code;
	const char *reason; /* static */
};

/*
 * Reads up to the next event; returns how many bytes were used. Call again with the rest until the event is WSM__IN_MORE.
 * `data` is changed: payload is unmasked in place.
 */
size_t wsm__inbound_next(struct wsm__inbound *inbound, const struct wsm__inbound_limits *limits, uint8_t *data,
                         size_t len, struct wsm__inbound_event *event);

#endif
