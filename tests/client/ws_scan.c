/* ws_scan.c - see ws_scan.h. */
#include "ws_scan.h"

#include <stdlib.h>
#include <string.h>

const char *wsc_scan_after(const char *json, const char *key)
{
	const char *at = json != NULL ? strstr(json, key) : NULL;

	if (at == NULL)
		return NULL;
	at += strlen(key);
	return at + strspn(at, " :");
}

bool wsc_scan_number(const char *json, const char *key, uint64_t *value)
{
	const char *at = wsc_scan_after(json, key);

	if (at == NULL || *at < '0' || *at > '9')
		return false;
	*value = strtoull(at, NULL, 10);
	return true;
}

bool wsc_scan_text(const char *json, const char *key, char *out, size_t size)
{
	const char *at = wsc_scan_after(json, key);
	size_t n;

	if (at == NULL || *at != '"')
		return false;
	n = strcspn(at + 1, "\"");
	if (n >= size)
		return false;
	memcpy(out, at + 1, n);
	out[n] = '\0';
	return true;
}

void wsc_base64url(const char *in, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t i;

	for (i = 0; i < len; i += 3) {
		uint32_t group = (uint32_t)(uint8_t)in[i] << 16;

		group |= i + 1 < len ? (uint32_t)(uint8_t)in[i + 1] << 8 : 0;
		group |= i + 2 < len ? (uint32_t)(uint8_t)in[i + 2] : 0;
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		if (i + 1 < len)
			*out++ = digits[group >> 6 & 63];
		if (i + 2 < len)
			*out++ = digits[group & 63];
	}
	*out = '\0';
}
