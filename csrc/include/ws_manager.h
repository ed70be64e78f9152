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
/* Questions by wsm_query_later() whose answers the host has not taken yet, at most. */
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

/* The short code of a status ("room_invalid"); "unknown" for a number that is none. Static. */
const char *wsm_status_code(int status);
/* The general sentence of a status. Static. */
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
	WSM_OPTION_STRING, /* any text; "" unsets, but for jwt_secret and jwt_public_key, which refuse it */
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

/* The table; static, `*count` rows. */
const wsm_option *wsm_options(size_t *count);

/* A configuration with every default. NULL when out of memory. One thread at a time. */
wsm_config *wsm_config_new(void);
void wsm_config_free(wsm_config *config);
/* Sets one option from text, checked by its row: WSM_ECONFIG names option, value and what is allowed. */
int wsm_config_set(wsm_config *config, const char *name, const char *value, wsm_error *error);
/* Reads every WEBSOCKET_… variable of the table that is set in the environment. WSM_ECONFIG as above. */
int wsm_config_load_env(wsm_config *config, wsm_error *error);
/* The value in force, as text, owned by the config until its next change; NULL for an unknown name. A key that is set: "***". */
const char *wsm_config_get(const wsm_config *config, const char *name);

/* ---- runtime ---------------------------------------------------------------------------------------------------- */

typedef struct wsm_runtime wsm_runtime;

/* Copies the configuration; starts nothing. NULL with `error` on WSM_ECONFIG, WSM_ENOMEM. */
wsm_runtime *wsm_runtime_new(const wsm_config *config, wsm_error *error);
/*
 * Starts the thread; with option `port` set, listens before it returns. Starting a running runtime is WSM_OK.
 * WSM_EADDRINUSE, WSM_ESYSTEM. A stopped runtime can be started again: endpoints and handlers stay, rooms and history
 * begin anew with new epochs.
 */
int wsm_runtime_start(wsm_runtime *runtime, wsm_error *error);
/* For wsm_runtime_stop(): drain_time and close_timeout together. */
#define WSM_STOP_DEFAULT 0xffffffffu
/*
 * Stops listening and closes every connection with 1001: in waves over at most drain_time, each client with a hint when to
 * come back (docs/protocol.md, "When the server stops"). Waits until they are gone or `deadline_ms` has passed, and ends
 * the thread. Blocks at most deadline_ms plus 2 s. Called again meanwhile, from another thread, it may only become sooner.
 * Stopping a stopped runtime is WSM_OK. Sends queued before the call are still delivered.
 */
int wsm_runtime_stop(wsm_runtime *runtime, unsigned deadline_ms);
/*
 * Refuses new connections from now on, with 503 and Retry-After before the upgrade; the connections that are there stay.
 * GET /api/ws/health answers 503, so that a load balancer looks elsewhere. Ends with the next start. WSM_ENOTRUNNING.
 */
int wsm_runtime_drain(wsm_runtime *runtime);
/* Whether it refuses new connections: drained, or stopping. */
bool wsm_runtime_draining(const wsm_runtime *runtime);
/* Stops with deadline 0 if needed and frees. No other thread may be inside a call. free(NULL) is fine. */
void wsm_runtime_free(wsm_runtime *runtime);
bool wsm_runtime_running(const wsm_runtime *runtime);
/* An option's value in force, as wsm_config_get() gives it; owned by the runtime. NULL for an unknown name. */
const char *wsm_runtime_option(const wsm_runtime *runtime, const char *name);
/*
 * Reads tls_cert and tls_key again: connections that come from now on get the new certificate, those that are there go on.
 * WSM_ECONFIG if something is wrong with the files, or TLS is not configured: everything stays as it is.
 */
int wsm_reload_tls(wsm_runtime *runtime, wsm_error *error);
/* The port that is listened on (after port 0 was resolved); 0 when there is none. */
unsigned wsm_runtime_port(const wsm_runtime *runtime);

/* ---- endpoints -------------------------------------------------------------------------------------------------- */

#define WSM_ENDPOINT_FIREHOSE 1u /* gets every message of every public room and of @all, but not `logs` */
#define WSM_ENDPOINT_AUTH 2u     /* exists only where there is a key for tokens, or an authenticate handler */
/*
 * Both sides say what the application says, and nothing else (docs/protocol.md, "Raw endpoints"): publications go out without the
 * members that the core adds, the core says nothing by itself, and every message of a client is a WSM_EVENT_MESSAGE.
 */
