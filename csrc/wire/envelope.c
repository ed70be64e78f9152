#include "wire/envelope.h"

#include "base/slice.h"
#include "wire/json.h"
#include "wire/own.h"

/* What the envelope may add by itself: bits of a set. */
enum field {
	FIELD_TYPE = 1u,
	FIELD_DATA = 2u,
	FIELD_EVENT_TYPE = 4u,
	FIELD_TIMESTAMP = 8u,
	FIELD_MESSAGE_ID = 16u,
	FIELD_ROOM = 32u,
	FIELD_OFFSET = 64u,
	FIELD_EPOCH = 128u,
	FIELD_POSITION = 256u, /* the three of WHERE, in one member */
	FIELD_OTHER =
		512u /* of others of the core's that do not write envelopes here: the id of an answer, who published */
};
#define WHERE (FIELD_ROOM | FIELD_OFFSET | FIELD_EPOCH)

static const struct {
	const char *name;
	size_t len;
	unsigned field;
} fields[] = {
	{ "id", 2, FIELD_OTHER },
	{ "from", 4, FIELD_OTHER },
	{ "type", 4, FIELD_TYPE },
	{ "data", 4, FIELD_DATA },
	{ "room", 4, FIELD_ROOM },
	{ "epoch", 5, FIELD_EPOCH },
	{ "offset", 6, FIELD_OFFSET },
	{ "timestamp", 9, FIELD_TIMESTAMP },
	{ "event_type", 10, FIELD_EVENT_TYPE },
	{ "message_id", 10, FIELD_MESSAGE_ID },
};

#define MAX_TRACKED 64u /* members; later ones are added without a look into the payload */

/* Decisions before the first byte is written. */
struct plan {
	unsigned there; /* fields that the payload has */
	unsigned add;   /* fields that the envelope adds */
	uint64_t skip;  /* members that it does not add, by index */
	wsm_slice body; /* flat and spliced: what stands between the payload's braces; empty for {} */
};

/* `name` as it stands in JSON, `escaped` if a backslash is in it. */
static bool reads(wsm_slice name, bool escaped, wsm_slice word)
{
	return escaped ? wsm__json_name_is(name, word) : wsm__slice_equal(name, word);
}

static unsigned field_of(wsm_slice name, bool escaped)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (reads(name, escaped, wsm__slice(fields[i].name, fields[i].len)))
			return fields[i].field;
	return 0;
}

static bool begins_with_at(wsm_slice name)
{
	return wsm__slice_starts(name, "@") || wsm__slice_starts(name, "\\u0040");
}

bool wsm__envelope_owns(wsm_slice name)
{
	bool escaped = name.len > 0 && memchr(name.data, '\\', name.len) != NULL;

	return begins_with_at(name) || field_of(name, escaped) != 0;
}

/* Notes the members of a payload that stand beside ours, which must not repeat them. */
static int look_into(struct plan *plan, const struct wsm__envelope *envelope)
{
	wsm_slice payload = wsm__json_trim(envelope->payload), name, value;
	size_t position = 0, n = 0;
	int result;

	while ((result = wsm__json_next(payload, &position, &name, &value)) == 1) {
		bool escaped = name.len > 0 && memchr(name.data, '\\', name.len) != NULL;

		n++;
		if (begins_with_at(name))
			return WSM_EINVAL;
		plan->there |= field_of(name, escaped);
		for (size_t i = 0; i < envelope->n_members && i < MAX_TRACKED; i++)
			if (reads(name, escaped, envelope->members[i].name))
				plan->skip |= UINT64_C(1) << i;
	}
	if (result < 0)
		return result;
	if (n > 0)
		plan->body = wsm__slice(payload.data + 1, payload.len - 2);
	return WSM_OK;
}

/* The author's words about room, offset or epoch stay apart from ours: nobody may take them for the server's. */
static void set_position_apart(struct plan *plan, const struct wsm__envelope *envelope)
{
	unsigned there = plan->there;

	for (size_t i = 0; i < envelope->n_members; i++)
		there |= field_of(envelope->members[i].name, false);
	if ((there & WHERE) && (plan->add & WHERE))
		plan->add = (plan->add & ~(unsigned)WHERE) | FIELD_POSITION;
}

