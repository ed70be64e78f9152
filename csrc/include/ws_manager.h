/*
 * ws_manager.h - the public C API of ws_manager, and all that a binding may include.
 *
 * A `wsm_runtime` is one thread that owns WebSocket connections, rooms, history and limits. Host threads
 * append commands to its queue and take events from it; neither side ever waits for the network.
 *
 * Threads.   Unless a function says otherwise, any thread may call it at any time between wsm_runtime_new() and
 *            wsm_runtime_free(). Calls marked [query] block until the runtime thread has answered (microseconds as a
 *            rule, at most WSM_QUERY_TIMEOUT_MS); a binding releases its language's lock around them. All others
 *            return at once.
 * Errors.    Functions return 0 (WSM_OK) or a negative wsm_status. Where they take a `wsm_error *`, it may be NULL;
 *            it is filled on failure only, with one sentence that says what, where and what to do.
 * Memory.    Every pointer that goes in is copied before the call returns, unless its comment says otherwise.
 *            Whatever comes out is owned as its comment says.
 * Text.      All text is UTF-8. A wsm_slice need not end in NUL.
 * fork().    A runtime does not survive in a child process: every call there returns WSM_EFORKED. The child may call
 *            wsm_runtime_free() (which closes the inherited sockets without touching them) and make a new one.
 */
#ifndef WS_MANAGER_H
#define WS_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The one place of the version number; the Python and Node packages read it from here. */
#define WSM_VERSION "0.1.0"
/* Version of the wire protocol (docs/protocol.md), sent in each greeting. */
#define WSM_PROTOCOL_VERSION 1
/* Longest wait of a [query] call, milliseconds. */
#define WSM_QUERY_TIMEOUT_MS 10000u
/* Most questions of wsm_query_later() whose answers the host has not taken yet. */
#define WSM_QUESTIONS_MAX 1024u

/* ---- status ----------------------------------------------------------------------------------------------------- */

/* X(name, value, code, sentence). `code` is Python's exception attribute `.code` and JavaScript's `error.code`. */
#define WSM_STATUS_MAP(X)                                                                                              \
	X(OK, 0, "ok", "no error")                                                                                     \
	X(ENOMEM, -1, "out_of_memory", "out of memory")                                                                \
	X(EINVAL, -2, "invalid_argument", "invalid argument")                                                          \
	X(ECONFIG, -3, "config", "invalid configuration")                                                              \
	X(ENOTRUNNING, -4, "not_running", "the runtime is not running")                                                \
	X(EOVERLOADED, -5, "overloaded", "the command queue is full; the message was dropped")                         \
	X(EROOM, -6, "room_invalid", "invalid room name")                                                              \
	X(ETOOLARGE, -7, "message_too_large", "the message is too large")                                              \
	X(ENOTFOUND, -8, "not_found", "not found")                                                                     \
	X(EADDRINUSE, -9, "address_in_use", "the address is already in use")                                           \
	X(ESYSTEM, -10, "system", "a system call failed")                                                              \
	X(EFORKED, -11, "forked", "the runtime belongs to the parent process")                                         \
	X(ETIMEOUT, -12, "timeout", "the runtime did not answer in time")                                              \
	X(EJSON, -13, "bad_json", "not valid JSON")                                                                    \
	X(EREFUSED, -14, "refused", "the request was refused")                                                         \
	X(ENOSTORE, -15, "store_not_configured", "nothing is kept on disk: set the option store to a file")            \
	X(ELOCKED, -16, "store_locked", "another process has the store: give each process a file of its own")          \
	X(EUNAVAILABLE, -17, "unavailable", "the store cannot be used now: see the log for why; it will be again")

typedef enum wsm_status {
#define WSM_X(name, value, code, sentence) WSM_##name = (value),
	WSM_STATUS_MAP(WSM_X)
#undef WSM_X
} wsm_status;

/* Returns the short code of a status ("room_invalid"); "unknown" if there is no such status. Static. */
const char *wsm_status_code(int status);
/* Returns the general sentence of a status. Static. */
const char *wsm_status_text(int status);

typedef struct wsm_error {
	int status;        /* wsm_status */
	char message[320]; /* one sentence, NUL-terminated */
} wsm_error;

typedef struct wsm_slice {
	const char *data; /* may be NULL when len is 0 */
	size_t len;       /* bytes */
} wsm_slice;

/* ---- configuration ---------------------------------------------------------------------------------------------- */

typedef struct wsm_config wsm_config;