#define WSM_ENDPOINT_RAW 4u

/*
 * A path pattern and what a connection to it joins. In `path`, `{name}` stands for one segment of 1-128 bytes.
 * `rooms`: public room names in which `{name}` is replaced by the path parameter; the name "@all" is allowed here.
 */
typedef struct wsm_endpoint {
	wsm_slice path; /* "/ws/project/{project_id}" */
	const wsm_slice *rooms;
	size_t n_rooms;
	wsm_slice greeting;  /* type of the first message; empty: "connected" */
	wsm_slice heartbeat; /* type of the periodic message; empty: "heartbeat" */
	unsigned flags;      /* WSM_ENDPOINT_… */
} wsm_endpoint;

/* Adds an endpoint or replaces the one of the same path. New runtimes have those of docs/protocol.md. */
int wsm_endpoint_set(wsm_runtime *runtime, const wsm_endpoint *endpoint, wsm_error *error);
/* The path of one of those, static, and its flags; NULL behind the last. Any thread. */
const char *wsm_endpoint_default(size_t index, unsigned *flags);
/* WSM_ENOTFOUND when there is none of that path pattern. */
int wsm_endpoint_remove(wsm_runtime *runtime, wsm_slice path);
/* Whether a request path (no query) belongs to an endpoint. */
bool wsm_endpoint_match(wsm_runtime *runtime, wsm_slice path);
/*
 * A request path (no query) as it may stand in a log: the pattern of its endpoint, "" if there is none. Short plain values (16 letters,
 * digits and any of "._-") stand in place of their parameters, unless the path may hold a token: it has a parameter of such a name
 * (token, key, code ...), or a key or an authenticate handler is set. At most `size` bytes with the NUL, cut.
 */
void wsm_endpoint_label(wsm_runtime *runtime, wsm_slice path, char *out, size_t size);

/* Whether a text can be an id of a user, a session or a client: 1 to 128 bytes of UTF-8 without control characters. Any thread. */
bool wsm_id_valid(wsm_slice id);
/* Whether a text can name a public room; with `pattern`, also a beginning of names followed by '*', and "*". Any thread. */
bool wsm_room_valid(wsm_slice name, bool pattern);

/* ---- rooms by pattern ------------------------------------------------------------------------------------------- */

/*
 * Says something about all rooms whose names match. `pattern`: a public room's name, a beginning followed by '*'
 * ("project:*"), "*" for all public rooms; of the core's own rooms "@all", "@user:*", "@user:<id>" and so on. Where several
 * patterns match, the longest that says something about a setting decides on that setting.
 * `setting` and `value`:
 *   subscribe, publish, history, presence   who may: anyone, authenticated, granted, nobody
 *   overflow          for clients that fall behind: recover, drop_oldest, latest, disconnect
 *   presence_events   on, off
 *   history_size      messages kept, 0 for none
 *   history_ttl       seconds
 * An empty value takes the setting back. Who may do what is looked up each time; the others hold for rooms that are made
 * afterwards. WSM_EROOM: no pattern; WSM_EINVAL: no such setting or value; WSM_ENOMEM: over 1,024 patterns; WSM_EFORKED.
 */
int wsm_room_rule_set(wsm_runtime *runtime, wsm_slice pattern, wsm_slice setting, wsm_slice value, wsm_error *error);

/* ---- publishing ------------------------------------------------------------------------------------------------- */

#include "ws_manager_publish.h"

/* ---- connections, from the host's side -------------------------------------------------------------------------- */

/*
 * Every connection of user `user_id` (now and later, until unsubscribed) joins a public room.
 * WSM_EROOM, WSM_EINVAL, WSM_ENOTRUNNING, WSM_EOVERLOADED.
 */
int wsm_subscribe(wsm_runtime *runtime, wsm_slice user_id, wsm_slice room, wsm_error *error);
int wsm_unsubscribe(wsm_runtime *runtime, wsm_slice user_id, wsm_slice room, wsm_error *error);
/*
 * [query] One connection joins a public room, until it leaves or ends; it may read the room's history meanwhile. The client is told
 * (`subscribed`), and it counts as a subscription of its own. Being there already is WSM_OK. WSM_EROOM; WSM_ENOTFOUND: it has gone,
 * or is not let in yet; WSM_EREFUSED: max_rooms, max_rooms_per_user; WSM_ENOTRUNNING, WSM_ETIMEOUT, WSM_ENOMEM.
 */
