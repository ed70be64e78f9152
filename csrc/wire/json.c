#include "wire/json.h"

#include "base/slice.h"

#define MAX_NESTING 4096u /* levels whose kind of bracket is remembered */

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static size_t skip_space(wsm_slice text, size_t at)
{
	while (at < text.len && is_space(text.data[at]))
		at++;
	return at;
}

wsm_slice wsm__json_trim(wsm_slice text)
{
	size_t start = skip_space(text, 0), end = text.len;

	while (end > start && is_space(text.data[end - 1]))
		end--;
	return wsm__slice(text.len ? text.data + start : text.data, end - start);
}

/* Returns whether one of the eight bytes is `byte`. */
static bool has_byte(uint64_t word, unsigned char byte)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t zero_there = word ^ (ones * byte);

	return ((zero_there - ones) & ~zero_there & (ones << 7)) != 0;
}

/*
 * Returns the position of the closing quote, or text.len; `at` is after the opening one. Takes eight bytes at a time: most of a
 * message is inside of strings.
 */
static size_t find_quote(wsm_slice text, size_t at)
{
	while (text.len >= 8 && at <= text.len - 8) {
		uint64_t word;

		memcpy(&word, text.data + at, sizeof(word));
		if (has_byte(word, '"'))
			break;
		if (has_byte(word, '\\')) {
			while (text.data[at] != '\\')
				at++;
			at += 2;
		} else {
			at += 8;
		}
	}
	while (at < text.len && text.data[at] != '"')
		at += text.data[at] == '\\' ? 2 : 1;
	return at < text.len ? at : text.len;
}

/*
 * Returns the position after the bracket that closes the one at `at`, or 0 if they do not balance. It must refuse no depth that a
 * client's parser accepts: nobody would have checked the members then.
 */
static size_t skip_nested(wsm_slice text, size_t at)
{
	unsigned char is_object[MAX_NESTING / 8]; /* one bit a level, written before it is read */
	size_t depth = 0;

	for (; at < text.len; at++) {
		char c = text.data[at];

		if (c == '"') {
			at = find_quote(text, at + 1); /* at text.len the loop ends, unbalanced */
		} else if (c == '{' || c == '[') {
			unsigned char bit = (unsigned char)(1u << depth % 8);

			if (depth < MAX_NESTING && c == '{')
				is_object[depth / 8] |= bit;
			else if (depth < MAX_NESTING)
				is_object[depth / 8] &= (unsigned char)~bit;
			depth++;
		} else if (c == '}' || c == ']') {
			depth--; /* it is 1 or more: the first byte opened a level, and level 0 returns */
			if (depth < MAX_NESTING && (is_object[depth / 8] >> depth % 8 & 1) != (c == '}'))
				return 0;
			if (depth == 0)
				return at + 1;
		}
	}
	return 0;
}

static size_t skip_digits(wsm_slice text, size_t at)
{
	while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
		at++;
	return at;
}

/* Returns the position after the number (RFC 8259 section 6), or 0. */
static size_t skip_number(wsm_slice text, size_t at)
{
	size_t start, end;

	if (text.data[at] == '-')
		at++;
	start = at;
	end = skip_digits(text, at);
	if (end == start || (end - start > 1 && text.data[start] == '0'))
		return 0;
	if (end < text.len && text.data[end] == '.') {
		start = end + 1;
		end = skip_digits(text, start);
		if (end == start)
			return 0;
	}
	if (end < text.len && (text.data[end] == 'e' || text.data[end] == 'E')) {
		start = end + 1;
		if (start < text.len && (text.data[start] == '+' || text.data[start] == '-'))
			start++;
		end = skip_digits(text, start);
		if (end == start)
			return 0;
	}
	return end;
}

static size_t skip_word(wsm_slice text, size_t at, const char *word)
{
	return wsm__slice_starts(wsm__slice(text.data + at, text.len - at), word) ? at + strlen(word) : 0;
}

/* Returns the position after the value that begins at `at`, or 0. */
static size_t skip_value(wsm_slice text, size_t at)
{
	size_t end;

	if (at >= text.len)
		return 0;
	switch (text.data[at]) {
	case '"':
		end = find_quote(text, at + 1);
		return end < text.len ? end + 1 : 0;
	case '{':
	case '[':
		return skip_nested(text, at);
	case 't':
		return skip_word(text, at, "true");
	case 'f':
		return skip_word(text, at, "false");
	case 'n':
		return skip_word(text, at, "null");
	default:
		return skip_number(text, at);
	}
}

/*
 * *position is 0 at first, then on the comma or the closing brace behind a value, then text.len for ever: a comma at the
 * end of the text is thus never taken for the end of the object.
 */
