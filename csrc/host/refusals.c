#include "host/refusals.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/visible.h"
#include "host/log.h"
#include "policy/config.h"

#define RETRY_SECS 5              /* at most */
#define GOLDEN 0.6180339887498949 /* multiples of it, modulo 1, are spread evenly however many there are */

const char *wsm__log_text(char *out, size_t size, wsm_slice text)
{
	struct wsm__buffer visible;
	size_t len = 0;

	wsm__buffer_init(&visible);
	wsm__buffer_add_visible(&visible, text);
	if (visible.len)
		len = visible.len < size ? visible.len : size - 1;
	while (len && len < visible.len &&
	       ((unsigned char)visible.data[len] & 0xc0u) == 0x80) /* do not cut a character in two */
		len--;
	if (len)
		memcpy(out, visible.data, len);
	out[len] = '\0';
	wsm__buffer_fini(&visible);
	return out;
}

void wsm__refusal_tell(wsm_runtime *runtime, enum wsm__refused kind, const char *format, ...)
{
	struct wsm__refusals *refusals = &runtime->refusals[kind];
	uint64_t now = wsm__mono_us() / 1000;
	unsigned long long since = atomic_load(&refusals->since_ms);
	char line[900], more[48] = "";
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

/* ---- what a refused client is told ------------------------------------------------------------------------------ */

unsigned wsm__retry_after(double drain_spread, uint64_t number)
{
	double window = drain_spread < RETRY_SECS ? drain_spread : RETRY_SECS, phase = (double)(number % 4096) * GOLDEN;

	return 1 + (unsigned)((phase - (unsigned)phase) * window);
}

unsigned wsm_retry_after(wsm_runtime *runtime)
{
	return wsm__retry_after(runtime->config->drain_spread, atomic_fetch_add(&runtime->n_refused, 1));
}

unsigned wsm_refusal_code(unsigned http_status)
{
	switch (http_status) {
	case 401:
		return 4401;
	case 403:
		return 4403;
	case 429:
		return 4429;
	case 503:
		return 1013;
	default:
		return 4400;
	}
}
