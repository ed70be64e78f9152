/* catalogue.h - the event catalogue for the core; csrc/events/generate.py writes the table in catalogue.c. */
#ifndef WSM_EVENTS_CATALOGUE_H
#define WSM_EVENTS_CATALOGUE_H

#include "ws_manager.h"

enum wsm__field_kind {
	WSM__FIELD_ANY,
	WSM__FIELD_STRING,
	WSM__FIELD_NUMBER,
	WSM__FIELD_INTEGER,
	WSM__FIELD_BOOLEAN,
	WSM__FIELD_OBJECT,
	WSM__FIELD_LIST,
	WSM__FIELD_STRINGS /* a list of them */
};

/* A member of an event's data, or of an object in it. A table ends with a row without a name. */
struct wsm__field {
	const char *name;
	size_t len;                      /* of the name */
	const char *const *values;       /* all texts that are allowed, NULL-terminated; NULL: any */
	const struct wsm__field *fields; /* members of an object; NULL: any */
	enum wsm__field_kind kind;
	bool required, nullable;
};

struct wsm__event_type {
	const char *type; /* "story_created" */
	/* templates, of which the first with all its members counts: "@user:{user_id}|project:{project_id}"; else @all */
	const char *room;
	const char *key;            /* template of the conflation / throttle key, "pipeline:{pipeline_id}"; NULL */
	const char *const *routing; /* names copied from data to the top level, NULL-terminated */
	const struct wsm__field *fields;
	double max_rate; /* 0: none */
	wsm_priority priority;
	wsm_level level; /* WSM_LEVEL_NONE: taken from the member "level" of data, if there is one */
	bool conflate;   /* only the newest of a key is worth sending: no history, no offset */
	bool history;    /* kept in the room's history */
	bool flat;       /* flat shape: {"event_type":…, <fields>} */
};

/* The number of events; each has a place from 0. */
extern const size_t wsm__event_types;
size_t wsm__event_type_place(const struct wsm__event_type *event);

/* Returns NULL if the catalogue has no such event. */
const struct wsm__event_type *wsm__event_type_find(wsm_slice type);
/* Routing members of events that are not in the catalogue; NULL-terminated. */
extern const char *const wsm__routing_default[];

#endif
