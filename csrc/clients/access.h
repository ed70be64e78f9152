/*
 * access.h - the rights of one connection, or one HTTP request.
 *
 * The rules of a room decide (policy/rules.h). Where they need a grant, each of these is one: the token's claims, the host's
 * admission, wsm_subscribe() of the user, wsm_conn_join(), and a yes of the authorize handler, which the core asks last.
 */
#ifndef WSM_CLIENTS_ACCESS_H
#define WSM_CLIENTS_ACCESS_H

#include "policy/access.h"

struct wsm__claims;
struct wsm__conn;
struct wsm__core;
struct wsm__member;

enum wsm__verdict { WSM__ALLOWED, WSM__FORBIDDEN, WSM__ASK };

/* Returns whether public rooms without a rule need a grant (option access). */
bool wsm__access_guarded(const struct wsm__core *core);
/* Returns whether connections are authenticated: by a key for tokens, or an authenticate handler. */
bool wsm__access_authenticates(const struct wsm__core *core);

/* Checks a right of a connection in a public room, or in @all. `*why`: a sentence unless it is allowed; static. */
enum wsm__verdict wsm__access_check(const struct wsm__conn *conn, enum wsm__right right, wsm_slice room,
                                    const char **why);
/* The same for the next thing that its endpoint joins: opening->n_checked; the firehose comes after the rooms. */
enum wsm__verdict wsm__access_check_next(const struct wsm__conn *conn, const char **why);
/* Checks the right to all rooms: the firehose, and the statistics, which name rooms. */
enum wsm__verdict wsm__access_check_all(const struct wsm__conn *conn, const char **why);
/* Returns whether the firehose must not have a room. */
bool wsm__access_hides(const struct wsm__core *core, const struct wsm__room_rule *rule);
/* Returns whether an allowed subscription may begin in the past: this client may read the room's history. */
bool wsm__access_replays(const struct wsm__conn *conn, wsm_slice room);
/* The reader over HTTP: by the request's token, or by the host's word; both NULL if unknown. */
struct wsm__reader {
	const struct wsm__claims *claims;
	const wsm_rest_request *host;
};
/* Checks whether an HTTP request may read a room's history. Returns 0, or the HTTP status of a refusal. */
unsigned wsm__access_read(struct wsm__core *core, const struct wsm__reader *reader, wsm_slice room, const char **why);
/* Logs a refused action of a client. */
void wsm__access_tell(const struct wsm__conn *conn, const char *action, wsm_slice room, const char *why);

/* Returns whether a connection may stay in a room, after grants have changed. */
bool wsm__access_keeps(const struct wsm__conn *conn, const struct wsm__member *member);
/* Reasons for a client that loses a room, or its endpoint: at most 123 bytes. */
struct wsm__regrant {
	const char *no_room, *no_endpoint;
};
/* Checks all rooms of a connection again, and ends those without a grant. Returns false if that closes the connection. */
bool wsm__access_again(struct wsm__conn *conn, const struct wsm__regrant *regrant);

/* Closes rooms after a check that was not known at the start: connections lose rooms without a grant. */
void wsm__access_guard(struct wsm__core *core, unsigned checks);

#endif
