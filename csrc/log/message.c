#include "log/message.h"

#include "base/slice.h"
#include "host/route.h"
#include "wire/envelope.h"
#include "wire/json.h"

static void take_over(struct wsm__pub *pub, const struct wsm__publish *publish)
{
	pub->own = publish->by_core;
	pub->priority = publish->priority;
	pub->level = publish->level;
	pub->conflate = publish->conflate;
	if (publish->exclude) {
		pub->exclude = publish->exclude;
		pub->exclude->refs++;
	}
	if (publish->tally) {
		pub->tally = publish->tally;
		pub->tally->refs++;
	}
}

struct wsm__pub *wsm__message_build(struct wsm__buffer *text, const struct wsm__publish *publish,
                                    const struct wsm__stamp *stamp, const struct wsm__place *place, bool *positioned)
{
	struct wsm__envelope envelope = {
		.type = publish->type,
		.flat = publish->flat && publish->type.len,
		.payload = publish->payload,
		.members = publish->members,
		.n_members = publish->n_members,
		.timestamp = wsm__str(stamp->timestamp),
		.message_id = wsm__str(stamp->message_id),
		.room = place->room,
		.offset = place->offset,
		.epoch = wsm__str(place->epoch),
		.first = place->first,
	};
	enum wsm__opcode opcode = publish->flags & WSM_PUBLISH_BINARY ? WSM__BINARY : WSM__TEXT;
	bool verbatim = (publish->flags & (WSM_PUBLISH_BINARY | WSM_PUBLISH_TEXT)) != 0;
	struct wsm__pub *pub;
	size_t said = 0;
	int status;

	wsm__buffer_clear(text);
	status = verbatim ? WSM_EJSON : wsm__envelope_write(text, &envelope, &said);
	*positioned = status == WSM_OK && place->offset != 0;
	if (status && status != WSM_EJSON) /* out of memory: the rest was looked at when it was published */
		return NULL;
	pub = wsm__pub_new(opcode, status ? publish->payload : wsm__slice(text->data, text->len), false);
	if (!pub)
		return NULL;
	if (!status && said + 1 < text->len)
		pub->said_len = (uint32_t)said;
	take_over(pub, publish);
	return pub;
}

static bool is_object(wsm_slice payload)
{
	wsm_slice text = wsm__json_trim(payload), name, value;
	size_t position = 0;
	int more;

	while ((more = wsm__json_next(text, &position, &name, &value)) == 1)
		;
	return more == 0;
}

bool wsm__message_takes_offset(const struct wsm__publish *publish)
{
	if (publish->flags & (WSM_PUBLISH_BINARY | WSM_PUBLISH_TEXT))
		return false;
	return (publish->type.len && !publish->flat) || is_object(publish->payload);
}
