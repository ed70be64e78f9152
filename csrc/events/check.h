/* check.h - whether an event's data is what the catalogue says. */
#ifndef WSM_EVENTS_CHECK_H
#define WSM_EVENTS_CHECK_H

#include "ws_manager.h"

struct wsm__event_type;

/* What of an event's data the catalogue does not allow. */
struct wsm__event_fault {
	char path[96];        /* "frame_data.fps"; "data" for the whole */
	const char *found;    /* "missing", "null", "a list" … */
	const char *expected; /* "a number" … */
	unsigned number;      /* 0 to 63: tells the faults of an event apart */
};

/* Whether the data is as the catalogue says; else what is wrong first. `data` is JSON that the host has encoded. */
bool wsm__event_check(const struct wsm__event_type *event, wsm_slice data, struct wsm__event_fault *fault);

#endif
