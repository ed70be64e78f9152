/*
 * frames.h - the outbox of a connection as bytes. Each gets one write for all that waits for it; a batch that is the same for many connections is
 * copied together once.
 *
 * The bytes are finished RFC 6455 frames. Whole frames only, and never while the socket's owner still holds a part of an earlier write:
 * then the outbox is the one place where messages wait, conflate and overflow.
 */
#ifndef WSM_CLIENTS_FRAMES_H
#define WSM_CLIENTS_FRAMES_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__core;

/* Writes all of it, or keeps the rest: conn->choked then. False if the socket is broken. */
typedef bool (*wsm__send_fn)(struct wsm__conn *conn, const void *data, size_t len);

/* Writes from the outbox what the socket takes, and one connection may have of a turn. */
void wsm__frames_write(struct wsm__conn *conn, wsm__send_fn send);
/* Counts the first `n` of its outbox, as so many bytes. */
void wsm__frames_sent(struct wsm__conn *conn, uint32_t n, size_t bytes);
/* Nothing is to be compared with the last batch any more. */
void wsm__frames_forget(struct wsm__core *core);

#endif