typedef enum wsm_option_type {
	WSM_OPTION_UINT,   /* decimal integer */
	WSM_OPTION_SECS,   /* seconds, decimal fraction allowed */
	WSM_OPTION_STRING, /* any text; "" unsets; jwt_secret and jwt_public_key refuse "" */
	WSM_OPTION_LIST,   /* comma-separated */
	WSM_OPTION_BOOL    /* 1/0, true/false, yes/no, on/off */
} wsm_option_type;

/* One row of the configuration table; docs/configuration.md is generated from it. */
typedef struct wsm_option {
	const char *name; /* keyword: "heartbeat_interval" */
	const char *env;  /* environment variable: "WEBSOCKET_HEARTBEAT_INTERVAL" */
	wsm_option_type type;
	const char *fallback; /* default, as text; "" is unset */
	double min, max;      /* for UINT and SECS, inclusive */
	const char *doc;      /* one sentence */
} wsm_option;

/* Returns the table, static, of `*count` rows. */
const wsm_option *wsm_options(size_t *count);

/* Returns a configuration of defaults; NULL when out of memory. Only one thread at a time may use it. */
wsm_config *wsm_config_new(void);
void wsm_config_free(wsm_config *config);
/* Sets one option from text, checked by its row: WSM_ECONFIG names option, value and what is allowed. */
int wsm_config_set(wsm_config *config, const char *name, const char *value, wsm_error *error);
/* Reads the environment: every WEBSOCKET_… variable that the table names. WSM_ECONFIG as above. */
int wsm_config_load_env(wsm_config *config, wsm_error *error);
/* Returns the value in force as text, owned by the config until its next change; "***" for a secret; NULL for an unknown name. */
const char *wsm_config_get(const wsm_config *config, const char *name);

/* ---- runtime ---------------------------------------------------------------------------------------------------- */

typedef struct wsm_runtime wsm_runtime;

/* Copies the configuration; starts nothing. Returns NULL and fills `error` on WSM_ECONFIG, WSM_ENOMEM. */
wsm_runtime *wsm_runtime_new(const wsm_config *config, wsm_error *error);
/*
 * Starts the thread; with option `port` set, listens before it returns. Returns WSM_OK for a running runtime.
 * WSM_EADDRINUSE, WSM_ESYSTEM, WSM_ECONFIG. A stopped runtime can start again: it keeps endpoints and handlers; rooms
 * and history in memory begin anew, with new epochs.
 */
int wsm_runtime_start(wsm_runtime *runtime, wsm_error *error);
/* For wsm_runtime_stop(): drain_time and close_timeout together. */
#define WSM_STOP_DEFAULT 0xffffffffu
/*
 * Stops listening and closes every connection with 1001: in waves over at most drain_time, each client with a hint when to
 * come back (docs/protocol.md, "When the server stops"). Waits until they are gone or `deadline_ms` has passed, and ends
 * the thread. Blocks at most deadline_ms plus 2 s; WSM_ETIMEOUT if the thread has not ended by then. A second call, from
 * another thread, can only make it sooner. Returns WSM_OK for a stopped runtime. Delivers what was queued before the call.
 */
int wsm_runtime_stop(wsm_runtime *runtime, unsigned deadline_ms);
/*
 * Refuses new connections until the next start, with 503 and Retry-After before the upgrade; open connections stay.
 * GET /api/ws/health answers 503, so that a load balancer looks elsewhere. WSM_ENOTRUNNING.
 */
int wsm_runtime_drain(wsm_runtime *runtime);
/* Returns whether the runtime refuses new connections: it was drained, or is stopping. */
bool wsm_runtime_draining(const wsm_runtime *runtime);
/* Stops with deadline 0 if needed, and frees. No other thread may be inside a call. NULL does nothing. */
void wsm_runtime_free(wsm_runtime *runtime);
bool wsm_runtime_running(const wsm_runtime *runtime);
/* Returns an option's value in force, as wsm_config_get() does; the runtime owns it. NULL for an unknown name. */
const char *wsm_runtime_option(const wsm_runtime *runtime, const char *name);
/*
 * Reads tls_cert and tls_key again: new connections get the new certificate, open ones go on.
 * WSM_ECONFIG, and nothing changes, if a file is wrong or TLS is not configured. WSM_EFORKED.
 */
int wsm_reload_tls(wsm_runtime *runtime, wsm_error *error);
/* Returns the port that the runtime listens on, also where option `port` is 0; 0 if it does not listen. */
unsigned wsm_runtime_port(const wsm_runtime *runtime);

/* ---- endpoints -------------------------------------------------------------------------------------------------- */

