#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "base/visible.h"

/* A quoted value may be hostile: it must not forge lines of a log, or bring bytes that are no text. */
static size_t copy_text(char *out, size_t size, wsm_slice text)
{
	size_t at = 0, written = 0;

	while (at < text.len) {
		uint32_t code_point;
		size_t n = wsm__utf8_decode(text, at, &code_point);
		bool printable = n > 0 && !wsm__hidden(code_point);
		size_t width = printable ? n : 1;

		if (width > size - 1 - written)
			break;
		if (printable)
			memcpy(out + written, text.data + at, n);
		else
			out[written] = '?';
		written += width;
		at += n > 0 ? n : 1;
	}
	out[written] = '\0';
	return written;
}

int wsm__fail(wsm_error *error, int status, const char *format, ...)
{
	char draft[sizeof(error->message) + 4]; /* a sequence that the cut splits is whole here */
	va_list arguments;
	int n;

	if (!error)
		return status;
	va_start(arguments, format);
	n = vsnprintf(draft, sizeof(draft), format, arguments);
	va_end(arguments);
	error->status = status;
	if (n < 0)
		n = snprintf(draft, sizeof(draft), "%s", wsm_status_text(status));
	if ((size_t)n >= sizeof(draft))
		n = (int)sizeof(draft) - 1;
	copy_text(error->message, sizeof(error->message), wsm__slice(draft, (size_t)n));
	return status;
}
