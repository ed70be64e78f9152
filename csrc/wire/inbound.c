#include "wire/inbound.h"

#include <string.h>

#include "base/slice.h"
#include "wire/frame.h"

#define CONTINUATION 0u
#define FIN 0x80u
#define RESERVED 0x70u
#define MASKED 0x80u

/* ---- errors ----------------------------------------------------------------------------------------------------- */

static void fail(struct wsm__inbound *inbound, struct wsm__inbound_event *event, unsigned code, const char *reason)
{
	inbound->ended = true;
	event->kind = WSM__IN_ERROR;
	event->code = code;
	event->reason = reason;
}

static void broken(struct wsm__inbound *inbound, struct wsm__inbound_event *event, const char *reason)
{
	fail(inbound, event, 1002, reason);
}

/* ---- the header (section 5.2) ----------------------------------------------------------------------------------- */

static bool is_control(const struct wsm__inbound *inbound)
{
	return (inbound->opcode & 8u) != 0;
}

/* What the first byte says against the rules; NULL if nothing. */
static const char *first_byte_fault(const struct wsm__inbound *inbound, uint8_t first)
{
	unsigned opcode = first & 0x0fu;
	bool final = (first & FIN) != 0;

	if (first & RESERVED)
		return "a reserved bit is set, and no extension was agreed on";
	switch (opcode) {
	case CONTINUATION:
		return inbound->kind ? NULL : "a continuation of no message";
	case WSM__TEXT:
	case WSM__BINARY:
		return inbound->kind ? "a new message inside a fragmented one" : NULL;
	case WSM__CLOSE:
	case WSM__PING:
	case WSM__PONG:
		return final ? NULL : "a control frame must not be fragmented";
	default:
		return "a reserved opcode";
	}
}

/* And the second one. */
static const char *second_byte_fault(const uint8_t *header)
{
	if (!(header[1] & MASKED))
		return "a client must mask its frames";
	if ((header[0] & 8u) && (header[1] & 0x7fu) > WSM__CONTROL_MAX)
		return "a control frame has more than 125 bytes";
	return NULL;
}

/* How long the header is, as far as that is known. */
static size_t header_size(const uint8_t *header, size_t have)
{
	unsigned len = have < 2 ? 0 : header[1] & 0x7fu;

	if (have < 2)
		return 2;
	return 2 + (len == 126 ? 2u : len == 127 ? 8u : 0u) + 4u;
}

static uint64_t header_payload(const uint8_t *header)
{
	unsigned len = header[1] & 0x7fu, bytes = len == 126 ? 2 : len == 127 ? 8 : 0;
	uint64_t value = bytes ? 0 : len;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | header[2 + i];
	return value;
}

static const char *length_fault(const uint8_t *header, uint64_t payload)
{
	unsigned len = header[1] & 0x7fu;

	if (len == 127 && payload >> 63)
		return "the highest bit of a length must be 0";
	if ((len == 126 && payload < 126) || (len == 127 && payload <= UINT16_MAX))
		return "a length must be written in as few bytes as possible";
	return NULL;
}

/* A complete header of a data frame. False after an error. */
static bool begin_data(struct wsm__inbound *inbound, const struct wsm__inbound_limits *limits,
                       struct wsm__inbound_event *event)
{
	if (inbound->opcode != CONTINUATION) {
		inbound->kind = inbound->opcode;
		inbound->first = true;
		inbound->message = 0;
		inbound->frames = 0;
		memset(&inbound->utf8, 0, sizeof(inbound->utf8));
	}
	if (inbound->left > limits->max_message || inbound->message > limits->max_message - inbound->left) {
		fail(inbound, event, 1009, "the message is larger than max_message_size");
		return false;
	}
	inbound->message += inbound->left;
	if (++inbound->frames > limits->max_frames) {
		fail(inbound, event, 1008, "the message has more fragments than max_fragments");
		return false;
	}
	return true;
}

/* False after an error. */
static bool begin_frame(struct wsm__inbound *inbound, const struct wsm__inbound_limits *limits, const uint8_t *header,
                        size_t size, struct wsm__inbound_event *event)
{
	const char *fault;

	inbound->left = header_payload(header);
	fault = length_fault(header, inbound->left);
	if (fault) {
		broken(inbound, event, fault);
		return false;
	}
	inbound->opcode = header[0] & 0x0fu;
	inbound->final = (header[0] & FIN) != 0;
	memcpy(inbound->mask, header + size - 4, 4);
	inbound->in_payload = true;
	inbound->header_len = 0;
	inbound->control_len = 0;
	return is_control(inbound) || begin_data(inbound, limits, event);
}

/* Reads as much of a header as there is. `*used` bytes were taken; false when more is needed, or after an error. */
static bool read_header(struct wsm__inbound *inbound, const struct wsm__inbound_limits *limits, const uint8_t *data,
                        size_t len, size_t *used, struct wsm__inbound_event *event)
{
	size_t at = 0;

	while (at < len) {
		size_t size;
		const char *fault = NULL;

		inbound->header[inbound->header_len++] = data[at++];
		if (inbound->header_len == 1)
			fault = first_byte_fault(inbound, inbound->header[0]);
		else if (inbound->header_len == 2)
			fault = second_byte_fault(inbound->header);
		if (fault) {
			broken(inbound, event, fault);
			break;
		}
		size = header_size(inbound->header, inbound->header_len);
		if (inbound->header_len == size) {
			*used = at;
			return begin_frame(inbound, limits, inbound->header, size, event);
		}
	}
	*used = at;
	return false;
}