#define WSM_ENDPOINT_FIREHOSE 1u /* gets every message of every public room and of @all, but not `logs` */
#define WSM_ENDPOINT_AUTH 2u     /* exists only with a key for tokens, or an authenticate handler */
/*
 * Only the application speaks here (docs/protocol.md, "Raw endpoints"): publications go out without the members that the
 * core adds, the core sends nothing of its own, and every message of a client becomes a WSM_EVENT_MESSAGE.
 */
#define WSM_ENDPOINT_RAW 4u

/*
 * A path pattern, and the rooms that a connection to it joins. In `path`, `{name}` stands for one segment that is not empty. In
 * `rooms` (public names, or "@all"), the path parameter replaces `{name}`; if that is no valid name, the core closes with 4400.
 */
typedef struct wsm_endpoint {
	wsm_slice path; /* "/ws/project/{project_id}" */
	const wsm_slice *rooms;
	size_t n_rooms;
	wsm_slice greeting;  /* type of the first message; empty: "connected" */
	wsm_slice heartbeat; /* type of the periodic message; empty: "heartbeat" */
	unsigned flags;      /* WSM_ENDPOINT_… */
} wsm_endpoint;

/* Adds an endpoint, or replaces the one of the same path. New runtimes have those of docs/protocol.md. WSM_ECONFIG. */
int wsm_endpoint_set(wsm_runtime *runtime, const wsm_endpoint *endpoint, wsm_error *error);
/* Returns the path of a default endpoint, static, and its flags; NULL after the last. */
const char *wsm_endpoint_default(size_t index, unsigned *flags);
/* Removes the endpoint of that pattern. WSM_ENOTFOUND. */
int wsm_endpoint_remove(wsm_runtime *runtime, wsm_slice path);
/* Returns whether a request path (without query) belongs to an endpoint. */
bool wsm_endpoint_match(wsm_runtime *runtime, wsm_slice path);
/*
 * Writes a request path (without query) as a log may show it: the pattern of its endpoint, "" if there is none. Short values
 * (at most 16 letters, digits, "._-") replace their parameters, unless the path may hold a token: a parameter has such a name
 * (token, key, code ...), or a key or an authenticate handler is set. Cuts at `size` bytes, NUL included.
 */
void wsm_endpoint_label(wsm_runtime *runtime, wsm_slice path, char *out, size_t size);

/* Returns whether a text can be an id of a user, a session or a client: 1 to 120 bytes of UTF-8, no control characters. */
bool wsm_id_valid(wsm_slice id);
/* Returns whether a text can name a public room; with `pattern`, also the beginning of a name followed by '*', and "*". */
bool wsm_room_valid(wsm_slice name, bool pattern);

/* ---- rooms by pattern ------------------------------------------------------------------------------------------- */

/*
 * Sets one thing for all rooms whose names match. `pattern`: a public room's name, a beginning followed by '*'
 * ("project:*"), "*" for all public rooms; of the core's own rooms "@all", "@user:*", "@user:<id>" and so on. Where several
 * patterns match, the longest one with this setting decides.
 * `setting` and `value`:
 *   subscribe, publish, history, presence   who may: anyone, authenticated, granted, nobody
 *   overflow          for clients that fall behind: recover, drop_oldest, latest, disconnect
 *   presence_events   on, off
 *   store             memory, disk (in the file of option `store`)
 *   history_size      messages kept, 0 for none
 *   history_ttl       seconds
 * An empty value takes the setting back. Rights hold at once, other settings from the next use of a room on.
 * WSM_EROOM: not a pattern; WSM_EINVAL: no such setting or value; WSM_ENOMEM: over 1,024 patterns; WSM_EFORKED.
 */
int wsm_room_rule_set(wsm_runtime *runtime, wsm_slice pattern, wsm_slice setting, wsm_slice value, wsm_error *error);

/* ---- publishing ------------------------------------------------------------------------------------------------- */

#include "ws_manager_publish.h"

/* ---- connections, from the host's side -------------------------------------------------------------------------- */

/*
 * Joins every connection of a user to a public room, those of now and, until wsm_unsubscribe(), later ones.
 * WSM_EROOM, WSM_EINVAL, WSM_ENOTRUNNING, WSM_EOVERLOADED.
 */
int wsm_subscribe(wsm_runtime *runtime, wsm_slice user_id, wsm_slice room, wsm_error *error);
int wsm_unsubscribe(wsm_runtime *runtime, wsm_slice user_id, wsm_slice room, wsm_error *error);
/*
 * [query] Joins one connection to a public room, until it leaves or ends, and lets it read the room's history. The client hears
 * `subscribed`; it counts as its own subscription. Returns WSM_OK for a member. WSM_EROOM; WSM_ENOTFOUND: gone, or not let in
 * yet; WSM_EREFUSED: max_rooms, max_rooms_per_user; WSM_EUNAVAILABLE; WSM_ENOTRUNNING, WSM_ETIMEOUT, WSM_ENOMEM.
 */