/* Members that the envelope writes itself, or that are there twice, would make a duplicate key. */
static void skip_repeated(struct plan *plan, const struct wsm__envelope *envelope)
{
	for (size_t i = 0; i < envelope->n_members && i < MAX_TRACKED; i++) {
		wsm_slice name = envelope->members[i].name;
		bool repeated = (field_of(name, false) & plan->add) != 0;

		for (size_t j = 0; j < i && !repeated; j++)
			repeated = wsm__slice_equal(name, envelope->members[j].name);
		if (repeated)
			plan->skip |= UINT64_C(1) << i;
	}
}

static int make_plan(struct plan *plan, const struct wsm__envelope *envelope)
{
	bool typed = envelope->type.len > 0;
	int result = WSM_OK;

	plan->there = plan->add = 0;
	plan->skip = 0;
	plan->body = wsm__slice(NULL, 0);
	if (typed)
		plan->add |= envelope->flat ? FIELD_EVENT_TYPE : FIELD_TYPE | FIELD_DATA;
	if (envelope->timestamp.len > 0)
		plan->add |= FIELD_TIMESTAMP;
	if (envelope->message_id.len > 0)
		plan->add |= FIELD_MESSAGE_ID;
	if (envelope->room.len > 0)
		plan->add |= FIELD_ROOM;
	if (envelope->offset > 0)
		plan->add |= FIELD_OFFSET;
	if (envelope->epoch.len > 0 && (envelope->offset == 1 || (envelope->first && envelope->offset)))
		plan->add |= FIELD_EPOCH;
	if (!typed || envelope->flat)
		result = look_into(plan, envelope);
	set_position_apart(plan, envelope);
	plan->add &= ~plan->there;
	if (envelope->n_members > 0)
		skip_repeated(plan, envelope);
	return result;
}

static size_t bound(const struct wsm__envelope *envelope)
{
	/* 4 braces, 20 digits, and 9 names of at most 10 bytes with quotes, colon and comma; data may be "null". */
	size_t total = 160 + envelope->payload.len + wsm__buffer_json_bound(envelope->epoch);

	total += wsm__buffer_json_bound(envelope->type) + wsm__buffer_json_bound(envelope->timestamp);
	total += wsm__buffer_json_bound(envelope->message_id) + wsm__buffer_json_bound(envelope->room);
	for (size_t i = 0; i < envelope->n_members; i++)
		total += wsm__buffer_json_bound(envelope->members[i].name) + envelope->members[i].json.len + 6;
	return total;
}

/* `lead` is the name with what stands around it: ",\"room\":". Its comma is left out after the opening brace. */
static void add_name(struct wsm__buffer *out, const char *lead)
{
	wsm__buffer_add_str(out, out->data[out->len - 1] == '{' ? lead + 1 : lead);
}

static void add_string(struct wsm__buffer *out, const char *lead, wsm_slice text)
{
	add_name(out, lead);
	wsm__buffer_add_json(out, text);
}

static void add_value(struct wsm__buffer *out, wsm_slice json)
{
	if (json.len > 0)
		wsm__buffer_add_slice(out, json);
	else
		wsm__buffer_add(out, "null", 4);
}

/* The first of them adds no comma where `out` ends with a brace. */
static void write_where(struct wsm__buffer *out, unsigned add, const struct wsm__envelope *envelope)
{
	if (add & FIELD_ROOM)
		add_string(out, ",\"room\":", envelope->room);
	if (add & FIELD_OFFSET) {
		add_name(out, ",\"offset\":");
		wsm__buffer_add_uint(out, envelope->offset);
	}
	if (add & FIELD_EPOCH)
		add_string(out, ",\"epoch\":", envelope->epoch);
}

static void write_position(struct wsm__buffer *out, const struct wsm__envelope *envelope)
{
	unsigned add = 0;

	if (envelope->room.len > 0)
		add |= FIELD_ROOM;
	if (envelope->offset > 0)
		add |= FIELD_OFFSET | (envelope->epoch.len > 0 ? FIELD_EPOCH : 0u);
	add_name(out, ",\"@position\":{");
	write_where(out, add, envelope);
	wsm__buffer_add(out, "}", 1);
}

