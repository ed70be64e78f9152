/* server.h - libwebsockets: its context, and its callbacks turned into calls of connection.h and rest.h. */
#ifndef WSM_NET_SERVER_H
#define WSM_NET_SERVER_H

#include "net/runtime.h"

/* Makes the context on the core's loop. WSM_ESYSTEM. */
int wsm__server_open(struct wsm__core *core, wsm_error *error);
/* The two steps of libwebsockets' end on a foreign loop: before uv_run() returns, and after. */
void wsm__server_close(struct wsm__core *core);
void wsm__server_fini(struct wsm__core *core);
/* Gives a connected socket to libwebsockets, which owns it from here on; with what was read already, and who sent it. */
void wsm__server_take(struct wsm__core *core, int fd, struct wsm__adopt *adopt);

/* The same for a socket of the own port, whose head was read; `bearer` (on the heap, or NULL) is taken over. */
void wsm__server_take_read(struct wsm__core *core, int fd, wsm_slice read, char *bearer);

struct wsm__conn;
/* False once a Close frame is on its way in either direction: nothing may follow it. The connection has a socket. */
bool wsm__server_may_write(struct wsm__conn *conn);
/* Stops reading from the connection's socket, or goes on. May be called while a message is being received. */
void wsm__server_read(struct wsm__conn *conn, bool on);

/* listen.c: sockets that are listened on; sets core->runtime->port. WSM_EADDRINUSE, WSM_ESYSTEM, WSM_ECONFIG. */
int wsm__listen_open(struct wsm__core *core, wsm_error *error);
void wsm__listen_close(struct wsm__core *core);
/* lobby.c: a socket that was accepted; it goes on to libwebsockets as soon as its request has been looked at. */
void wsm__lobby_enter(struct wsm__core *core, int fd);
/* Closes those that have not sent their request in time; or all. */
void wsm__lobby_expire(struct wsm__core *core);
void wsm__lobby_close(struct wsm__core *core);
/* Accepts again after the process had run out of descriptors. */
void wsm__listen_resume(struct wsm__core *core);

#endif