int wsm_conn_join(wsm_runtime *runtime, uint64_t conn, wsm_slice room, wsm_error *error);
/*
 * [query] Takes one connection out of the room, for whatever reason it was there; the client hears `unsubscribed`. Returns WSM_OK
 * if it is no member. Changes neither its rights nor wsm_subscribe() of its user. Errors as above.
 */
int wsm_conn_leave(wsm_runtime *runtime, uint64_t conn, wsm_slice room, wsm_error *error);
/* The same without waiting: answers as wsm_query_later() does, without data. */
int wsm_conn_join_later(wsm_runtime *runtime, uint64_t conn, wsm_slice room, uint64_t ticket, wsm_error *error);
int wsm_conn_leave_later(wsm_runtime *runtime, uint64_t conn, wsm_slice room, uint64_t ticket, wsm_error *error);
/* Closes one connection, or all of a user. `code`: 1000-1003, 1007-1013 or 3000-4999, 0 for 4409; cuts `reason` at 123 bytes. */
int wsm_disconnect(wsm_runtime *runtime, wsm_slice client_id, unsigned code, wsm_slice reason, wsm_error *error);
int wsm_disconnect_user(wsm_runtime *runtime, wsm_slice user_id, unsigned code, wsm_slice reason, wsm_error *error);

/*
 * Closes an adopted or bridged connection as wsm_runtime_stop() does, in its turn: for a server that waits for its own
 * connections before it stops the runtime. Returns WSM_OK also if it has gone.
 */
int wsm_conn_drain(wsm_runtime *runtime, uint64_t conn);

/*
 * Turns away every connection from an IP address (of IPv6: from its /64 network) for `seconds` (0.001 to a year), also an exempt
 * address, and closes those that are there with 4403. `reason` may be empty; it is seen in WSM_QUERY_BANS and in the log. A ban
 * that is there already, automatic or not, is replaced. Without option `store` bans end with the runtime. WSM_EINVAL, WSM_ENOTRUNNING.
 */
int wsm_ban(wsm_runtime *runtime, wsm_slice ip, double seconds, wsm_slice reason, wsm_error *error);
/* Lifts a ban, and forgets the offences of the address. Does nothing without a ban. The same errors. */
int wsm_unban(wsm_runtime *runtime, wsm_slice ip, wsm_error *error);

/* The facts of a connection that never change. Shared and immutable; valid while you hold a reference. */
typedef struct wsm_conn_info {
	uint64_t conn;        /* number of the connection; no other one gets it */
	int64_t connected_at; /* Unix time, milliseconds */
	const char *client_id, *user_id, *session_id, *path, *query, *ip, *user_agent; /* "" where there is none */
} wsm_conn_info;
const wsm_conn_info *wsm_conn_info_ref(const wsm_conn_info *info);
void wsm_conn_info_unref(const wsm_conn_info *info);

/*
 * The host's decision about a connection that it hands over (wsm_adopt, wsm_bridge_open). Zero-initialised: no decision, and the
 * endpoint of the path applies. With `admitted`, the core skips endpoint and authentication (not the Origin, unless
 * `skip_origin`): the connection joins @all, @client:…, the rooms of its user and its session, and `rooms`. Only `subscribe` and
 * `publish` take a '*' ("project:*", "*" for all); in `rooms`, whose names may come from a client, it is WSM_EROOM.
 */
typedef struct wsm_admission {
	bool admitted;
	bool ask; /* wsm_adopt: the host decides later; a WSM_EVENT_AUTHENTICATE without `data` comes in any case */
	bool skip_origin;
	wsm_slice client_id; /* empty: the core makes one. Closes another connection with this id with 4409 */
	wsm_slice user_id, session_id;
	const wsm_slice *rooms; /* names of rooms to join, which this also grants */
	size_t n_rooms;
	const wsm_slice *subscribe; /* rooms that it may subscribe to: names, or beginnings followed by '*' */
	size_t n_subscribe;
	const wsm_slice *publish; /* rooms that it may publish to: likewise */
	size_t n_publish;
	const wsm_slice *welcome; /* messages right after its greeting: payloads as of a publication without type */
	size_t n_welcome;
	wsm_slice greeting, heartbeat; /* empty: "connected", "heartbeat" */
	bool raw;                      /* as at an endpoint with WSM_ENDPOINT_RAW */
	wsm_slice ip; /* wsm_adopt: the client's, if `fd` leads to a relay of the host; empty: the socket's peer */
	bool tls;     /* wsm_adopt: the client speaks TLS, and the relay ends it */
} wsm_admission;

