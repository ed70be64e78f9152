/*
 * harness.h - a runtime under test and its clients, for scenario tests against the public API over real sockets.
 *
 * Everything waits for events, at most WAIT_SECS, and fails the test with a sentence when none comes. A visitor is one client
 * with an event loop of its own: what a test does not ask for waits in the socket.
 */
#ifndef WSM_TESTS_HARNESS_H
#define WSM_TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../../tests/client/ws_client.h"
#include "base/slice.h"
#include "ws_manager.h"

#define WAIT_SECS 30

/* Fails the test with a formatted sentence. */
#define give_up(...)                                                                                                   \
	do {                                                                                                           \
		print_error(__VA_ARGS__);                                                                              \
		print_error("\n");                                                                                     \
		fail();                                                                                                \
	} while (0)

/* ---- the runtime ------------------------------------------------------------------------------------------------ */

struct host {
	wsm_runtime *runtime;
	unsigned port;
	int wake;         /* eventfd that the runtime thread writes to */
	wsm_event *first; /* taken, not asked for yet */
};

/* Makes a runtime with option, value, …, NULL; does not start it. */
void host_make(struct host *host, ...) __attribute__((sentinel));
/* With a configuration, which stays the caller's. */
void host_make_with(struct host *host, const wsm_config *config);
/* Starts it; host->port is where it listens. */
void host_start(struct host *host);
/* Both, on a free port of both loopback addresses. */
#define host_open(host, ...)                                                                                           \
	do {                                                                                                           \
		host_make(host, "port", "0", __VA_ARGS__);                                                             \
		host_start(host);                                                                                      \
	} while (0)
/* Stops, frees, and frees the events that nobody took. */
void host_close(struct host *host);
/* The next event of that kind; others stay for later. Free it. */
wsm_event *host_event(struct host *host, wsm_event_kind kind);
/* The next event of that kind if it is there already, else NULL. */
wsm_event *host_event_now(struct host *host, wsm_event_kind kind);
/* The next line of the log with that part in it; others are thrown away. Free it. */
wsm_event *host_line(struct host *host, const char *part);
/* The answer to a question, as JSON. Release it. */
json_t *host_ask(struct host *host, wsm_query_kind kind, const char *room);
/* One number of the statistics. */
long long host_stat(struct host *host, const char *name);
/* Waits until a number of the statistics has a value (at least). */
void host_stat_reaches(struct host *host, const char *name, long long value);

/* Waits until it has a value (at most). */
void host_stat_falls(struct host *host, const char *name, long long value);

/* Publications. Those that return a delivery wait for it and demand that it was handled. */
wsm_delivery host_publish(struct host *host, const wsm_publication *publication, const char *payload);
/* Event `type` with data `json` to a room; "@all" for everyone. */
wsm_delivery host_send(struct host *host, const char *room, const char *type, const char *json);
/* The same for many at once: {"n":first} … {"n":last}, without waiting but for the last. */
void host_send_run(struct host *host, const char *room, unsigned first, unsigned last);

/* ---- visitors --------------------------------------------------------------------------------------------------- */

struct visitor {
	wsc ws;
	wsc_loop loop;
	json_t *inbox; /* array of messages that came, oldest first: {"text": …} or {"binary": length} */
	int end;       /* 0 while open; see enum wsc_end, or the peer's close code */
	char reason[124];
};

/* Connects and waits for the answer to the request: open, or ended (refused). `headers` may be NULL. */
void visitor_try(struct visitor *visitor, unsigned port, const char *path, const char *headers);
/* Connects, demands that it opens, and reads the greeting, which it returns. Release it. */
json_t *visitor_greet(struct visitor *visitor, unsigned port, const char *path);
/* The same, greeting not looked at. */
void visitor_open(struct visitor *visitor, unsigned port, const char *path);
/* Sends text. */
void visitor_say(struct visitor *visitor, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next message, as JSON. Heartbeats count. Release it. */
json_t *visitor_next(struct visitor *visitor);
/* The next message of a type; those before it are thrown away. Release it. */
json_t *visitor_await(struct visitor *visitor, const char *type);
/* The next message's text. free() it. */
char *visitor_text(struct visitor *visitor);
/* Length of the next message, which must be binary. */
size_t visitor_binary(struct visitor *visitor);
/* Waits for the end of the connection, throwing messages away; close code, or an enum wsc_end. */
int visitor_end(struct visitor *visitor);
/* Demands that nothing has come before the answer to a ping: all that was sent before has arrived then. */
void visitor_expect_silence(struct visitor *visitor);
/* Closes (1000) if it is open, waits for the end, and frees. */
void visitor_leave(struct visitor *visitor);
/* Cuts the connection without a close frame, and frees. */
void visitor_vanish(struct visitor *visitor);

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

/* A member by path ("data.rooms.@all.epoch" does not work with dots in names: use json_object_get); NULL if absent. */
json_t *at(const json_t *json, const char *path);
const char *text_at(const json_t *json, const char *path); /* "" if it is no string */
long long number_at(const json_t *json, const char *path); /* -1 if it is none */
bool true_at(const json_t *json, const char *path);        /* demands a boolean */
/* Demands a type, and returns the message. */
json_t *of_type(json_t *message, const char *type);
/* base64url of `text`, for ?resume=. */
void base64url(const char *text, char *out, size_t size);
/* "/path?resume=…" for one room. */
void resume_path(char *out, size_t size, const char *path, const char *room, const char *epoch, long long offset);

/* Monotonic milliseconds. */
uint64_t now_ms(void);

/* A stop on a thread of its own: `argument` is a struct stopping, whose `status` is the result once it is joined. */
struct stopping {
	struct host *host;
	unsigned deadline_ms;
	int status;
};
void *host_stop_in_thread(void *argument);

#endif
