#include "clients/frames.h"

#include <string.h>

#include "clients/conn.h"

#define CONN_BYTES_MAX (4u * WSM__SCRATCH_SIZE) /* for one connection in one turn */

void wsm__frames_sent(struct wsm__conn *conn, const struct wsm__pub *pub)
{
	struct wsm__core *core = conn->core;

	core->counters.messages_sent += !pub->control;
	core->counters.bytes_sent += pub->frame_len;
	conn->sent.count += !pub->control;
	conn->bytes_sent += pub->frame_len;
}

/* How many from the front go into one write of at most WSM__SCRATCH_SIZE; a larger one goes alone. */
static uint32_t batch(const struct wsm__outbox *outbox, size_t *bytes)
{
	uint32_t n = 0, max = sizeof(((struct wsm__core *)0)->scratch_pubs) / sizeof(struct wsm__pub *);

	*bytes = 0;
	while (n < outbox->count && n < max) {
		size_t len = wsm__outbox_at(outbox, n)->frame_len;

		if (n && *bytes + len > WSM__SCRATCH_SIZE)
			break;
		*bytes += len;
		n++;
		if (*bytes >= WSM__SCRATCH_SIZE)
			break;
	}
	return n;
}

/* Whether the scratch buffer already holds just these. Its publications are kept alive by references. */
static bool same_batch(const struct wsm__core *core, const struct wsm__outbox *outbox, uint32_t n)
{
	if (core->scratch_count != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (core->scratch_pubs[i] != wsm__outbox_at(outbox, i))
			return false;
	return true;
}

void wsm__frames_forget(struct wsm__core *core)
{
	for (uint32_t i = 0; i < core->scratch_count; i++)
		wsm__pub_unref(core->scratch_pubs[i]);
	core->scratch_count = 0;
	core->scratch_len = 0;
}

static void copy_batch(struct wsm__core *core, const struct wsm__outbox *outbox, uint32_t n)
{
	wsm__frames_forget(core);
	for (uint32_t i = 0; i < n; i++) {
		struct wsm__pub *pub = wsm__outbox_at(outbox, i);

		memcpy(core->scratch + core->scratch_len, pub->frame, pub->frame_len);
		core->scratch_len += pub->frame_len;
		core->scratch_pubs[i] = wsm__pub_ref(pub);
	}
	core->scratch_count = n;
}

/* One write of a batch; false when the connection takes no more now. */
static bool write_batch(struct wsm__conn *conn, wsm__send_fn send, size_t *written)
{
	struct wsm__core *core = conn->core;
	struct wsm__outbox *outbox = &conn->sub.outbox;
	size_t bytes;
	uint32_t n = batch(outbox, &bytes);
	const uint8_t *data;

	if (n == 1) {
		data = wsm__outbox_at(outbox, 0)->frame;
	} else {
		if (!same_batch(core, outbox, n))
			copy_batch(core, outbox, n);
		data = core->scratch;
	}
	if (!send(conn, data, bytes)) {
		conn->close_code = conn->close_code ? conn->close_code : 1006;
		wsm__conn_closing(conn);
		conn->choked = true;
		return false;
	}
	for (uint32_t i = 0; i < n; i++)
		wsm__frames_sent(conn, wsm__outbox_at(outbox, i));
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