/*
 * Hands over an accepted stream socket, with the HTTP request that the host has read from it (the head, and what followed).
 * After WSM_OK the runtime owns `fd`, and a WSM_EVENT_CLOSED with `*conn` always follows; on error the caller still owns
 * it. `admission` may be NULL. WSM_EINVAL, WSM_EROOM, WSM_ETOOLARGE (welcome), WSM_ENOTRUNNING, WSM_ENOMEM.
 */
int wsm_adopt(wsm_runtime *runtime, int fd, const void *request, size_t len, const wsm_admission *admission,
              uint64_t *conn, wsm_error *error);

/* A request as a server that keeps its sockets describes it. */
typedef struct wsm_request {
	wsm_slice path, query; /* percent-encoded, query without '?' */
	wsm_slice ip;
	const wsm_member *headers; /* name, value (here plain text, not JSON) */
	size_t n_headers;
	bool tls; /* it came over TLS, as far as the server knows */
	wsm_slice
		via; /* the server has `ip` from a proxy that it trusts itself: the address of ours that the proxy called. Empty:
	                  `ip` is the socket's peer */
} wsm_request;

/*
 * The bridge: a connection whose socket the host keeps. wsm_bridge_open() checks Origin and endpoint; on WSM_EREFUSED the
 * host refuses the upgrade with `*http_status` (400, 403, 404 or 503). After WSM_OK the host accepts; outgoing messages come
 * as WSM_EVENT_BRIDGE_SEND, the end as WSM_EVENT_CLOSED. The host confirms written bytes by wsm_bridge_written(), so that a
 * slow client counts as slow. The host's server sends pings, and times out silent clients.
 */
int wsm_bridge_open(wsm_runtime *runtime, const wsm_request *request, const wsm_admission *admission, uint64_t *conn,
                    unsigned *http_status, wsm_error *error);
/*
 * For a refusal by such a host. Returns the close code for an HTTP status, if it can no longer answer by HTTP; and the seconds
 * of Retry-After for a 503, which vary so that refused clients do not come back all at once.
 */
unsigned wsm_refusal_code(unsigned http_status);
unsigned wsm_retry_after(wsm_runtime *runtime);
int wsm_bridge_receive(wsm_runtime *runtime, uint64_t conn, bool binary, const void *data, size_t len);
int wsm_bridge_written(wsm_runtime *runtime, uint64_t conn, size_t bytes);
/* Says that the client has gone, with its close code, or 1006. */
int wsm_bridge_closed(wsm_runtime *runtime, uint64_t conn, unsigned code, wsm_slice reason);

/* ---- access: whether public rooms need a grant ------------------------------------------------------------------ */

/*
 * Says that the application itself checks clients: in a WebSocket route of its own, or an endpoint with a check. The log names
 * `by` ("the application's WebSocket route /live/{board}"), cut if long. With option access=auto, public rooms then need a grant
 * until the runtime stops. Call it before the start: a later call logs a warning, and connections lose rooms without a grant
 * (`unsubscribed`), or end with 4403 if their endpoint needs one. WSM_EFORKED.
 */
int wsm_access_checked(wsm_runtime *runtime, wsm_slice by, wsm_error *error);

/* ---- events: runtime -> host ------------------------------------------------------------------------------------ */

/* Sets the events that the host wants; the other kinds (RECEIPT, COMMAND, ANSWER …) come if a call has asked for them. */
#define WSM_WANT_CONNECT 1u
#define WSM_WANT_DISCONNECT 2u
#define WSM_WANT_MESSAGE 4u
#define WSM_WANT_AUTHENTICATE 8u
#define WSM_WANT_AUTHORIZE 16u
#define WSM_WANT_LOG 32u
int wsm_want(wsm_runtime *runtime, unsigned mask);
/* Sends client commands {"action": <action>} to the host as WSM_EVENT_COMMAND. The core's own actions: WSM_EINVAL. */
int wsm_command_add(wsm_runtime *runtime, wsm_slice action, wsm_error *error);
int wsm_command_remove(wsm_runtime *runtime, wsm_slice action);

