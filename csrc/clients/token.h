/* token.h - connections that come in by a token, renew it, or outlive it. */
#ifndef WSM_CLIENTS_TOKEN_H
#define WSM_CLIENTS_TOKEN_H

#include "ws_manager.h"

struct wsm__command;
struct wsm__conn;

/* Opens the connection, refuses it, or leaves it DECIDING. */
void wsm__token_admit(struct wsm__conn *conn);
/* A message of a connection that has to show a token yet; false if it is for later. */
bool wsm__token_first(struct wsm__conn *conn, wsm_slice message);
/* The action `auth` of an open connection. */
void wsm__token_renew(struct wsm__conn *conn, const struct wsm__command *command);
/* {"type":"authenticated"}. */
void wsm__token_answer(struct wsm__conn *conn, wsm_slice id);
/* Tells that the token expires soon, or ends the connection: true then. */
bool wsm__token_watch(struct wsm__conn *conn, uint64_t unix_ms);

#endif
