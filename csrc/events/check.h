/* check.h - checks an event's data against the catalogue. */
#ifndef WSM_EVENTS_CHECK_H
#define WSM_EVENTS_CHECK_H

#include "ws_manager.h"

struct wsm__event_type;

/* A fault in an event's data. */
struct wsm__event_fault {
	char path[96];        /* "frame_data.fps"; "data" for the whole */
	const char *found;    /* "missing", "null", "a list" … */
	const char *expected; /* "a number" … */
	unsigned number;      /* 0 to 63, by the field at fault */
};

/* Returns whether the data is as the catalogue says; if not, fills `fault` with the first fault. `data`: JSON of the host. */
bool wsm__event_check(const struct wsm__event_type *event, wsm_slice data, struct wsm__event_fault *fault);

#endif
