/*
 * frames.h - writes the outbox of a connection as bytes: one write for all that waits. It copies a batch that is the same for many
 * connections only once.
 *
 * It writes whole RFC 6455 frames, and nothing while the carrier still holds a part of an earlier write: so messages wait, conflate
 * and overflow in the outbox only.
 */
#ifndef WSM_CLIENTS_FRAMES_H
#define WSM_CLIENTS_FRAMES_H

#include "ws_manager.h"

struct wsm__conn;
struct wsm__core;

/* Writes all of it, or keeps the rest and sets conn->choked. Returns false if the socket is broken. */
typedef bool (*wsm__send_fn)(struct wsm__conn *conn, const void *data, size_t len);

/* Writes as much of the outbox as the socket takes, up to the share of one connection in a turn of the loop. */
void wsm__frames_write(struct wsm__conn *conn, wsm__send_fn send);
/* Counts the first `n` messages of its outbox as sent. */
void wsm__frames_sent(struct wsm__conn *conn, uint32_t n, size_t bytes);
/* Forgets the last batch. */
void wsm__frames_forget(struct wsm__core *core);

#endif
