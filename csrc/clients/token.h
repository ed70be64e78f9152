/* token.h - renews the token of a connection, and ends the connection with it. */
#ifndef WSM_CLIENTS_TOKEN_H
#define WSM_CLIENTS_TOKEN_H

#include "ws_manager.h"

struct wsm__command;
struct wsm__conn;

/* Runs the action `auth` of an open connection. */
void wsm__token_renew(struct wsm__conn *conn, const struct wsm__command *command);
/* Queues {"type":"authenticated"}. */
void wsm__token_answer(struct wsm__conn *conn, wsm_slice id);
/* Tells the client that its token expires soon. Returns true if it closes the connection, as the token has expired. */
bool wsm__token_watch(struct wsm__conn *conn, uint64_t unix_ms);

#endif