int wsm_conn_join(wsm_runtime *runtime, uint64_t conn, wsm_slice room, wsm_error *error);
/*
 * [query] It leaves the room, whatever it was there for, and is told (`unsubscribed`). Not being there is WSM_OK. What it may subscribe
 * to by itself, and wsm_subscribe() for connections to come, stay as they are. WSM_EROOM, WSM_ENOTFOUND and so on, as above.
 */
int wsm_conn_leave(wsm_runtime *runtime, uint64_t conn, wsm_slice room, wsm_error *error);
/* The same without waiting: as wsm_query_later(), with no data in the answer. */
int wsm_conn_join_later(wsm_runtime *runtime, uint64_t conn, wsm_slice room, uint64_t ticket, wsm_error *error);
int wsm_conn_leave_later(wsm_runtime *runtime, uint64_t conn, wsm_slice room, uint64_t ticket, wsm_error *error);
/* Closes one connection. code 1000-1013 or 3000-4999, 0 for 4409; reason is cut at 123 bytes. */
int wsm_disconnect(wsm_runtime *runtime, wsm_slice client_id, unsigned code, wsm_slice reason, wsm_error *error);
int wsm_disconnect_user(wsm_runtime *runtime, wsm_slice user_id, unsigned code, wsm_slice reason, wsm_error *error);

/*
 * Closes an adopted or bridged connection as wsm_runtime_stop() would, in its turn: for a server that waits for its own
 * connections before it stops the runtime. One that has gone already is WSM_OK.
 */
int wsm_conn_drain(wsm_runtime *runtime, uint64_t conn);

/*
 * Turns away every connection from an IP address (of IPv6: from its /64 network) for `seconds` (0.001 to a year), also an exempt
 * address, and closes those that are there with 4403. `reason` may be empty; it is seen in WSM_QUERY_BANS and in the log. A ban
 * that is there already, automatic or not, is replaced. Without option `store` bans end with the runtime. WSM_EINVAL, WSM_ENOTRUNNING.
 */
int wsm_ban(wsm_runtime *runtime, wsm_slice ip, double seconds, wsm_slice reason, wsm_error *error);
/* Lifts a ban, and forgets what is held against the address. Nothing happens if there is none. The same errors. */
int wsm_unban(wsm_runtime *runtime, wsm_slice ip, wsm_error *error);

/* What is fixed about a connection. Shared and immutable; valid while a reference is held. */
typedef struct wsm_conn_info {
	uint64_t conn;        /* number of the connection, never used again */
	int64_t connected_at; /* Unix time, milliseconds */
	const char *client_id, *user_id, *session_id, *path, *query, *ip, *user_agent; /* "" where there is none */
} wsm_conn_info;
const wsm_conn_info *wsm_conn_info_ref(const wsm_conn_info *info);
void wsm_conn_info_unref(const wsm_conn_info *info);

/*
 * What the host has decided about a connection before it hands it over (wsm_adopt, wsm_bridge_open). Zero-initialised:
 * nothing is decided, and the endpoint of the path applies. With `admitted`, no endpoint and no authentication are
 * looked at (the Origin is, unless `skip_origin`): the connection joins @all, @client:…, its user's and session's rooms
 * and `rooms`. A '*' means something in `subscribe` and `publish` only ("project:*", "*" for all): in `rooms`, whose names an
 * application may make of what a client says, it is WSM_EROOM.
 */
typedef struct wsm_admission {
	bool admitted;
	bool ask; /* wsm_adopt: it is decided later, by the WSM_EVENT_AUTHENTICATE without `data` that comes in any case */
	bool skip_origin;
	wsm_slice client_id; /* empty: one is made. A connection that has it already is closed with 4409 */
	wsm_slice user_id, session_id;
	const wsm_slice *rooms; /* joined, and granted: names */
	size_t n_rooms;
	const wsm_slice *subscribe; /* granted: names, or beginnings followed by '*' */
	size_t n_subscribe;
	const wsm_slice *publish; /* that it may publish to: likewise */
	size_t n_publish;
	const wsm_slice *welcome; /* sent to it right behind its greeting: payloads as of a publication without type */
	size_t n_welcome;
	wsm_slice greeting, heartbeat; /* empty: "connected", "heartbeat" */
	bool raw;                      /* as at an endpoint with WSM_ENDPOINT_RAW */
	wsm_slice
		ip; /* wsm_adopt: of the client, where `fd` leads to a relay of the host's; empty: the socket's peer */
	bool tls;   /* wsm_adopt: the client speaks TLS, which that relay ends */
} wsm_admission;

