#include "wire/target.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/slice.h"
#include "wire/json.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

int wsm__percent_decode(wsm_slice text, bool plus, char *out, size_t size)
{
	size_t written = 0;

	for (size_t at = 0; at < text.len; at++) {
		char c = text.data[at];

		if (c == '%') {
			int high = text.len - at > 2 ? hex_digit(text.data[at + 1]) : -1;
			int low = high >= 0 ? hex_digit(text.data[at + 2]) : -1;

			if (low < 0)
				return -1;
			c = (char)(high * 16 + low);
			at += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0' || written + 1 >= size || written == INT32_MAX)
			return -1;
		out[written++] = c;
	}
	if (size == 0 || !wsm__utf8_valid(wsm__slice(out, written)))
		return -1;
	out[written] = '\0';
	return (int)written;
}

int wsm__query_get(wsm_slice query, const char *name, char *out, size_t size)
{
	wsm_slice word = wsm__str(name);
	size_t at = 0;

	while (at < query.len) {
		char key[64];
		const char *start = query.data + at;
		const char *end = memchr(start, '&', query.len - at);
		size_t len = end ? (size_t)(end - start) : query.len - at;
		const char *equals = len ? memchr(start, '=', len) : NULL;
		size_t key_len = equals ? (size_t)(equals - start) : len;
		int n = wsm__percent_decode(wsm__slice(start, key_len), true, key, sizeof(key));

		if (n >= 0 && wsm__slice_equal(wsm__slice(key, (size_t)n), word)) {
			wsm_slice value = equals ? wsm__slice(equals + 1, len - key_len - 1) : wsm__slice(NULL, 0);

			n = wsm__percent_decode(value, true, out, size);
			return n < 0 ? -2 : n;
		}
		at += len + 1;
	}
	return -1;
}

static int base64url_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

int wsm__base64url_decode(wsm_slice text, char *out, size_t size)
{
	size_t len = text.len, padding = 0, written = 0;
	uint32_t bits = 0;
	unsigned n_bits = 0;

	while (len > 0 && padding < 2 && text.data[len - 1] == '=') {
		len--;
		padding++;
	}
	if (len % 4 == 1 || (padding > 0 && (len + padding) % 4 != 0))
		return -1;
	for (size_t i = 0; i < len; i++) {
		int digit = base64url_digit(text.data[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		if (written == size || written == INT32_MAX)
			return -1;
		out[written++] = (char)(bits >> n_bits & 0xff);
	}
	/* Bits left over are zero in what an encoder makes; otherwise one value would have several texts. */
	if ((bits & ((1u << n_bits) - 1)) != 0)
		return -1;
	return (int)written;
}

static bool read_position(const char *room, const json_t *value, struct wsm__position *position)
{
	const json_t *epoch = json_array_get(value, 0), *offset = json_array_get(value, 1);
	size_t room_len = strlen(room), epoch_len = json_string_length(epoch); /* neither can hold a NUL */

	if (json_array_size(value) != 2 || !json_is_string(epoch) || !json_is_integer(offset))
		return false;
	if (room_len == 0 || room_len > WSM__ROOM_NAME_MAX || epoch_len >= sizeof(position->epoch) ||
	    json_integer_value(offset) < 0)
		return false;
	memcpy(position->room, room, room_len + 1);
	memcpy(position->epoch, json_string_value(epoch), epoch_len + 1);
	position->offset = (uint64_t)json_integer_value(offset);
	return true;
}

static int read_positions(json_t *root, struct wsm__position **positions)
{
	size_t count = json_object_size(root), i = 0;
	struct wsm__position *list;
	const char *room;
	json_t *value;

	if (!json_is_object(root) || count > WSM__RESUME_MAX)
		return -1;
	if (count == 0)
		return 0;
	list = calloc(count, sizeof(*list));
	if (!list)
		return -1;
	json_object_foreach(root, room, value) {
		if (!read_position(room, value, &list[i])) {
			free(list);
			return -1;
		}
		i++;
	}
	*positions = list;
	return (int)count;
}

int wsm__resume_parse(wsm_slice value, struct wsm__position **positions)
{
	char *text;
	int len, count = -1;

	*positions = NULL;
	if (value.len == 0)
		return 0;
	text = malloc(value.len);
	if (!text)
		return -1;
	len = wsm__base64url_decode(value, text, value.len);
	/*
	 * Check the depth before the parser, which recurses: an object of arrays, and nothing deeper. NUL too: jansson 2.14 does not
	 * see one after a number.
	 */
	if (len > 0 && wsm__json_depth_within(wsm__slice(text, (size_t)len), 2) && !memchr(text, '\0', (size_t)len)) {
		json_t *root = json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES, NULL);

		count = read_positions(root, positions);
		json_decref(root);
	}
	free(text);
	return count;
}
