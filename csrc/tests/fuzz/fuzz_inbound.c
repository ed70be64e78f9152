/* Frames from a client, cut into pieces: whatever comes, the events are those of the whole, and the limits hold. */
#include "check.h"

#include <string.h>

#include "base/buffer.h"
#include "wire/inbound.h"

static const struct wsm__inbound_limits limits = { 300, 8 };

/* What a client has said so far: whole messages; of one that is not whole nothing, since errors show earlier in pieces. */
static void note(const struct wsm__inbound_event *event, struct wsm__buffer *message, struct wsm__buffer *trace)
{
	if (event->kind != WSM__IN_DATA) {
		wsm__buffer_addf(trace, "|%d:%u:", (int)event->kind, event->code);
		if (event->kind != WSM__IN_ERROR)
			wsm__buffer_add_slice(trace, event->data);
		return;
	}
	if (event->first)
		wsm__buffer_clear(message);
	wsm__buffer_add_slice(message, event->data);
	CHECK(message->len <= limits.max_message);
	if (!event->last)
		return;
	CHECK(event->binary || wsm__utf8_valid(wsm__slice(message->data, message->len)));
	wsm__buffer_addf(trace, "|message %d:", event->binary);
	wsm__buffer_add(trace, message->data, message->len);
}

/* Reads everything, in pieces of at most `piece` bytes; notes what happens. */
static void run(wsm_slice in, size_t piece, struct wsm__buffer *trace)
{
	struct wsm__inbound inbound;
	struct wsm__inbound_event event;
	struct wsm__buffer message;
	bool ended = false;

	memset(&inbound, 0, sizeof(inbound));
	wsm__buffer_init(&message);
	for (size_t at = 0; at < in.len;) {
		size_t len = in.len - at < piece ? in.len - at : piece, used = 0;
		wsm_slice part = exact(in.data + at, len);

		do {
			used += wsm__inbound_next(&inbound, &limits, (uint8_t *)(uintptr_t)part.data + used, len - used,
			                          &event);
			CHECK(used <= len && !(ended && event.kind != WSM__IN_MORE));
			ended = ended || event.kind == WSM__IN_CLOSE || event.kind == WSM__IN_ERROR;
			if (event.kind != WSM__IN_MORE)
				note(&event, &message, trace);
		} while (event.kind != WSM__IN_MORE);
		CHECK(used == len);
		drop(part);
		at += len;
	}
	wsm__buffer_fini(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wsm__buffer whole, pieces;
	wsm_slice in;

	if (!size)
		return 0;
	in = exact(data + 1, size - 1);
	wsm__buffer_init(&whole);
	wsm__buffer_init(&pieces);
	run(in, SIZE_MAX, &whole);
	run(in, data[0] % 32 + 1u, &pieces);
	CHECK(whole.len == pieces.len && (!whole.len || !memcmp(whole.data, pieces.data, whole.len)));
	wsm__buffer_fini(&whole);
	wsm__buffer_fini(&pieces);
	drop(in);
	return 0;
}