int wsm__json_next(wsm_slice text, size_t *position, wsm_slice *name, wsm_slice *value)
{
	size_t at = *position, end;
	bool first = at == 0;

	if (!first && at >= text.len)
		return 0;
	if (first)
		at = skip_space(text, 0);
	if (at >= text.len || text.data[at] != (first ? '{' : ','))
		return WSM_EJSON;
	at = skip_space(text, at + 1);
	if (first && at < text.len && text.data[at] == '}') {
		*position = text.len;
		return skip_space(text, at + 1) == text.len ? 0 : WSM_EJSON;
	}
	if (at >= text.len || text.data[at] != '"')
		return WSM_EJSON;
	end = find_quote(text, at + 1);
	if (end == text.len)
		return WSM_EJSON;
	*name = wsm__slice(text.data + at + 1, end - at - 1);
	at = skip_space(text, end + 1);
	if (at >= text.len || text.data[at] != ':')
		return WSM_EJSON;
	at = skip_space(text, at + 1);
	end = skip_value(text, at);
	if (end == 0)
		return WSM_EJSON;
	*value = wsm__slice(text.data + at, end - at);
	at = skip_space(text, end);
	if (at >= text.len)
		return WSM_EJSON;
	if (text.data[at] == '}') {
		*position = text.len;
		return skip_space(text, at + 1) == text.len ? 1 : WSM_EJSON;
	}
	*position = at;
	return text.data[at] == ',' ? 1 : WSM_EJSON;
}

bool wsm__json_name_is(wsm_slice name, wsm_slice word)
{
	char decoded[256];
	int len;

	if (name.len == 0 || !memchr(name.data, '\\', name.len))
		return wsm__slice_equal(name, word);
	/* Escapes only ever make a name longer: six bytes for one at most. */
	if (name.len <= word.len || name.len > word.len * 6)
		return false;
	/* The slice lies between quotes, so they belong to the same text. */
	len = wsm__json_string(wsm__slice(name.data - 1, name.len + 2), decoded, sizeof(decoded));
	return len >= 0 && wsm__slice_equal(wsm__slice(decoded, (size_t)len), word);
}

bool wsm__json_get(wsm_slice text, const char *name, wsm_slice *value)
{
	wsm_slice word = wsm__str(name), found, found_value;
	size_t position = 0;

	while (wsm__json_next(text, &position, &found, &found_value) == 1) {
		if (wsm__json_name_is(found, word)) {
			*value = found_value;
			return true;
		}
	}
	return false;
}

bool wsm__json_is_object(wsm_slice text)
{
	wsm_slice name, value;
	size_t position = 0;
	int result;

	do
		result = wsm__json_next(text, &position, &name, &value);
	while (result == 1);
	return result == 0;
}

bool wsm__json_depth_within(wsm_slice text, unsigned max)
{
	unsigned depth = 0;

	for (size_t at = 0; at < text.len; at++) {
		switch (text.data[at]) {
		case '"':
			at = find_quote(text, at + 1);
			break;
		case '{':
		case '[':
			if (++depth > max)
				return false;
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			break;
		default:
			break;
		}
	}
	return true;
}

/* Returns the value of the four hexadecimal digits at `at`, or -1. */
static int32_t hex4(wsm_slice text, size_t at)
{
	int32_t number = 0;

	if (text.len < 4 || at > text.len - 4)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		char c = text.data[i];

		if (c >= '0' && c <= '9')
			number = number * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			number = number * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return number;
}

static size_t encode_utf8(uint32_t c, unsigned char out[4])
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (unsigned char)(0xc0 | c >> 6);
		out[1] = (unsigned char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (unsigned char)(0xe0 | c >> 12);
		out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (unsigned char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (unsigned char)(0xf0 | c >> 18);
	out[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (unsigned char)(0x80 | (c & 0x3f));
	return 4;
}

/* Decodes the escape whose backslash is at `at`. Returns its length, or 0 for no escape or a lone surrogate. */
static size_t decode_escape(wsm_slice text, size_t at, uint32_t *code_point)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	int32_t high, low;

	if (at + 1 >= text.len || text.data[at + 1] == '\0')
		return 0;
	found = strchr(from, text.data[at + 1]);
	if (found) {
		*code_point = (unsigned char)to[found - from];
		return 2;
	}
	if (text.data[at + 1] != 'u' || (high = hex4(text, at + 2)) < 0)
		return 0;
	*code_point = (uint32_t)high;
	if (high < 0xd800 || high > 0xdfff)
		return 6;
	if (high > 0xdbff || at + 7 >= text.len || text.data[at + 6] != '\\' || text.data[at + 7] != 'u')
		return 0;
	low = hex4(text, at + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*code_point = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
	return 12;
}

int wsm__json_string(wsm_slice value, char *out, size_t size)
{
	size_t at = 0, written = 0;
	wsm_slice text;

	if (value.len < 2 || value.data[0] != '"' || value.data[value.len - 1] != '"' || size > INT32_MAX)
		return -1;
	text = wsm__slice(value.data + 1, value.len - 2);
	while (at < text.len) {
		unsigned char utf8[4];
		uint32_t code_point;
		size_t n, width;

		if (text.data[at] == '\\')
			n = decode_escape(text, at, &code_point);
		else if (text.data[at] == '"')
			n = 0;
		else
			n = wsm__utf8_decode(text, at, &code_point);
		if (n == 0 || (n == 1 && code_point < 0x20))
			return -1;
		width = encode_utf8(code_point, utf8);
		if (width > size - written)
			return -1;
		memcpy(out + written, utf8, width);
		written += width;
		at += n;
	}
	if (written < size)
		out[written] = '\0';
	return (int)written;
}