/* ---- the payload ------------------------------------------------------------------------------------------------ */

/* Section 5.3; leaves the mask turned for the byte that comes next. */
static void unmask(struct wsm__inbound *inbound, uint8_t *data, size_t len)
{
	uint8_t mask[4];
	uint64_t wide;
	uint32_t narrow;
	size_t at = 0;

	memcpy(&narrow, inbound->mask, 4);
	wide = (uint64_t)narrow << 32 | narrow;
	for (; len - at >= 8; at += 8) {
		uint64_t word;

		memcpy(&word, data + at, 8);
		word ^= wide;
		memcpy(data + at, &word, 8);
	}
	for (size_t i = at; i < len; i++)
		data[i] ^= inbound->mask[i & 3u];
	for (size_t i = 0; i < 4; i++)
		mask[i] = inbound->mask[(len + i) & 3u];
	memcpy(inbound->mask, mask, 4);
}

static void close_event(struct wsm__inbound *inbound, wsm_slice payload, struct wsm__inbound_event *event)
{
	const uint8_t *bytes = (const uint8_t *)payload.data;

	inbound->ended = true;
	event->kind = WSM__IN_CLOSE;
	event->code = 1005; /* section 7.1.5: none was given */
	if (!payload.len)
		return;
	if (payload.len == 1) {
		broken(inbound, event, "a Close frame has half a code");
		return;
	}
	event->code = (unsigned)bytes[0] << 8 | bytes[1];
	event->data = wsm__slice(payload.data + 2, payload.len - 2);
	if (!wsm__close_code_valid(event->code))
		broken(inbound, event, "a Close frame has a code that must not be sent");
	else if (!wsm__utf8_valid(event->data))
		fail(inbound, event, 1007, "the reason of a Close frame is not UTF-8");
}

static void control_event(struct wsm__inbound *inbound, wsm_slice payload, struct wsm__inbound_event *event)
{
	event->data = payload;
	if (inbound->opcode == WSM__CLOSE)
		close_event(inbound, payload, event);
	else
		event->kind = inbound->opcode == WSM__PING ? WSM__IN_PING : WSM__IN_PONG;
}

/* `data` is the part of a control frame that is here; an event only once it is whole. */
static void read_control(struct wsm__inbound *inbound, const uint8_t *data, size_t len,
                         struct wsm__inbound_event *event)
{
	bool whole = !inbound->left;

	if (whole && !inbound->control_len) {
		inbound->in_payload = false;
		control_event(inbound, wsm__slice((const char *)data, len), event);
		return;
	}
	memcpy(inbound->control + inbound->control_len, data, len);
	inbound->control_len = (uint8_t)(inbound->control_len + len);
	if (!whole)
		return;
	inbound->in_payload = false;
	control_event(inbound, wsm__slice((const char *)inbound->control, inbound->control_len), event);
}

static void read_data(struct wsm__inbound *inbound, const uint8_t *data, size_t len, struct wsm__inbound_event *event)
{
	bool last = !inbound->left && inbound->final;

	if (!inbound->left)
		inbound->in_payload = false;
	if (inbound->kind == WSM__TEXT &&
	    (!wsm__utf8_feed(&inbound->utf8, data, len) || (last && !wsm__utf8_whole(&inbound->utf8)))) {
		fail(inbound, event, 1007, "the message is not UTF-8");
		return;
	}
	event->kind = WSM__IN_DATA;
	event->data = wsm__slice((const char *)data, len);
	event->first = inbound->first;
	event->last = last;
	event->binary = inbound->kind == WSM__BINARY;
	inbound->first = false;
	if (last)
		inbound->kind = 0;
}

size_t wsm__inbound_next(struct wsm__inbound *inbound, const struct wsm__inbound_limits *limits, uint8_t *data,
                         size_t len, struct wsm__inbound_event *event)
{
	size_t at = 0, piece;

	memset(event, 0, sizeof(*event)); /* WSM__IN_MORE */
	if (inbound->ended)
		return len;
	while (event->kind == WSM__IN_MORE) {
		if (!inbound->in_payload) {
			size_t used;
			bool begun = read_header(inbound, limits, data + at, len - at, &used, event);

			at += used;
			if (!begun)
				return event->kind == WSM__IN_MORE ? len : at;
		}
		piece = inbound->left < len - at ? (size_t)inbound->left : len - at;
		if (!piece && inbound->left)
			return len;
		unmask(inbound, data + at, piece);
		inbound->left -= piece;
		if (is_control(inbound))
			read_control(inbound, data + at, piece, event);
		else
			read_data(inbound, data + at, piece, event);
		at += piece;
	}
	return at;
}