/*
 * Hands an accepted TCP socket over, with the HTTP request that was read from it (head and whatever followed). On
 * WSM_OK the runtime owns `fd` and a WSM_EVENT_CLOSED with `*conn` follows some time, whatever happens; on error the
 * caller still owns it. `admission` may be NULL.
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
 * The bridge: a connection whose socket the host keeps. wsm_bridge_open() checks Origin and endpoint; on WSM_EREFUSED
 * `*http_status` is 403 or 404 and the host refuses the upgrade. After WSM_OK the host accepts; outgoing messages come as
 * WSM_EVENT_BRIDGE_SEND, the end as WSM_EVENT_CLOSED. The host confirms what it has written by wsm_bridge_written(), so that a
 * slow client is treated as any other. Pings, and so the 4408 timeout, are the host server's business here.
 */
int wsm_bridge_open(wsm_runtime *runtime, const wsm_request *request, const wsm_admission *admission, uint64_t *conn,
                    unsigned *http_status, wsm_error *error);
/*
 * How such a host refuses: the close code that says what an HTTP status says, where it can no longer answer by HTTP; and, with 503,
 * the seconds of Retry-After, which differ so that those who were refused do not come back at once. Any thread.
 */
unsigned wsm_refusal_code(unsigned http_status);
unsigned wsm_retry_after(wsm_runtime *runtime);
int wsm_bridge_receive(wsm_runtime *runtime, uint64_t conn, bool binary, const void *data, size_t len);
int wsm_bridge_written(wsm_runtime *runtime, uint64_t conn, size_t bytes);
/* The client has gone (its close code, or 1006). */
int wsm_bridge_closed(wsm_runtime *runtime, uint64_t conn, unsigned code, wsm_slice reason);

/* ---- access: whether public rooms need a grant ------------------------------------------------------------------ */

/*
 * The application checks clients by itself: a WebSocket route of its own, an endpoint with a check. `by` says what, for the log ("the
 * application's WebSocket route /live/{board}"; cut where it is long). With option access=auto public rooms need a grant then, and
 * nothing opens them again while the runtime runs. Call it before the start where that is known then: later, a warning is
 * logged, and connections lose what they would not be given now (`unsubscribed`, or 4403 at its endpoint). WSM_EFORKED.
 */
int wsm_access_checked(wsm_runtime *runtime, wsm_slice by, wsm_error *error);

/* ---- events: runtime -> host ------------------------------------------------------------------------------------ */

/* Which events the host wants; RECEIPT, REPORT, ANSWER, CLOSED and BRIDGE_SEND come whenever they were asked for by a call. */
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
	WSM_EVENT_CONNECT = 1, /* info: after the greeting was queued */
	WSM_EVENT_DISCONNECT,  /* info, code, text (reason). Only for connections whose CONNECT was wanted and sent */
	WSM_EVENT_MESSAGE,     /* info, data, binary: what no action matches */
	WSM_EVENT_COMMAND,     /* info, text (action), data (the whole JSON object), id (its "id" as JSON, or empty) */
	WSM_EVENT_AUTHENTICATE, /* ticket, data (JSON: path, query, path_params, headers, ip): answer by wsm_authenticated(). Without
	                           info, and conn 0: a REST call on the own port waits for it */
	WSM_EVENT_AUTHORIZE,   /* ticket, info, text (action), data (room): answer by wsm_authorized() */
	WSM_EVENT_RECEIPT,     /* receipt: borrowed from the event */
	WSM_EVENT_LOG,         /* level, text */
	WSM_EVENT_BRIDGE_SEND, /* conn, data, binary */
	WSM_EVENT_CLOSED,      /* conn, code, text (reason): an adopted or bridged connection has ended */
	WSM_EVENT_REPORT,      /* receipt: borrowed from the event; ticket: that of wsm_receipt_watch_report() */
	WSM_EVENT_ANSWER /* ticket: that of wsm_query_later(); code: minus its status; data: its answer, of WSM_OK; else text: why */
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
 * Called when the event queue goes from empty to non-empty: on the runtime thread, or on a thread inside wsm_publish() whose
 * publication made others drop out of the queue. It must not block, nor call the runtime; write to an eventfd, or call a threadsafe function. Set it while the runtime is stopped.
 */
typedef void (*wsm_wake_fn)(void *user_data);
int wsm_set_wake(wsm_runtime *runtime, wsm_wake_fn wake, void *user_data);
/* Takes all events at once, oldest first, linked by `next`; NULL when there are none. Free each. */
wsm_event *wsm_events_take(wsm_runtime *runtime);
void wsm_event_free(wsm_event *event);

