/* adopt.h - makes sessions of sockets that the listener or the host has accepted. */
#ifndef WSM_SOCKETS_ADOPT_H
#define WSM_SOCKETS_ADOPT_H

struct wsm__adopt;
struct wsm__core;

/*
 * Gives a connected socket to libwebsockets; takes over `fd` and `adopt`, whatever happens. `adopt`: the host's hand-over, with the
 * bytes that it has read; NULL for our own listener.
 */
void wsm__socket_take(struct wsm__core *core, int fd, struct wsm__adopt *adopt);

#endif
