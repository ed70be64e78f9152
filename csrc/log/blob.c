#include "log/blob.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "rooms/publication.h"

#define VERSION 1
#define FLAT 1u
#define BY_CORE 2u

enum tag { TYPE = 1, PAYLOAD, TIMESTAMP, MESSAGE_ID, MEMBER_NAME, MEMBER_JSON, EXCLUDED };

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static void add(struct wsm__buffer *out, enum tag tag, wsm_slice text)
{
	uint8_t head[5] = { (uint8_t)tag, (uint8_t)text.len, (uint8_t)(text.len >> 8), (uint8_t)(text.len >> 16),
	                    (uint8_t)(text.len >> 24) };

	wsm__buffer_add(out, head, sizeof(head));
	wsm__buffer_add_slice(out, text);
}

void wsm__blob_write(struct wsm__buffer *out, const struct wsm__publish *publish, const struct wsm__stamp *stamp)
{
	const struct wsm__exclude *exclude = publish->exclude;
	uint8_t head[4] = { VERSION, (uint8_t)((publish->flat ? FLAT : 0) | (publish->by_core ? BY_CORE : 0)),
	                    publish->priority, publish->level };

	wsm__buffer_add(out, head, sizeof(head));
	add(out, TYPE, publish->type);
	add(out, PAYLOAD, publish->payload);
	add(out, TIMESTAMP, wsm__str(stamp->timestamp));
	add(out, MESSAGE_ID, wsm__str(stamp->message_id));
	for (size_t i = 0; i < publish->n_members; i++) {
		add(out, MEMBER_NAME, publish->members[i].name);
		add(out, MEMBER_JSON, publish->members[i].json);
	}
	for (uint32_t i = 0; exclude && i < exclude->count; i++)
		add(out, EXCLUDED, exclude->ids[i]);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

struct reading {
	struct wsm__unblobbed *to;
	const uint8_t *at, *end;
	wsm_slice *excluded; /* NULL: they are only counted */
	size_t n_excluded;
};

static bool copy_text(char *to, size_t size, wsm_slice text)
{
	if (text.len >= size)
		return false;
	memcpy(to, text.data, text.len);
	to[text.len] = '\0';
	return true;
}

static bool take_member(struct wsm__unblobbed *to, wsm_slice name)
{
	if (to->publish.n_members == sizeof(to->members) / sizeof(to->members[0]))
		return false;
	to->members[to->publish.n_members++].name = name;
	return true;
}

static bool take(struct reading *it, enum tag tag, wsm_slice text)
{
	struct wsm__unblobbed *to = it->to;

	switch (tag) {
	case TYPE:
		to->publish.type = text;
		return true;
	case PAYLOAD:
		to->publish.payload = text;
		return true;
	case TIMESTAMP:
		return copy_text(to->stamp.timestamp, sizeof(to->stamp.timestamp), text);
	case MESSAGE_ID:
		return copy_text(to->stamp.message_id, sizeof(to->stamp.message_id), text);
	case MEMBER_NAME:
		return take_member(to, text);
	case MEMBER_JSON:
		if (!to->publish.n_members)
			return false;
		to->members[to->publish.n_members - 1].json = text;
		return true;
	case EXCLUDED:
		if (it->excluded)
			it->excluded[it->n_excluded] = text;
		it->n_excluded++;
		return true;
	default:
		return true;
	}
}

static bool take_field(struct reading *it)
{
	uint32_t len;
	wsm_slice text;
	uint8_t tag;

	if (it->end - it->at < 5)
		return false;
	tag = it->at[0];
	len = it->at[1] | (uint32_t)it->at[2] << 8 | (uint32_t)it->at[3] << 16 | (uint32_t)it->at[4] << 24;
	it->at += 5;
	if ((size_t)(it->end - it->at) < len)
		return false;
	text = wsm__slice((const char *)it->at, len);
	it->at += len;
	return take(it, (enum tag)tag, text);
}

static int take_fields(struct reading *it, wsm_slice blob)
{
	struct wsm__unblobbed *to = it->to;

	it->at = (const uint8_t *)blob.data + 4;
	it->n_excluded = to->publish.n_members = 0;
	while (it->at < it->end)
		if (!take_field(it))
			return WSM_EINVAL;
	return WSM_OK;
}

int wsm__blob_read(struct wsm__unblobbed *to, wsm_slice blob)
{
	const uint8_t *head = (const uint8_t *)blob.data;
	struct reading it = { .to = to };
	int status;

	memset(to, 0, sizeof(*to));
	if (blob.len < 4 || head[0] != VERSION || head[2] < WSM_CRITICAL || head[2] > WSM_LOW)
		return WSM_EINVAL;
	it.end = head + blob.len;
	to->publish.flat = (head[1] & FLAT) != 0;
	to->publish.by_core = (head[1] & BY_CORE) != 0;
	to->publish.priority = head[2];
	to->publish.level = head[3];
	to->publish.keep = true;
	to->publish.members = to->members;
	status = take_fields(&it, blob);
	if (status || !it.n_excluded)
		return status;
	it.excluded = malloc(it.n_excluded * sizeof(*it.excluded));
	if (it.excluded && !take_fields(&it, blob))
		to->publish.exclude = wsm__exclude_new(it.excluded, it.n_excluded);
	free(it.excluded);
	return to->publish.exclude ? WSM_OK : WSM_ENOMEM;
}

void wsm__blob_release(struct wsm__unblobbed *read)
{
	wsm__exclude_unref(read->publish.exclude);
	read->publish.exclude = NULL;
}
