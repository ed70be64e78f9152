#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

#define FIRST_CAPACITY 64u

void wsm__buffer_init(struct wsm__buffer *buffer)
{
	buffer->data = NULL;
	buffer->len = buffer->capacity = 0;
	buffer->failed = false;
}

void wsm__buffer_fini(struct wsm__buffer *buffer)
{
	free(buffer->data);
	wsm__buffer_init(buffer);
}

void wsm__buffer_clear(struct wsm__buffer *buffer)
{
	buffer->len = 0;
	buffer->failed = false;
	if (buffer->data)
		buffer->data[0] = '\0';
}

char *wsm__buffer_reserve(struct wsm__buffer *buffer, size_t more)
{
	size_t need, capacity;
	char *data;

	if (buffer->failed)
		return NULL;
	if (more >= SIZE_MAX / 2 - buffer->len) {
		buffer->failed = true;
		return NULL;
	}
	need = buffer->len + more + 1;
	if (need <= buffer->capacity)
		return buffer->data + buffer->len;
	capacity = buffer->capacity * 2 > FIRST_CAPACITY ? buffer->capacity * 2 : FIRST_CAPACITY;
	if (capacity < need)
		capacity = need;
	data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->failed = true;
		return NULL;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	data[buffer->len] = '\0';
	return data + buffer->len;
}

static void commit(struct wsm__buffer *buffer, size_t len)
{
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
}

void wsm__buffer_add(struct wsm__buffer *buffer, const void *data, size_t len)
{
	char *out;

	if (len == 0)
		return;
	out = wsm__buffer_reserve(buffer, len);
	if (!out)
		return;
	memcpy(out, data, len);
	commit(buffer, len);
}

void wsm__buffer_add_slice(struct wsm__buffer *buffer, wsm_slice slice)
{
	wsm__buffer_add(buffer, slice.data, slice.len);
}

void wsm__buffer_add_str(struct wsm__buffer *buffer, const char *text)
{
	wsm__buffer_add_slice(buffer, wsm__str(text));
}

void wsm__buffer_add_uint(struct wsm__buffer *buffer, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	wsm__buffer_add(buffer, digits + at, sizeof(digits) - at);
}

void wsm__buffer_addf(struct wsm__buffer *buffer, const char *format, ...)
{
	va_list arguments;
	char *out;
	int n;

	va_start(arguments, format);
	n = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (n < 0) {
		buffer->failed = true;
		return;
	}
	out = wsm__buffer_reserve(buffer, (size_t)n);
	if (!out)
		return;
	va_start(arguments, format);
	vsnprintf(out, (size_t)n + 1, format, arguments);
	va_end(arguments);
	commit(buffer, (size_t)n);
}

/*
 * Returns whether any of eight bytes is a control character, a quote, a backslash or not ASCII. Exact for the eight together: only
 * such a byte can borrow from the next.
 */
static bool is_special(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');

	return (((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & high) != 0;
}

/* Returns the position after the ASCII at `at` that needs no escape. */
static size_t skip_plain(wsm_slice text, size_t at)
{
	while (text.len >= 8 && at <= text.len - 8) {
		uint64_t word;

		memcpy(&word, text.data + at, sizeof(word));
		if (is_special(word))
			break;
		at += 8;
	}
	while (at < text.len) {
		unsigned char c = (unsigned char)text.data[at];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
		at++;
	}
	return at;
}

/* Returns the length of the text at `at` that needs no escape. */
static size_t plain_run(wsm_slice text, size_t at)
{
	size_t start = at;

	for (;;) {
		uint32_t code_point;
		size_t n;

		at = skip_plain(text, at);
		if (at == text.len || (unsigned char)text.data[at] < 0x80)
			break;
		n = wsm__utf8_decode(text, at, &code_point);
		if (n == 0)
			break;
		at += n;
	}
	return at - start;
}

size_t wsm__buffer_json_bound(wsm_slice text)
{
	return skip_plain(text, 0) == text.len ? text.len + 2 : text.len * 6 + 2;
}

static void add_escaped(struct wsm__buffer *buffer, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = c == 0 ? NULL : strchr(from, (char)c);
	char escape[6] = { '\\', 'u', '0', '0', 0, 0 };

	if (c >= 0x80) {
		wsm__buffer_add(buffer, "\xef\xbf\xbd", 3);
		return;
	}
	if (found) {
		escape[1] = to[found - from];
		wsm__buffer_add(buffer, escape, 2);
		return;
	}
	escape[4] = hex[c >> 4];
	escape[5] = hex[c & 15];
	wsm__buffer_add(buffer, escape, 6);
}

void wsm__buffer_add_json(struct wsm__buffer *buffer, wsm_slice text)
{
	size_t at = 0;

	wsm__buffer_add(buffer, "\"", 1);
	while (at < text.len && !buffer->failed) {
		size_t run = plain_run(text, at);

		wsm__buffer_add(buffer, text.data + at, run);
		at += run;
		if (at < text.len)
			add_escaped(buffer, (unsigned char)text.data[at++]);
	}
	wsm__buffer_add(buffer, "\"", 1);
}

int wsm__buffer_steal(struct wsm__buffer *buffer, wsm_text *text)
{
	if (!wsm__buffer_reserve(buffer, 0)) {
		wsm__buffer_fini(buffer);
		text->data = NULL;
		text->len = 0;
		return WSM_ENOMEM;
	}
	buffer->data[buffer->len] = '\0';
	text->data = buffer->data;
	text->len = buffer->len;
	wsm__buffer_init(buffer);
	return WSM_OK;
}
