/*
 * raw.h - bytes on a TCP connection, for what a well-behaved client cannot be made to do. Sockets block, with a time limit.
 */
#ifndef WSM_TESTS_RAW_H
#define WSM_TESTS_RAW_H

#include "harness.h"

/* Connects to 127.0.0.1, or to ::1. */
int raw_connect(unsigned port);
int raw_connect6(unsigned port);
/* A connected pair of TCP sockets: what a host would hand over, and the client's end. */
void raw_pair(int *host_side, int *client_side);
void raw_send(int fd, const void *data, size_t len);
void raw_say(int fd, const char *text);
/* Sends as much as the peer takes, up to len, and no error if it takes less or none. */
void raw_try_send(int fd, const void *data, size_t len);
/* Exactly `len` bytes; false if the connection ended before. */
bool raw_read(int fd, void *data, size_t len);
/* True if the peer closed (or reset) without sending another byte. */
bool raw_ended(int fd);
/* Reads the head of an HTTP message, or what comes before the end; NUL-terminated. */
void raw_head(int fd, char *head, size_t size);
/* Reads and throws away until the peer closes. */
void raw_drain(int fd);

/* ---- WebSocket -------------------------------------------------------------------------------------------------- */

/* The text of an upgrade request, with further header lines. Host is `host`. */
#define RAW_KEY_LINE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
const char *raw_upgrade(char *out, size_t size, const char *path, const char *headers);
/* Connects, upgrades, and reads the answer's head, which must be 101. */
int raw_open(unsigned port, const char *path);
/* Appends a masked frame to out[at…]; returns the new length. */
size_t raw_put_frame(uint8_t *out, size_t at, bool fin, unsigned opcode, const void *data, size_t len);
void raw_frame(int fd, bool fin, unsigned opcode, const void *data, size_t len);

struct raw_frame {
	bool fin;
	unsigned opcode;
	size_t len;
	char data[65536]; /* NUL-terminated */
};
/* The next frame; false if the connection ended before. */
bool raw_next(int fd, struct raw_frame *frame);
/* Reads frames until a Close comes; its code, 1005 without one, or -1 if the connection ended without a Close. */
int raw_close_code(int fd);
/* Reads frames until one of that opcode comes. */
void raw_await(int fd, unsigned opcode, struct raw_frame *frame);

/* ---- HTTP ------------------------------------------------------------------------------------------------------- */

struct raw_answer {
	unsigned status; /* 0: the connection ended without an answer */
	char head[8192];
	char *body; /* NUL-terminated; NULL if there is none */
	size_t len;
};
/* Reads one answer. `head_only`: it has no body whatever Content-Length says. */
void raw_answer(int fd, struct raw_answer *answer, bool head_only);
void raw_answer_free(struct raw_answer *answer);
/* Connects, sends a whole request, reads the answer and closes; the body as JSON if it is some, else NULL. */
unsigned raw_http(unsigned port, const char *request, json_t **body);
/* Status of the answer to a request that asks for an upgrade; 0 if the connection ended without one. */
unsigned raw_upgrade_status(unsigned port, const char *request);

#endif