/* The host's answer to a WSM_EVENT_AUTHENTICATE. */
typedef struct wsm_decision {
	bool allow;
	wsm_slice user_id, session_id; /* may be empty */
	const wsm_slice *rooms;        /* joined besides the endpoint's, and granted: as in wsm_admission */
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
 * Also for a WSM_EVENT_MESSAGE, with an empty action. The code "rate_limited" means that more than max_handler_queue of this
 * connection waits in the host: it is counted as that limit, and the sentence is the core's.
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
	WSM_QUERY_POSITION, /* room: {epoch, offset}; makes the room if there is none */
	WSM_QUERY_METRICS,  /* Prometheus text, not JSON */
	WSM_QUERY_BANS      /* [{ip, until, seconds, automatic, count, reason}], at most 1,000 */
} wsm_query_kind;

typedef struct wsm_question {
	wsm_query_kind kind;
	wsm_slice room; /* public room name, or "@all" */
	wsm_slice
		epoch; /* HISTORY: with it, messages after `since`; a foreign epoch gives no messages, recovered false */
	uint64_t since;
	unsigned
		limit; /* HISTORY: the newest so many; 0: all that are kept. PRESENCE: ids of each kind, at most 1000 */
	wsm_slice after; /* PRESENCE: `next` of the page before; WSM_EINVAL if it is none */
} wsm_question;

/* [query] Answers after all commands that this thread has queued before. JSON unless the kind says otherwise. */
int wsm_query(wsm_runtime *runtime, const wsm_question *question, wsm_text *answer, wsm_error *error);
/*
 * The same without waiting. After WSM_OK exactly one WSM_EVENT_ANSWER with that ticket comes, with WSM_ENOTRUNNING where the runtime
 * has stopped meanwhile; who has lost interest throws it away. Tickets are the host's. WSM_EOVERLOADED: WSM_QUESTIONS_MAX; WSM_EROOM,
 * WSM_ENOTRUNNING, WSM_EFORKED, WSM_ENOMEM.
 */
int wsm_query_later(wsm_runtime *runtime, const wsm_question *question, uint64_t ticket, wsm_error *error);

/* Whether public rooms need a grant, "open: …" or "granted: …", and why: one line for people. WSM_EFORKED, WSM_ENOMEM. */
int wsm_access_describe(wsm_runtime *runtime, wsm_text *line, wsm_error *error);

typedef struct wsm_rest_request {
	wsm_slice method;      /* "GET" */
	wsm_slice path, query; /* percent-encoded, query without '?' */
	wsm_slice ip; /* of the client, or of a proxy before it; decides whether it is on loopback (empty: it is not) */
	wsm_slice host; /* that is asked for, where it does not stand in the header (a target that is a whole URL) */
	const wsm_member *headers; /* all of them, in order: name, value (here plain text, not JSON) */
	size_t n_headers;
	wsm_slice body;
	bool tls; /* it came over TLS, as far as the server knows */
	wsm_slice
		via; /* the server has `ip` from a proxy that it trusts itself: the address of ours that the proxy called. Empty:
	                  `ip` is the socket's peer */
	bool vouched; /* the host has found out itself that the caller may use the admin panel */
	/*
	 * With `admitted`, the host has found out who calls: history is read with the rights of that user (wsm_subscribe()), of
	 * `rooms` and of `subscribe`, as over a socket that was let in with them. A token of the request is not looked at then.
	 */
	bool admitted;
	wsm_slice user_id; /* empty: nobody in particular */
	const wsm_slice *rooms, *subscribe;
	size_t n_rooms, n_subscribe;
	/*
	 * The host can ask its authenticate handler: where nothing else says who calls, the answer is the question (status 0). The same
	 * call then comes again without `asks`, and with `admitted`, or `refused` and the handler's `code` (0: 4401) and `reason`. A
	 * refusal by 4401 counts towards a ban, as one of a socket does.
	 */
	bool asks, refused;
	unsigned code;
	wsm_slice reason;
} wsm_rest_request;

typedef struct wsm_rest_answer {
	unsigned status;          /* HTTP status; 0: no answer yet, `body` is what WSM_EVENT_AUTHENTICATE has as data */
	const char *content_type; /* static */
	const char *headers;      /* further fields of the answer, "Name: value\r\n" each; static */
	char cors[512];           /* yet further ones, in the same form: for pages of other origins */
	wsm_text body;            /* release by wsm_text_free() */
} wsm_rest_answer;