typedef enum wsm_event_kind {
	WSM_EVENT_CONNECT = 1, /* info: the greeting is queued */
	WSM_EVENT_DISCONNECT,  /* info, code, text (reason). Only after a CONNECT of the same connection */
	WSM_EVENT_MESSAGE,     /* info, data, binary: a message that no action matches */
	WSM_EVENT_COMMAND,     /* info, text (action), data (the whole JSON object), id (its "id" as JSON, or empty) */
	WSM_EVENT_AUTHENTICATE, /* ticket, data (JSON: path, query, path_params, headers, ip): answer by wsm_authenticated(). Without
	                           info, and conn 0: a REST call on the own port waits for it */
	WSM_EVENT_AUTHORIZE,   /* ticket, info, text (action), data (room): answer by wsm_authorized() */
	WSM_EVENT_RECEIPT,     /* receipt: borrowed from the event */
	WSM_EVENT_LOG,         /* level, text */
	WSM_EVENT_BRIDGE_SEND, /* conn, data, binary */
	WSM_EVENT_CLOSED,      /* conn, code, text (reason): an adopted or bridged connection has ended */
	WSM_EVENT_REPORT,      /* receipt: borrowed from the event; ticket: that of wsm_receipt_watch_report() */
	WSM_EVENT_ANSWER /* ticket: that of wsm_query_later(); code: minus its status; data: the answer; after an error, text: why */
} wsm_event_kind;

typedef struct wsm_event {
	struct wsm_event *next;
	wsm_event_kind kind;
	wsm_level level;
	bool binary;
	unsigned code;
	uint64_t conn;
	uint64_t ticket;
	const wsm_conn_info *info; /* reference held by the event; NULL where the kind has none */
	wsm_receipt *receipt;
	wsm_slice text, data, id; /* text and data are followed by a NUL that is not counted */
} wsm_event;

/*
 * The runtime calls this when the event queue is no longer empty: on its own thread, or on any thread that is inside a call
 * (a call may log, or drop publications). It must neither block nor call the runtime: write to an eventfd, or call a threadsafe
 * function. Set it while the runtime is stopped.
 */
typedef void (*wsm_wake_fn)(void *user_data);
int wsm_set_wake(wsm_runtime *runtime, wsm_wake_fn wake, void *user_data);
/* Takes all events at once. Returns them oldest first, linked by `next`; NULL if there are none. Free each of them. */
wsm_event *wsm_events_take(wsm_runtime *runtime);
void wsm_event_free(wsm_event *event);

/* The host's answer to a WSM_EVENT_AUTHENTICATE. */
typedef struct wsm_decision {
	bool allow;
	wsm_slice user_id, session_id; /* may be empty */
	const wsm_slice *rooms;        /* to join besides the endpoint's: as in wsm_admission */
	size_t n_rooms;
	const wsm_slice *subscribe;
	size_t n_subscribe;
	const wsm_slice *publish;
	size_t n_publish;
	const wsm_slice *welcome; /* as in wsm_admission */
	size_t n_welcome;
	unsigned code;    /* refusal: close code, 0 for 4401 */
	wsm_slice reason; /* refusal: one sentence */
} wsm_decision;
/*
 * WSM_EINVAL, WSM_EROOM, WSM_ETOOLARGE (welcome): the question stays open, so answer again, with a refusal. WSM_ENOTRUNNING,
 * WSM_EFORKED, WSM_ENOMEM.
 */
int wsm_authenticated(wsm_runtime *runtime, uint64_t ticket, const wsm_decision *decision, wsm_error *error);
int wsm_authorized(wsm_runtime *runtime, uint64_t ticket, bool allow);
/*
 * The host's answer to a WSM_EVENT_COMMAND: {"type":"reply","data":<json>,"id":<id>}. With `error_code`, an `error`
 * message with that code, in which `json` is the sentence, plain text. `id` is the event's.
 * Also answers a WSM_EVENT_MESSAGE, with an empty action. "rate_limited" means that more than max_handler_queue of this
 * connection waits in the host: the core counts it as that limit, and writes the sentence itself.
 */
int wsm_reply(wsm_runtime *runtime, uint64_t conn, wsm_slice action, wsm_slice id, wsm_slice json,
              const char *error_code);

/* ---- questions -------------------------------------------------------------------------------------------------- */

/* Text made by the core; release by wsm_text_free(). */
typedef struct wsm_text {
	char *data;
	size_t len;
} wsm_text;
void wsm_text_free(wsm_text *text);

typedef enum wsm_query_kind {
	WSM_QUERY_STATS, /* docs/protocol.md, GET /api/ws/stats */
	WSM_QUERY_CONNECTIONS, /* [{client_id, user_id, session_id, path, ip, user_agent, connected_at, rooms, queued_bytes}] */
	WSM_QUERY_ROOMS_OF,    /* room = client_id: ["…"]; WSM_ENOTFOUND */
	WSM_QUERY_SUBSCRIBERS, /* room: a number */
	WSM_QUERY_PRESENCE, /* room, limit, after: {room, clients_total, users_total, clients: [...], users: [...], next} */
	WSM_QUERY_HISTORY,  /* room, epoch, since, limit: {messages, epoch, offset, recovered} */
	WSM_QUERY_POSITION, /* room: {epoch, offset}; creates the room if it does not exist */
	WSM_QUERY_METRICS,  /* Prometheus text, not JSON */
	WSM_QUERY_BANS      /* [{ip, until, seconds, automatic, count, reason}], at most 1,000 */
} wsm_query_kind;

