/* say.h - publishes for clients. */
#ifndef WSM_CLIENTS_SAY_H
#define WSM_CLIENTS_SAY_H

struct wsm__command;
struct wsm__conn;

/* Runs the action `publish`, once it is allowed. */
void wsm__client_publish(struct wsm__conn *conn, const struct wsm__command *command);

#endif
