/* ticket.h - questions to the host's handlers. */
#ifndef WSM_CLIENTS_TICKET_H
#define WSM_CLIENTS_TICKET_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__core;
struct wsm__session;

void wsm__decide_authenticate(struct wsm__conn *conn);
/* Leaves the connection DECIDING until it shows a token, for auth_timeout at most. */
void wsm__decide_await_token(struct wsm__conn *conn);
/* Asks whether the connection may join a room of its endpoint ("*": everything); leaves it DECIDING. False: no memory. */
bool wsm__decide_enter(struct wsm__conn *conn, const char *room);
/* Asks whether `action` on `room` is allowed; `message` is run again if so. False if too many are waiting. */
bool wsm__decide_authorize(struct wsm__conn *conn, wsm_slice action, wsm_slice room, wsm_slice message, wsm_slice id);
/* Asks who makes the REST call that `question` describes; leaves the session ASKING. False: no memory, or the host is overloaded. */
bool wsm__decide_identify(struct wsm__session *session, wsm_slice question);
/* It waits no longer. */
void wsm__decide_forget_call(struct wsm__session *session);
/* At a stop: nobody is going to answer REST calls that wait. */
void wsm__decide_stop(struct wsm__core *core);
/* The host's answers; those that come too late find nothing. */
void wsm__decide_authenticated(struct wsm__core *core, uint64_t ticket, const wsm_decision *decision);
void wsm__decide_authorized(struct wsm__core *core, uint64_t ticket, bool allow);
void wsm__decide_forget(struct wsm__conn *conn);
void wsm__decide_expire(struct wsm__core *core);
void wsm__decide_fini(struct wsm__core *core);

#endif