typedef struct wsm_question {
	wsm_query_kind kind;
	wsm_slice room;  /* public room name, or "@all" */
	wsm_slice epoch; /* HISTORY: then messages after `since`; of another epoch, no messages, and recovered false */
	uint64_t since;
	unsigned limit;  /* HISTORY: only the newest ones; 0: all. PRESENCE: ids of each kind, at most 1000 */
	wsm_slice after; /* PRESENCE: `next` of the page before, else WSM_EINVAL */
} wsm_question;

/* [query] Answers after all commands that this thread has queued before. The answer is JSON unless its kind says otherwise. */
int wsm_query(wsm_runtime *runtime, const wsm_question *question, wsm_text *answer, wsm_error *error);
/*
 * The same without waiting. After WSM_OK exactly one WSM_EVENT_ANSWER with that ticket comes, also if the runtime stops
 * (WSM_ENOTRUNNING). The host chooses tickets. WSM_EOVERLOADED: WSM_QUESTIONS_MAX; WSM_EROOM, WSM_ENOTRUNNING, WSM_ENOMEM.
 */
int wsm_query_later(wsm_runtime *runtime, const wsm_question *question, uint64_t ticket, wsm_error *error);

/* Writes one line for people: "open: …" or "granted: …" (public rooms need a grant), and why. WSM_EFORKED, WSM_ENOMEM. */
int wsm_access_describe(wsm_runtime *runtime, wsm_text *line, wsm_error *error);

typedef struct wsm_rest_request {
	wsm_slice method;      /* "GET" */
	wsm_slice path, query; /* percent-encoded, query without '?' */
	wsm_slice ip;   /* of the client, or of a proxy in front of it; on loopback, the caller is on this machine */
	wsm_slice host; /* of the request target, if that is a whole URL; empty: the Host header's */
	const wsm_member *headers; /* all of them, in order: name, value (here plain text, not JSON) */
	size_t n_headers;
	wsm_slice body;
	bool tls; /* it came over TLS, as far as the server knows */
	wsm_slice
		via; /* the server has `ip` from a proxy that it trusts itself: the address of ours that the proxy called. Empty:
	                  `ip` is the socket's peer */
	bool vouched; /* the host itself lets the caller use the admin panel */
	/*
	 * With `admitted`, the host knows the caller: history needs the rights of that user (wsm_subscribe()), `rooms` or
	 * `subscribe`, as over a socket. The core then ignores a token in the request.
	 */
	bool admitted;
	wsm_slice user_id; /* empty: no user */
	const wsm_slice *rooms, *subscribe;
	size_t n_rooms, n_subscribe;
	/*
	 * With `asks`, the host can ask its authenticate handler: if nothing else names the caller, the answer is the question
	 * (status 0). Call again then, without `asks`, and with `admitted`, or `refused` and the handler's `code` (0: 4401) and
	 * `reason`. A refusal by 4401 counts towards a ban, as over a socket.
	 */
	bool asks, refused;
	unsigned code;
	wsm_slice reason;
} wsm_rest_request;

typedef struct wsm_rest_answer {
	unsigned status; /* HTTP status; 0: no answer yet, and `body` is the data of a WSM_EVENT_AUTHENTICATE */
	const char *content_type; /* static */
	const char *headers;      /* further fields of the answer, "Name: value\r\n" each; static */
	char cors[512];           /* more of them, in the same form: for pages of other origins */
	wsm_text body;            /* release by wsm_text_free() */
} wsm_rest_answer;

/* Most bytes of a body. Of a longer one, a host need only keep one byte more: enough for the 413. */
#define WSM_REST_BODY_MAX 1048576u

typedef enum wsm_rest_caller {
	WSM_REST_ANYONE,
	WSM_REST_MEMBER, /* with the right to read the room's history (docs/access.md) */
	WSM_REST_READER, /* on this machine, or with the API key */
	WSM_REST_WRITER, /* the same, but not from a page of another origin */
	WSM_REST_ADMIN   /* a user of the panel (docs/admin.md) */
} wsm_rest_caller;

