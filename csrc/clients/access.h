/*
 * access.h - what one connection, or one HTTP request, may do.
 *
 * The rules of a room decide (policy/rules.h). Where they want a grant, any of these is one: the token's claims, the host's word
 * when it let the connection in, its wsm_subscribe() of the user, and a yes of its authorize handler, which is asked only
 * where none of the others is there.
 */
#ifndef WSM_CLIENTS_ACCESS_H
#define WSM_CLIENTS_ACCESS_H

#include "policy/access.h"

struct wsm__claims;
struct wsm__conn;
struct wsm__core;
struct wsm__member;

enum wsm__verdict { WSM__ALLOWED, WSM__FORBIDDEN, WSM__ASK };

/* Whether a key or a handler of the host decides about clients: what no rule speaks of then needs a grant. */
bool wsm__access_guarded(const struct wsm__core *core);
/* Whether connections are authenticated, so that a session is no longer what a client says it is. */
bool wsm__access_authenticates(const struct wsm__core *core);

/* Whether a connection has a right in a public room, or in @all. `*why`: a sentence where it is forbidden; static. */
enum wsm__verdict wsm__access_check(const struct wsm__conn *conn, enum wsm__right right, wsm_slice room,
                                    const char **why);
/* The same for the next of what its endpoint joins: opening->n_checked, the firehose behind the rooms. */
enum wsm__verdict wsm__access_check_next(const struct wsm__conn *conn, const char **why);
/* Whether it may have everything: the firehose, and the statistics, which name rooms. */
enum wsm__verdict wsm__access_check_all(const struct wsm__conn *conn, const char **why);
/* Whether a room is closed to clients that have the firehose and no other grant. */
bool wsm__access_hides(const struct wsm__core *core, const struct wsm__room_rule *rule);
/* Whether a subscription, which has been allowed, may begin in the past: its history must not be closed to this client. */
bool wsm__access_replays(const struct wsm__conn *conn, wsm_slice room);
/* Who reads over HTTP: by the token that came with the request, or by the host's word; both NULL for nobody known. */
struct wsm__reader {
	const struct wsm__claims *claims;
	const wsm_rest_request *host;
};
/* Whether an HTTP request may read a room's history; 0, or the HTTP status to refuse with. */
unsigned wsm__access_read(struct wsm__core *core, const struct wsm__reader *reader, wsm_slice room, const char **why);
/* A line in the log for what a client was not allowed. */
void wsm__access_tell(const struct wsm__conn *conn, const char *action, wsm_slice room, const char *why);

/* Whether a connection may stay in a room, now that somebody's grant may have gone. */
bool wsm__access_keeps(const struct wsm__conn *conn, const struct wsm__member *member);
/* What a client is told that loses a room, and one that loses its endpoint: at most 123 bytes. */
struct wsm__regrant {
	const char *no_room, *no_endpoint;
};
/* After another token has come, or a check: ends what is no longer allowed. False if that closes the connection. */
bool wsm__access_again(struct wsm__conn *conn, const struct wsm__regrant *regrant);

/* Something checks clients that was not known at the start: ends what would not be allowed now. */
void wsm__access_guard(struct wsm__core *core, unsigned checks);

#endif
