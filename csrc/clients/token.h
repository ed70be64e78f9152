/* token.h - connections that come in by a token, renew it, or outlive it. */
#ifndef WSM_CLIENTS_TOKEN_H
#define WSM_CLIENTS_TOKEN_H

#include "ws_manager.h"

struct wsm__command;
struct wsm__conn;

/* The action `auth` of an open connection. */
void wsm__token_renew(struct wsm__conn *conn, const struct wsm__command *command);
/* {"type":"authenticated"}. */
void wsm__token_answer(struct wsm__conn *conn, wsm_slice id);
/* Tells that the token expires soon, or ends the connection: true then. */
bool wsm__token_watch(struct wsm__conn *conn, uint64_t unix_ms);

#endif
