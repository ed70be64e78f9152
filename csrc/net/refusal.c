#include "net/refusal.h"

#include "base/clock.h"
#include "net/runtime.h"

#define LINES_RATE 2.0 /* a second */
#define LINES_BURST 20.0
#define VALUE_MAX 200 /* bytes */

void wsm__refusals_init(struct wsm__refusals *refusals)
{
	pthread_mutex_init(&refusals->lock, NULL);
	wsm__bucket_init(&refusals->lines, LINES_BURST, wsm__mono_us() / 1000);
}

void wsm__refusals_fini(struct wsm__refusals *refusals)
{
	pthread_mutex_destroy(&refusals->lock);
}

/* Whether there is to be a line; `*left_out`: how many there were not before it. */
static bool may_tell(struct wsm__refusals *refusals, uint64_t *left_out)
{
	bool may;

	pthread_mutex_lock(&refusals->lock);
	may = wsm__bucket_take(&refusals->lines, 1, LINES_RATE, LINES_BURST, wsm__mono_us() / 1000);
	*left_out = refusals->left_out;
	refusals->left_out = may ? 0 : refusals->left_out + 1;
	pthread_mutex_unlock(&refusals->lock);
	return may;
}

void wsm__refusal_log(wsm_runtime *runtime, const char *what, wsm_slice ip, unsigned status, const char *why,
                      const char *name, wsm_slice value)
{
	uint64_t left_out;
	int len = (int)(value.len > VALUE_MAX ? VALUE_MAX : value.len);
	char more[64] = "";

	if (!may_tell(&runtime->refusals, &left_out))
		return;
	if (left_out)
		snprintf(more, sizeof(more), " (%llu more refusals before it without a line)",
		         (unsigned long long)left_out);
	wsm__log(runtime, WSM_WARNING, "%s of %.*s is refused (%u): %s%s%s%s%.*s%s%s", what, ip.len ? (int)ip.len : 18,
	         ip.len ? ip.data : "an unknown address", status, why, name ? "; " : "", name ? name : "",
	         name ? " \"" : "", name ? len : 0, value.data ? value.data : "", name ? "\"" : "", more);
}
