/* The public call. */
#include "base/error.h"
#include "base/slice.h"
#include "events/catalogue.h"
#include "events/check.h"
#include "host/handle.h"
#include "host/log.h"
#include "host/queue.h"
#include "host/receipt.h"
#include "host/route.h"
#include "policy/config.h"

/* Checks an event against the catalogue: logs each fault once, or fails, by option check_events. */
static int check_event(wsm_runtime *runtime, wsm_slice type, wsm_slice data, wsm_error *error)
{
	const struct wsm__event_type *event = wsm__event_type_find(type);
	struct wsm__event_fault fault;
	unsigned long long bit;

	if (!event || wsm__event_check(event, data, &fault))
		return WSM_OK;
	if (runtime->config->check_events[0] == 'e')
		return wsm__fail(error, WSM_EINVAL,
		                 "event \"%s\": %s is %s, not %s (docs/events.md; option check_events)", event->type,
		                 fault.path, fault.found, fault.expected);
	bit = 1ull << fault.number;
	if (!(atomic_fetch_or(&runtime->told[wsm__event_type_place(event)], bit) & bit))
		wsm__log(runtime, WSM_WARNING,
		         "event \"%s\": %s is %s, not %s: it was sent as it is, and pages show what they can of it "
		         "(docs/events.md; said once; option check_events)",
		         event->type, fault.path, fault.found, fault.expected);
	return WSM_OK;
}

int wsm_publish(wsm_runtime *runtime, const wsm_publication *publication, const void *payload, size_t len,
                wsm_receipt **receipt, wsm_error *error)
{
	struct wsm__publish *publish = NULL;
	int status = wsm__runtime_check(runtime, error);

	if (receipt)
		*receipt = NULL;
	if (status)
		return status;
	status = wsm__publish_check_size(runtime, len, error);
	if (status)
		return status;
	status = wsm__publish_new(publication, wsm__slice(payload, len), &publish, error);
	if (!status && publication->type.len && runtime->config->check_events[0] != 'o')
		status = check_event(runtime, publication->type, wsm__slice(payload, len), error);
	if (status) {
		wsm__publish_free(publish, NULL);
		return status;
	}
	if (receipt) {
		*receipt = publish->receipt = wsm__receipt_new(runtime, 2, publication->flags & WSM_PUBLISH_REPORT);
		if (!publish->receipt) {
			wsm__publish_free(publish, NULL);
			return wsm__fail(error, WSM_ENOMEM, "out of memory");
		}
	}
	publish->head.rank = publish->priority;
	status = wsm__post(runtime, &publish->head, false);
	if (status == WSM_ENOTRUNNING) {
		wsm__publish_free(publish, NULL);
		if (receipt) {
			wsm_receipt_unref(*receipt);
			*receipt = NULL;
		}
		return wsm__fail(error, WSM_ENOTRUNNING, "the runtime is not running");
	}
	if (status) { /* the receipt says so */
		wsm_delivery dropped = { .status = status };

		wsm__publish_free(publish, &dropped);
	}
	return WSM_OK;
}