/* Bytes of a body that are taken; of a longer one, a host need not keep more than one byte over it: enough for the 413. */
#define WSM_REST_BODY_MAX 1048576u

typedef enum wsm_rest_caller {
	WSM_REST_ANYONE,
	WSM_REST_MEMBER, /* who may read the room's history (docs/access.md) */
	WSM_REST_READER, /* on this machine, or with the API key */
	WSM_REST_WRITER, /* the same, and by no page of another origin */
	WSM_REST_ADMIN   /* of the panel (docs/admin.md) */
} wsm_rest_caller;

/* One of the calls: hosts make their routes of these. All texts are static. */
typedef struct wsm_rest_route {
	const char *name;   /* "history" */
	const char *method; /* "GET", with HEAD, or "POST"; other methods get an answer of the same path, too: 405 */
	const char *path;   /* "/api/ws/project/{project_id}/subscribers" */
	const char *parameters; /* of the query, or members of the JSON body of a POST: "room,since,limit" */
	wsm_rest_caller caller;
	const char *doc; /* one sentence, without its full stop */
} wsm_rest_route;

/* The calls, in order; NULL behind the last. Any thread. */
const wsm_rest_route *wsm_rest_route_at(size_t index);

/* [query] One REST call of docs/protocol.md. Unknown paths answer 404 in the same manner. */
int wsm_rest(wsm_runtime *runtime, const wsm_rest_request *request, wsm_rest_answer *answer, wsm_error *error);

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

/* What is no longer accepted: one token, or all of a user that were issued before a time. Zero-initialise. */
typedef struct wsm_revocation {
	wsm_slice jti;      /* of the token; or else */
	wsm_slice user_id;  /* the user */
	uint64_t before_ms; /* of a user: tokens issued before it (iat; also those without); Unix time, ms; 0: now */
	uint64_t
		until_ms; /* when it may be forgotten: all these tokens have expired; Unix time, ms; 0: after revocation_ttl */
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
/* [{"jti", "until"} or {"user_id", "before", "until"}], Unix milliseconds. Release by wsm_text_free(). WSM_EFORKED. */
int wsm_revocations(wsm_runtime *runtime, wsm_text *answer, wsm_error *error);
/* Whether there is a key for tokens (options jwt_secret, jwt_public_key), so that a path, a query or a header may have one in it. */
bool wsm_takes_tokens(const wsm_runtime *runtime);
/*
 * Exchanges the keys that tokens are checked with, while the runtime runs. Texts as for options jwt_secret and jwt_public_key; NULL:
 * as configured, the file of a path being read again. The algorithm stays. Live connections stay, too. WSM_ECONFIG, and the old
 * keys stay in force; WSM_EFORKED, WSM_ENOMEM. Reads a file; waits while the runtime is being stopped.
 */
int wsm_reload_keys(wsm_runtime *runtime, const char *secret, const char *public_key, wsm_error *error);

/* ---- a store, without a runtime --------------------------------------------------------------------------------- */

/*
 * The file of option `store`. These block for as long as the disk takes. All: WSM_ECONFIG: there is none, it is no store, of a newer
 * version, damaged, or cannot be written; WSM_ENOMEM.
 */
/* {"path", "schema", "state", "used_by", "sync", "rooms", "messages", "bytes", "file_bytes", "wal_bytes"}. Also while it is in use. */
int wsm_store_info(const char *path, wsm_text *answer, wsm_error *error);
/* Reads all of it; WSM_ECONFIG says what is damaged. Also while it is in use. */
int wsm_store_check(const char *path, wsm_error *error);
/* Copies it to the file `to`, which is replaced in one step once the copy is whole. Also while it is in use. */
int wsm_store_backup(const char *path, const char *to, wsm_error *error);
/* Gives every room a new epoch, for a file that was restored by other means; *rooms: how many. WSM_ELOCKED while it is in use. */
int wsm_store_new_epoch(const char *path, uint64_t *rooms, wsm_error *error);
/*
 * Lets messages from before a time (Unix, ms) go. `room`: a name, a beginning followed by '*', or empty for all; *messages: how many.
 * WSM_ELOCKED while it is in use.
 */
int wsm_store_prune(const char *path, wsm_slice room, uint64_t before_ms, uint64_t *messages, wsm_error *error);

#ifdef __cplusplus
}
#endif

#endif
