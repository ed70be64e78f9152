/*
 * inbound.h - reads frames from a client (RFC 6455 section 5) piece by piece: bytes in, events out, no I/O.
 *
 * It checks as early as it can: the header before the payload, the size of a message before its content, UTF-8 byte by byte. After a
 * Close frame or an error it throws away all further bytes.
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
	uint64_t left;    /* payload of this frame that has not come yet */
	uint64_t message; /* payload of this message so far, this whole frame included */
	uint32_t frames;  /* of this message */
	uint8_t header[14];
	uint8_t header_len;  /* bytes of it that have come */
	bool in_payload;     /* the header is complete */
	bool final;          /* of this frame */
	bool first;          /* no event for this message yet */
	bool ended;          /* a Close frame or an error */
	uint8_t opcode;      /* of this frame */
	uint8_t kind;        /* of this message: text, binary; 0 between messages */
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
	WSM__IN_ERROR  /* code: close with it; reason */
};

struct wsm__inbound_event {
	enum wsm__inbound_kind kind;
	wsm_slice data; /* points into the caller's bytes, unmasked, or into the state; valid until the next call */
	bool first, last, binary;
	unsigned code;
	const char *reason; /* static */
};

/*
 * Reads up to the next event. Returns the number of bytes used; call again with the rest until the event is WSM__IN_MORE.
 * Unmasks the payload in `data`.
 */
size_t wsm__inbound_next(struct wsm__inbound *inbound, const struct wsm__inbound_limits *limits, uint8_t *data,
                         size_t len, struct wsm__inbound_event *event);

#endif