/* Returns the length of `out` after the author's part. */
static size_t write_out(struct wsm__buffer *out, const struct plan *plan, const struct wsm__envelope *envelope)
{
	size_t said;

	wsm__buffer_add(out, "{", 1);
	if (plan->add & FIELD_TYPE)
		add_string(out, ",\"type\":", envelope->type);
	if (plan->add & FIELD_DATA) {
		add_name(out, ",\"data\":");
		add_value(out, envelope->payload);
	}
	if (plan->add & FIELD_EVENT_TYPE)
		add_string(out, ",\"event_type\":", envelope->type);
	if (plan->body.len > 0) {
		add_name(out, ",");
		wsm__buffer_add_slice(out, plan->body);
	}
	said = out->len;
	if (plan->add & FIELD_TIMESTAMP)
		add_string(out, ",\"timestamp\":", envelope->timestamp);
	if (plan->add & FIELD_MESSAGE_ID)
		add_string(out, ",\"message_id\":", envelope->message_id);
	for (size_t i = 0; i < envelope->n_members; i++) {
		if (i < MAX_TRACKED && plan->skip >> i & 1)
			continue;
		add_name(out, ",");
		wsm__buffer_add_json(out, envelope->members[i].name);
		wsm__buffer_add(out, ":", 1);
		add_value(out, envelope->members[i].json);
	}
	if (plan->add & FIELD_POSITION)
		write_position(out, envelope);
	else
		write_where(out, plan->add, envelope);
	wsm__buffer_add(out, "}", 1);
	return said;
}

int wsm__envelope_write(struct wsm__buffer *out, const struct wsm__envelope *envelope, size_t *said)
{
	size_t end;
	struct plan plan;
	int result = make_plan(&plan, envelope);

	if (result < 0)
		return result;
	/* One growth here; nothing below allocates, so nothing below fails. */
	if (!wsm__buffer_reserve(out, bound(envelope)))
		return WSM_ENOMEM;
	end = write_out(out, &plan, envelope);
	if (said)
		*said = end;
	return WSM_OK;
}

/* ---- what others may not say ------------------------------------------------------------------------------------ */

/* Returns whether a string may begin with '@'. If not, nobody has to look at each member. */
static bool may_begin_with_at(wsm_slice text)
{
	const char *end = text.data + text.len, *at;

	for (at = text.data; (at = memchr(at, '@', (size_t)(end - at))) != NULL; at++)
		if (at > text.data && at[-1] == '"')
			return true;
	for (at = text.data; (at = memchr(at, '\\', (size_t)(end - at))) != NULL; at++)
		if (at > text.data && at[-1] == '"' && wsm__slice_starts(wsm__slice(at, (size_t)(end - at)), "\\u0040"))
			return true;
	return false;
}

bool wsm__envelope_kept_name(wsm_slice payload, wsm_slice *name)
{
	wsm_slice object = wsm__json_trim(payload), value;
	size_t position = 0;

	if (object.len == 0 || object.data[0] != '{' || !may_begin_with_at(object))
		return false;
	while (wsm__json_next(object, &position, name, &value) == 1)
		if (begins_with_at(*name))
			return true;
	return false;
}

bool wsm__envelope_imitated(wsm_slice payload)
{
	wsm_slice object = wsm__json_trim(payload), name, value;
	size_t position = 0;
	char type[64];

	while (wsm__json_next(object, &position, &name, &value) == 1) {
		unsigned field = field_of(name, name.len > 0 && memchr(name.data, '\\', name.len) != NULL);
		int len;

		if (begins_with_at(name) || (field & WHERE))
			return true;
		if (!(field & (FIELD_TYPE | FIELD_EVENT_TYPE)))
			continue;
		len = wsm__json_string(value, type, sizeof(type));
		if (len > 0 && wsm__own_type(wsm__slice(type, (size_t)len)))
			return true;
	}
	return false;
}
