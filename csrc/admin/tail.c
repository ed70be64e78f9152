#include "admin/tail.h"

#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "host/route.h"
#include "wire/json.h"

#define ROOM_MAX 160u /* bytes of a name that are shown, "@client:" included */
#define TYPE_MAX 128u /* of a type */

struct entry {
	struct wsm__pub *pub; /* NULL: nobody got it, or it was too large */
	uint64_t unix_ms, offset, recipients;
	uint32_t bytes; /* of the payload */
	uint8_t room_len, type_len;
	bool binary;
	char room[ROOM_MAX], type[TYPE_MAX];
};

struct wsm__tail {
	uint64_t next; /* number of the next one, from 1 */
	uint64_t oldest;
	uint64_t polled_ms;
	size_t bytes; /* of the publications held */
	struct entry ring[WSM__TAIL_SIZE];
};

static struct entry *at(struct wsm__tail *tail, uint64_t number)
{
	return &tail->ring[number % WSM__TAIL_SIZE];
}

static void let_go(struct wsm__tail *tail)
{
	struct entry *entry = at(tail, tail->oldest++);

	if (!entry->pub)
		return;
	tail->bytes -= entry->pub->frame_len;
	wsm__pub_unref(entry->pub);
	entry->pub = NULL;
}

bool wsm__tail_watch(struct wsm__core *core)
{
	if (!core->tail) {
		core->tail = calloc(1, sizeof(*core->tail));
		if (!core->tail)
			return false;
		core->tail->next = core->tail->oldest = 1;
		core->published = wsm__tail_add;
	}
	core->tail->polled_ms = core->now_ms;
	return true;
}

void wsm__tail_end(struct wsm__core *core)
{
	while (core->tail && core->tail->oldest < core->tail->next)
		let_go(core->tail);
	free(core->tail);
	core->tail = NULL;
	core->published = NULL;
}

void wsm__tail_tick(struct wsm__core *core)
{
	if (core->tail && core->now_ms - core->tail->polled_ms > WSM__TAIL_WATCH_MS)
		wsm__tail_end(core);
}

/* As much of it as fits, up to the end of a character. */
static uint8_t take_text(char *out, size_t max, wsm_slice text)
{
	size_t len = text.len < max ? text.len : max;

	while (len && len < text.len && ((unsigned char)text.data[len] & 0xc0) == 0x80)
		len--;
	if (len)
		memcpy(out, text.data, len);
	return (uint8_t)len;
}

/* Of an object without an envelope: its own word, at its top level. */
static uint8_t take_type(char out[TYPE_MAX], const struct wsm__publish *publish)
{
	char text[16 * TYPE_MAX];
	int len;

	if (publish->type.len || (publish->flags & WSM_PUBLISH_BINARY))
		return take_text(out, TYPE_MAX, publish->type);
	len = wsm__json_string(wsm__publish_own_type(publish->payload), text, sizeof(text));
	return take_text(out, TYPE_MAX, wsm__slice(text, len > 0 ? (size_t)len : 0));
}

void wsm__tail_add(struct wsm__core *core, const struct wsm__publish *publish, wsm_slice room, struct wsm__pub *pub,
                   uint64_t recipients)
{
	struct wsm__tail *tail = core->tail;
	struct entry *entry;

	if (tail->next - tail->oldest == WSM__TAIL_SIZE)
		let_go(tail);
	while (pub && pub->frame_len <= WSM__TAIL_BYTES && tail->bytes + pub->frame_len > WSM__TAIL_BYTES)
		let_go(tail);
	entry = at(tail, tail->next++);
	entry->pub = NULL;
	entry->unix_ms = wsm__unix_ms();
	entry->offset = pub ? pub->offset : 0;
	entry->recipients = recipients;
	entry->bytes = pub ? pub->payload_len : (uint32_t)publish->payload.len;
	entry->binary = (publish->flags & WSM_PUBLISH_BINARY) != 0;
	entry->room_len = take_text(entry->room, ROOM_MAX, room);
	entry->type_len = take_type(entry->type, publish);
	if (pub && pub->frame_len <= WSM__TAIL_BYTES) {
		entry->pub = wsm__pub_ref(pub);
		tail->bytes += pub->frame_len;
	}
}

static size_t shown(const struct entry *entry)
{
	size_t len = entry->pub && !entry->binary ? entry->pub->payload_len : 0;

	return len < WSM__TAIL_PAYLOAD_MAX ? len : WSM__TAIL_PAYLOAD_MAX;
}

static void add_row(const struct entry *entry, uint64_t number, struct wsm__buffer *out)
{
	wsm_slice payload = entry->pub ? wsm__pub_payload(entry->pub) : wsm__str(NULL);
	size_t len = shown(entry);

	/* Not in the middle of a character; what is no UTF-8 at all is cut where it is. */
	for (int i = 0; i < 3 && len && len < payload.len && ((unsigned char)payload.data[len] & 0xc0) == 0x80; i++)
		len--;
	wsm__buffer_addf(out, "{\"n\":%llu,\"at\":%llu,\"room\":", (unsigned long long)number,
	                 (unsigned long long)entry->unix_ms);
	wsm__buffer_add_json(out, wsm__slice(entry->room, entry->room_len));
	wsm__buffer_add_str(out, ",\"type\":");
	wsm__buffer_add_json(out, wsm__slice(entry->type, entry->type_len));
	wsm__buffer_addf(out, ",\"offset\":%llu,\"recipients\":%llu,\"bytes\":%u,\"binary\":%s,\"text\":",
	                 (unsigned long long)entry->offset, (unsigned long long)entry->recipients, entry->bytes,
	                 entry->binary ? "true" : "false");
	if (entry->pub && !entry->binary)
		wsm__buffer_add_json(out, wsm__slice(payload.data, len));
	else
		wsm__buffer_add_str(out, "null");
	wsm__buffer_add_str(out, "}");
}

void wsm__tail_answer(struct wsm__core *core, uint64_t after, struct wsm__buffer *out)
{
	struct wsm__tail *tail = core->tail;
	uint64_t wanted, from;
	size_t bytes = 0;

	if (after >= tail->next) /* of another process, or it had ended */
		after = 0;
	wanted = after ? after + 1 : 0;
	from = tail->next;
	while (from > wanted && from > tail->oldest && bytes < WSM__TAIL_ANSWER_MAX) {
		from--;
		bytes += 256 + shown(at(tail, from));
	}
	wsm__buffer_addf(out, "{\"last\":%llu,\"skipped\":%llu,\"rows\":[", (unsigned long long)tail->next - 1,
	                 (unsigned long long)(after ? from - wanted : 0));
	for (uint64_t n = from; n < tail->next; n++) {
		wsm__buffer_add_str(out, n > from ? "," : "");
		add_row(at(tail, n), n, out);
	}
	wsm__buffer_add_str(out, "]}");
}
