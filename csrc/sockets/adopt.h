/* adopt.h - sockets that become sessions, whoever has accepted them. */
#ifndef WSM_SOCKETS_ADOPT_H
#define WSM_SOCKETS_ADOPT_H

struct wsm__adopt;
struct wsm__core;

/*
 * Gives a connected socket to libwebsockets; it is owned from here on, whatever happens. `adopt` (taken over; may be NULL): who
 * handed it over, and what was read from it already.
 */
void wsm__socket_take(struct wsm__core *core, int fd, struct wsm__adopt *adopt);

#endif
