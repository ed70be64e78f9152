/*
 * The Origin check. Three lines: Origin, Host, one entry of the list. What is allowed must survive a second, much
 * simpler reading of the same rule, and nothing that is allowed stays so with a foreign domain behind or before it.
 */
#include "check.h"

#include "policy/origin.h"

static wsm_slice take_line(wsm_slice *text)
{
	const char *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
	size_t len = end ? (size_t)(end - text->data) : text->len, skip = end ? len + 1 : len;
	wsm_slice line = exact(text->data, len);

	*text = wsm__slice(text->data + skip, text->len - skip);
	return line;
}

/* Behind "://", without a port. */
static wsm_slice host_of(wsm_slice text)
{
	for (size_t i = 0; i + 2 < text.len; i++)
		if (memcmp(text.data + i, "://", 3) == 0) {
			text = wsm__slice(text.data + i + 3, text.len - i - 3);
			break;
		}
	if (text.len > 0 && text.data[0] == '[') {
		const char *end = memchr(text.data, ']', text.len);

		return end ? wsm__slice(text.data + 1, (size_t)(end - text.data) - 1) : text;
	}
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == ':')
			return wsm__slice(text.data, i);
	return text;
}

static bool is_loopback(wsm_slice host)
{
	return wsm__slice_equal_nocase(host, wsm__str("localhost")) || wsm__ip_is_loopback(host);
}

static bool is_address(wsm_slice host)
{
	return host.len > 0 && memchr(host.data, ':', host.len);
}

static void check_allowed(wsm_slice origin, wsm_slice host)
{
	wsm_slice from = host_of(origin), to = host_of(host);

	for (size_t i = 0; i < origin.len; i++)
		CHECK(origin.data[i] > 0x20 && origin.data[i] < 0x7f && !strchr("@\\?#%\"<>,;*", origin.data[i]));
	CHECK(wsm__slice_equal_nocase(from, to) || (is_loopback(from) && is_loopback(to)) ||
	      (is_address(from) && is_address(to)));
}

static void check_disguises(wsm_slice origin, wsm_slice host)
{
	static const char *const tails[] = { ".evil.net", "@evil.net", "/", ".", " ", "\t", "%00", "x", "?", "#" };
	char *text = malloc(origin.len + 16);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		size_t n = strlen(tails[i]);

		if (origin.len > 0)
			memcpy(text, origin.data, origin.len);
		memcpy(text + origin.len, tails[i], n);
		CHECK(!wsm__origin_allowed(wsm__slice(text, origin.len + n), host, false, NULL, 0));
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wsm_slice text = wsm__slice((const char *)data, size);
	wsm_slice origin = take_line(&text), host = take_line(&text), entry = take_line(&text);
	bool same = wsm__origin_allowed(origin, host, false, NULL, 0);
	bool listed = wsm__origin_allowed(origin, host, false, &entry, 1);

	CHECK(listed || !same);
	if (same && origin.len > 0) {
		check_allowed(origin, host);
		check_disguises(origin, host);
	}
	if (listed && !same)
		CHECK(wsm__origin_entry_valid(entry));
	if (wsm__ip_is_loopback(origin))
		CHECK(!wsm__origin_allowed(origin, host, false, NULL, 0)); /* an address is no origin */
	drop(origin);
	drop(host);
	drop(entry);
	return 0;
}
