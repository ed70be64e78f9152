#include "clients/frames.h"

#include <string.h>

#include "clients/conn.h"

#define CONN_BYTES_MAX (4u * WSM__SCRATCH_SIZE) /* for one connection in one turn */

void wsm__frames_sent(struct wsm__conn *conn, uint32_t n, size_t bytes)
{
	struct wsm__core *core = conn->core;

	for (uint32_t i = 0; i < n; i++) {
		bool control = wsm__outbox_at(&conn->sub.outbox, i)->control;

		core->counters.messages_sent += !control;
		conn->sent.count += !control;
	}
	core->counters.bytes_sent += bytes;
	conn->bytes_sent += bytes;
}

static enum wsm__encoding encoding_of(const struct wsm__conn *conn)
{
	return conn->sub.raw ? WSM__AS_RAW : WSM__AS_FRAME;
}

/* Returns how many from the front fit into one write of WSM__SCRATCH_SIZE; a larger message goes alone. */
static uint32_t batch(const struct wsm__outbox *outbox)
{
	uint32_t n = 0, max = sizeof(((struct wsm__scratch *)0)->pubs) / sizeof(struct wsm__pub *);
	size_t bytes = 0;

	while (n < outbox->count && n < max) {
		bytes += wsm__outbox_at(outbox, n)->frame_len;
		if (n && bytes > WSM__SCRATCH_SIZE)
			break;
		n++;
		if (bytes >= WSM__SCRATCH_SIZE)
			break;
	}
	return n;
}

/* Returns whether the scratch buffer holds exactly these. It has references to its publications. */
static bool same_batch(const struct wsm__scratch *scratch, const struct wsm__outbox *outbox, uint32_t n)
{
	if (scratch->count != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (scratch->pubs[i] != wsm__outbox_at(outbox, i))
			return false;
	return true;
}

static void forget_batch(struct wsm__scratch *scratch)
{
	for (uint32_t i = 0; i < scratch->count; i++)
		wsm__pub_unref(scratch->pubs[i]);
	scratch->count = 0;
	scratch->len = 0;
}

/* Copies a batch. No encoding is longer than its frame, so there is space. Returns false when out of memory. */
static bool copy_batch(struct wsm__scratch *scratch, const struct wsm__outbox *outbox, uint32_t n,
                       enum wsm__encoding encoding)
{
	forget_batch(scratch);
	for (uint32_t i = 0; i < n; i++) {
		struct wsm__pub *pub = wsm__outbox_at(outbox, i);
		struct wsm__encoded encoded;

		if (!wsm__pub_encode(pub, encoding, &encoded))
			return false;
		memcpy(scratch->bytes + scratch->len, encoded.frame, encoded.frame_len);
		scratch->len += encoded.frame_len;
		scratch->pubs[scratch->count++] = wsm__pub_ref(pub);
	}
	return true;
}

/* Returns the bytes of the first `n` messages for the wire; NULL when out of memory. */
static const uint8_t *batch_data(struct wsm__conn *conn, uint32_t n, size_t *bytes)
{
	const struct wsm__outbox *outbox = &conn->sub.outbox;
	enum wsm__encoding encoding = encoding_of(conn);
	struct wsm__scratch *scratch = &conn->core->scratch[encoding];
	struct wsm__encoded only;

	if (n == 1) {
		if (!wsm__pub_encode(wsm__outbox_at(outbox, 0), encoding, &only))
			return NULL;
		*bytes = only.frame_len;
		return only.frame;
	}
	if (!same_batch(scratch, outbox, n) && !copy_batch(scratch, outbox, n, encoding))
		return NULL;
	*bytes = scratch->len;
	return scratch->bytes;
}

/* Writes one batch. Returns false when the connection takes no more now. */
static bool write_batch(struct wsm__conn *conn, wsm__send_fn send, size_t *written)
{
	struct wsm__core *core = conn->core;
	struct wsm__outbox *outbox = &conn->sub.outbox;
	size_t bytes;
	uint32_t n = batch(outbox);
	const uint8_t *data = batch_data(conn, n, &bytes);

	if (!data) {
		wsm__sub_overflowed(&core->registry, &conn->sub);
		return false;
	}
	if (!send(conn, data, bytes)) {
		conn->close_code = conn->close_code ? conn->close_code : 1006;
		wsm__conn_closing(conn);
		conn->choked = true;
		return false;
	}
	wsm__frames_sent(conn, n, bytes);
	wsm__sub_written(&core->registry, &conn->sub, n);
	*written += bytes;
	if (conn->state == WSM__CONN_CLOSING)
		wsm__conn_wait_closing(conn);
	return !conn->choked;
}

void wsm__frames_write(struct wsm__conn *conn, wsm__send_fn send)
{
	size_t written = 0;

	while (conn->sub.outbox.count && written < CONN_BYTES_MAX)
		if (!write_batch(conn, send, &written))
			return;
}

void wsm__frames_forget(struct wsm__core *core)
{
	for (int i = 0; i < WSM__ENCODINGS; i++)
		forget_batch(&core->scratch[i]);
}
