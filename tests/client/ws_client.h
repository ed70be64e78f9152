/*
 * ws_client.h - a small WebSocket client for load and recovery tests: thousands of connections in one epoll loop. It is
 * written from RFC 6455 and shares no code with the server under test, so that the two can disagree.
 *
 * One thread owns a loop and its connections. Hooks are called from wsc_poll() (closed also from wsc_abort()) and may
 * send, close and reopen connections of the same loop.
 */
#ifndef WSC_WS_CLIENT_H
#define WSC_WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wsc_opcode { WSC_CONTINUATION = 0, WSC_TEXT = 1, WSC_BINARY = 2, WSC_CLOSE = 8, WSC_PING = 9, WSC_PONG = 10 };

typedef enum wsc_state { WSC_IDLE, WSC_CONNECTING, WSC_HANDSHAKE, WSC_OPEN, WSC_CLOSED } wsc_state;

/* Why a connection ended, beside a close code of the peer. */
enum wsc_end {
	WSC_END_EOF = 1,      /* the peer closed TCP without a Close frame */
	WSC_END_RESET = 2,    /* a socket error */
	WSC_END_REFUSED = 3,  /* the answer to the request was not 101; see wsc.http_status */
	WSC_END_PROTOCOL = 4, /* the peer broke RFC 6455; see wsc_loop.last_error */
	WSC_END_LOCAL = 5     /* wsc_abort() */
	                      /* 1000 and above: the peer's close code; 1005 where its Close frame had none */
};

typedef struct wsc_loop wsc_loop;

typedef struct wsc {
	wsc_loop *loop;
	int fd;
	wsc_state state;
	unsigned index;       /* chosen by the caller */
	void *data;           /* the caller's */
	int receive_buffer;   /* SO_RCVBUF, and a small MSS; chosen by the caller; 0: the system's */
	unsigned http_status; /* of the answer to the request; 0 before it */
	uint64_t messages;    /* text and binary messages since it was opened */
	uint64_t pings;
	/* receiving */
	uint8_t header[10];
	unsigned header_have;
	unsigned opcode;         /* of the frame under way */
	unsigned message_opcode; /* of the message under way; 0 between messages */
	bool fin;
	uint64_t left; /* bytes of the frame's payload still to come */
	uint64_t message_len;
	char *body; /* the message so far, when it did not come in one read; or the head of the answer */
	size_t body_len, body_cap;
	char control[125];
	unsigned control_len;
	bool peer_closed;
	/* sending */
	char *tx;
	size_t tx_len, tx_cap;
	bool reading, want_write;
} wsc;

typedef struct wsc_hooks {
	void (*open)(wsc *client);
	/* A whole text or binary message. `data` is NULL where the loop does not want payloads. Valid during the call. */
	void (*message)(wsc *client, unsigned opcode, const char *data, size_t len);
	/* Once per wsc_open(). The connection may be opened again from here. */
	void (*closed)(wsc *client, int end);
} wsc_hooks;

struct wsc_loop {
	int epoll_fd;
	wsc_hooks hooks;
	bool want_payload;
	uint32_t peer; /* the server's IPv4 address in network order; 0: 127.0.0.1 */
	unsigned
		addresses; /* of a server on 127.0.0.1: how many local addresses, from 127.0.0.2 on, connections are spread over */
	uint64_t bytes;      /* received after the handshakes */
	uint64_t frames[16]; /* received, by opcode */
	uint64_t protocol_errors;
	const char *last_error; /* static; NULL */
	uint32_t random;
	char *scratch;
	void *data; /* the caller's */
};

/* 0, or -1 with errno. */
int wsc_loop_init(wsc_loop *loop, const wsc_hooks *hooks, bool want_payload);
void wsc_loop_fini(wsc_loop *loop);
/* Handles what is ready, waiting at most `timeout_ms` (-1: for ever). How many descriptors were ready, or -1 with errno. */
int wsc_poll(wsc_loop *loop, int timeout_ms);

/*
 * Connects to `port` of the loop's peer and asks for `path` (with its query). `headers`: further header lines, each ended by
 * \r\n; may be NULL. `client` is zeroed by the caller the first time and may be opened again after it was closed. 0, or -1 with
 * errno, and then no hook is called.
 */
int wsc_open(wsc_loop *loop, wsc *client, unsigned port, const char *path, const char *headers);
/* Sends a masked frame; what the socket does not take is kept. -1: not open, or out of memory. */
int wsc_send(wsc *client, unsigned opcode, const void *data, size_t len);
int wsc_send_text(wsc *client, const char *text);
/* Sends a Close frame; the connection ends when the peer has answered. */
int wsc_close(wsc *client, unsigned code);
/* Closes the socket at once. Calls the closed hook with WSC_END_LOCAL. */
void wsc_abort(wsc *client);
/* Frees what a connection holds. It must not be open. */
void wsc_fini(wsc *client);
/* Stops or goes on reading: a client that never reads. */
void wsc_set_reading(wsc *client, bool reading);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t wsc_now_ns(void);
/* Raises RLIMIT_NOFILE to its hard limit and returns it. */
unsigned long wsc_raise_nofile(void);

#endif
