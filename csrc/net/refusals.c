#include "net/refusals.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/slice.h"
#include "wire/utf8.h"

const char *wsm__log_text(char *out, size_t size, wsm_slice text)
{
	size_t at = 0, len = 0;

	while (at < text.len) {
		uint32_t c;
		size_t n = wsm__utf8_decode(text, at, &c);
		/* Control characters, and those by which text is shown in another order than it is in. */
		bool hidden = !n || c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 ||
		              (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
		size_t width = hidden ? 1 : n;

		if (len + width >= size)
			break;
		memcpy(out + len, hidden ? "?" : text.data + at, width);
		len += width;
		at += n ? n : 1;
	}
	out[len] = '\0';
	return out;
}

void wsm__refusal_tell(wsm_runtime *runtime, enum wsm__refused kind, const char *format, ...)
{
	struct wsm__refusals *refusals = &runtime->refusals[kind];
	uint64_t now = wsm__mono_us() / 1000;
	unsigned long long since = atomic_load(&refusals->since_ms);
	char line[440], more[48] = "";
	unsigned long untold;
	va_list args;

	if ((!since || now - since >= 60000) && atomic_compare_exchange_strong(&refusals->since_ms, &since, now))
		atomic_store(&refusals->told, 0);
	if (atomic_fetch_add(&refusals->told, 1) >= WSM__REFUSALS_A_MINUTE) {
		atomic_fetch_add(&refusals->untold, 1);
		return;
	}
	untold = atomic_exchange(&refusals->untold, 0);
	if (untold)
		snprintf(more, sizeof(more), " (%lu more were not written)", untold);
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	wsm__log(runtime, WSM_WARNING, "refused: %s%s", line, more);
}
