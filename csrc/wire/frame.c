#include "wire/frame.h"

#define FIN 0x80u

static size_t put_length(uint8_t *out, uint64_t length, size_t bytes)
{
	for (size_t i = bytes; i > 0; i--) {
		out[i - 1] = (uint8_t)(length & 0xff);
		length >>= 8;
	}
	return bytes;
}

size_t wsm__frame_header(uint8_t out[WSM__FRAME_HEADER_MAX], enum wsm__opcode opcode, uint64_t payload_len)
{
	out[0] = (uint8_t)(FIN | (unsigned)opcode);
	if (payload_len < 126) {
		out[1] = (uint8_t)payload_len;
		return 2;
	}
	if (payload_len <= UINT16_MAX) {
		out[1] = 126;
		return 2 + put_length(out + 2, payload_len, 2);
	}
	out[1] = 127;
	return 2 + put_length(out + 2, payload_len, 8);
}

int wsm__close_code_valid(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013) || (code >= 3000 && code <= 4999);
}
