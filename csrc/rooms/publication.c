#include "rooms/publication.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

struct wsm__pub *wsm__pub_new(enum wsm__opcode opcode, wsm_slice payload, bool ping)
{
	uint8_t header[WSM__FRAME_HEADER_MAX];
	uint8_t ping_frame[WSM__FRAME_HEADER_MAX];
	size_t ping_len = ping ? wsm__frame_header(ping_frame, WSM__PING, 0) : 0;
	size_t header_len = wsm__frame_header(header, opcode, payload.len);
	size_t frame_len = ping_len + header_len + payload.len;
	struct wsm__pub *pub;

	if (payload.len > UINT32_MAX / 2)
		return NULL;
	pub = malloc(sizeof(*pub) + frame_len);
	if (!pub)
		return NULL;
	memset(pub, 0, sizeof(*pub));
	pub->refs = 1;
	pub->opcode = (uint8_t)opcode;
	pub->priority = WSM_NORMAL;
	pub->payload_at = (uint32_t)(ping_len + header_len);
	pub->payload_len = pub->said_len = (uint32_t)payload.len;
	pub->frame_len = (uint32_t)frame_len;
	memcpy(pub->frame, ping_frame, ping_len);
	memcpy(pub->frame + ping_len, header, header_len);
	if (payload.len)
		memcpy(pub->frame + pub->payload_at, payload.data, payload.len);
	return pub;
}

/* ---- encodings --------------------------------------------------------------------------------------------------- */

struct wsm__slot {
	uint32_t payload_at, frame_len;
	uint8_t frame[];
};

static struct wsm__slot *make_raw(const struct wsm__pub *pub)
{
	uint32_t len = pub->said_len + 1;
	struct wsm__slot *slot = malloc(sizeof(*slot) + WSM__FRAME_HEADER_MAX + len);

	if (!slot)
		return NULL;
	slot->payload_at = (uint32_t)wsm__frame_header(slot->frame, pub->opcode, len);
	slot->frame_len = slot->payload_at + len;
	memcpy(slot->frame + slot->payload_at, pub->frame + pub->payload_at, pub->said_len);
	slot->frame[slot->frame_len - 1] = '}';
	return slot;
}

static struct wsm__slot *slot_of(struct wsm__pub *pub, enum wsm__encoding encoding)
{
	if (!pub->slots)
		pub->slots = calloc(WSM__ENCODINGS, sizeof(struct wsm__slot *));
	if (pub->slots && !pub->slots[encoding])
		pub->slots[encoding] = make_raw(pub);
	return pub->slots ? pub->slots[encoding] : NULL;
}

bool wsm__pub_encode(struct wsm__pub *pub, enum wsm__encoding encoding, struct wsm__encoded *out)
{
	const struct wsm__slot *slot;

	/* The core has added nothing: the message is the same for raw endpoints. */
	if (encoding == WSM__AS_FRAME || pub->said_len == pub->payload_len) {
		out->frame = pub->frame;
		out->frame_len = pub->frame_len;
		out->payload = wsm__pub_payload(pub);
		return true;
	}
	slot = slot_of(pub, encoding);
	if (!slot)
		return false;
	out->frame = slot->frame;
	out->frame_len = slot->frame_len;
	out->payload = wsm__slice((const char *)slot->frame + slot->payload_at, slot->frame_len - slot->payload_at);
	return true;
}

static void free_slots(struct wsm__pub *pub)
{
	for (int i = 0; pub->slots && i < WSM__ENCODINGS; i++)
		free(pub->slots[i]);
	free(pub->slots);
}

/* ---- references --------------------------------------------------------------------------------------------------- */

void wsm__pub_unref(struct wsm__pub *pub)
{
	if (!pub || --pub->refs)
		return;
	wsm__exclude_unref(pub->exclude);
	wsm__tally_unref(pub->tally);
	free_slots(pub);
	free(pub);
}

struct wsm__exclude *wsm__exclude_new(const wsm_slice *ids, size_t n)
{
	size_t bytes = 0;
	struct wsm__exclude *exclude;
	char *text;

	if (!n)
		return NULL;
	for (size_t i = 0; i < n; i++)
		bytes += ids[i].len;
	exclude = malloc(sizeof(*exclude) + n * sizeof(wsm_slice) + bytes);
	if (!exclude)
		return NULL;
	exclude->refs = 1;
	exclude->count = (uint32_t)n;
	text = (char *)&exclude->ids[n];
	for (size_t i = 0; i < n; i++) {
		if (ids[i].len)
			memcpy(text, ids[i].data, ids[i].len);
		exclude->ids[i] = wsm__slice(text, ids[i].len);
		text += ids[i].len;
	}
	return exclude;
}

void wsm__exclude_unref(struct wsm__exclude *exclude)
{
	if (exclude && !--exclude->refs)
		free(exclude);
}

bool wsm__excluded(const struct wsm__exclude *exclude, wsm_slice client_id, wsm_slice user_id)
{
	if (!exclude)
		return false;
	for (uint32_t i = 0; i < exclude->count; i++) {
		if (wsm__slice_equal(exclude->ids[i], client_id))
			return true;
		if (user_id.len && wsm__slice_equal(exclude->ids[i], user_id))
			return true;
	}
	return false;
}
