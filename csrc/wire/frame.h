/* frame.h - server frames of RFC 6455 (unmasked, FIN set, no extension). */
#ifndef WSM_WIRE_FRAME_H
#define WSM_WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum wsm__opcode { WSM__TEXT = 1, WSM__BINARY = 2, WSM__CLOSE = 8, WSM__PING = 9, WSM__PONG = 10 };

#define WSM__FRAME_HEADER_MAX 10
/* Writes the header (RFC 6455 section 5.2). Returns its length: 2, 4 or 10 bytes. */
size_t wsm__frame_header(uint8_t out[WSM__FRAME_HEADER_MAX], enum wsm__opcode opcode, uint64_t payload_len);
/* Returns whether the server may send a close code (section 7.4): 1000-1003, 1007-1013, 3000-4999. */
int wsm__close_code_valid(unsigned code);

#endif