/* One REST call; hosts make their routes from these. All texts are static. */
typedef struct wsm_rest_route {
	const char *name;       /* "history" */
	const char *method;     /* "GET", which includes HEAD, or "POST"; route other methods too: they get 405 */
	const char *path;       /* "/api/ws/project/{project_id}/subscribers" */
	const char *parameters; /* of the query, or members of the JSON body of a POST: "room,since,limit" */
	wsm_rest_caller caller;
	const char *doc; /* one sentence, without its full stop */
} wsm_rest_route;

/* Returns the calls one by one; NULL after the last. */
const wsm_rest_route *wsm_rest_route_at(size_t index);

/* [query] Answers one REST call of docs/protocol.md; unknown paths get a 404. */
int wsm_rest(wsm_runtime *runtime, const wsm_rest_request *request, wsm_rest_answer *answer, wsm_error *error);

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

/* Revokes one token, or all tokens of a user from before a time. Zero-initialise. */
typedef struct wsm_revocation {
	wsm_slice jti;      /* of one token; or */
	wsm_slice user_id;  /* of the tokens' user */
	uint64_t before_ms; /* with user_id: revokes tokens with an older iat, or none; Unix time, ms; 0: now */
	uint64_t
		until_ms; /* forget the revocation then, when these tokens have expired; Unix time, ms; 0: after revocation_ttl */
} wsm_revocation;

/*
 * Closes live connections with such a token with 4401, and those that the host has let in as that user before that time; refuses
 * such tokens from now on, over REST too. Kept in this process, over a stop as well, whether or not the runtime runs, and by the
 * option `store` beyond it: written at once, or by the next start.
 * WSM_EINVAL, WSM_EOVERLOADED: max_revocations, WSM_EFORKED, WSM_ENOMEM.
 */
int wsm_revoke(wsm_runtime *runtime, const wsm_revocation *revocation, wsm_error *error);
/* Takes one back; give one of the two. WSM_ENOTFOUND, or WSM_OK while the store may know it; WSM_EINVAL, WSM_EFORKED, WSM_EOVERLOADED. */
int wsm_unrevoke(wsm_runtime *runtime, wsm_slice jti, wsm_slice user_id, wsm_error *error);
/* Writes [{"jti", "until"} or {"user_id", "before", "until"}], Unix milliseconds. Release by wsm_text_free(). WSM_EFORKED. */
int wsm_revocations(wsm_runtime *runtime, wsm_text *answer, wsm_error *error);
/* Returns whether a key for tokens is set (jwt_secret, jwt_public_key): a path, a query or a header may then hold a token. */
bool wsm_takes_tokens(const wsm_runtime *runtime);
/*
 * Replaces the keys for tokens, also while the runtime runs. Texts as for options jwt_secret and jwt_public_key; NULL: the
 * configured ones, from a file read again. The algorithm and open connections stay. WSM_ECONFIG, WSM_ENOTRUNNING (it is being
 * stopped), WSM_EFORKED, WSM_ENOMEM: the old keys stay in force. Reads a file; waits while another thread stops the runtime.
 */
int wsm_reload_keys(wsm_runtime *runtime, const char *secret, const char *public_key, wsm_error *error);

/* ---- a store, without a runtime --------------------------------------------------------------------------------- */

/*
 * The file of option `store`. These calls wait for the disk. All return WSM_ECONFIG if the file is missing, not a store, of a
 * newer version, damaged, or cannot be written; WSM_ENOMEM.
 */
/* Writes {"path", "schema", "state", "used_by", "sync", "rooms", "messages", "bytes", "file_bytes", "wal_bytes"}, also in use. */
int wsm_store_info(const char *path, wsm_text *answer, wsm_error *error);
/* Reads the whole file; WSM_ECONFIG says what is damaged. Works also while it is in use. */
int wsm_store_check(const char *path, wsm_error *error);
/*
 * Copies it, and replaces the file `to`, if there is one, in one step once the copy is complete and found whole. Works also while it is in
 * use. WSM_ECONFIG, and `to` stays as it is: it is no earlier backup, a link, or named like a file beside a store ("x-wal", "x.part");
 * the store is damaged; another one is writing the same backup. WSM_ELOCKED: `to` is a store that is in use.
 */
int wsm_store_backup(const char *path, const char *to, wsm_error *error);
/* Gives all `*rooms` rooms a new epoch: for a file restored by other means. WSM_ELOCKED while it is in use. */
int wsm_store_new_epoch(const char *path, uint64_t *rooms, wsm_error *error);
/*
 * Deletes `*messages` messages from before a time (Unix, ms). `room`: a name, a beginning followed by '*', or empty for all.
 * WSM_ELOCKED while it is in use.
 */
int wsm_store_prune(const char *path, wsm_slice room, uint64_t before_ms, uint64_t *messages, wsm_error *error);

#ifdef __cplusplus
}
#endif

#endif
