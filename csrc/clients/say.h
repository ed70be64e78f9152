/* say.h - what clients publish. */
#ifndef WSM_CLIENTS_SAY_H
#define WSM_CLIENTS_SAY_H

struct wsm__command;
struct wsm__conn;

/* The action `publish`, once it is allowed. */
void wsm__client_publish(struct wsm__conn *conn, const struct wsm__command *command);

#endif
