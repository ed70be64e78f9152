/* Checks an event's data against the catalogue, in one pass over the members and without memory. */
#include "events/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/catalogue.h"
#include "wire/json.h"

#define FIELDS_MAX 64
#define NUMBER_MAX 32 /* a longer number passes unchecked */

struct place {
	const char *inside; /* name of the object that it is in, or NULL */
	unsigned first;     /* number of its first field */
	struct wsm__event_fault *fault;
};

static const char *const expectations[] = {
	[WSM__FIELD_ANY] = "something",     [WSM__FIELD_STRING] = "a text",
	[WSM__FIELD_NUMBER] = "a number",   [WSM__FIELD_INTEGER] = "an integer",
	[WSM__FIELD_BOOLEAN] = "a boolean", [WSM__FIELD_OBJECT] = "an object",
	[WSM__FIELD_LIST] = "a list",       [WSM__FIELD_STRINGS] = "a list of texts",
};

static const char *name_of(wsm_slice json)
{
	switch (json.len ? json.data[0] : '\0') {
	case '\0':
		return "missing";
	case 'n':
		return "null";
	case '"':
		return "a text";
	case '{':
		return "an object";
	case '[':
		return "a list";
	case 't':
	case 'f':
		return "a boolean";
	default:
		return "a number";
	}
}

static bool is_number(wsm_slice json)
{
	return json.data[0] == '-' || (json.data[0] >= '0' && json.data[0] <= '9');
}

/* Returns whether a number is an integer: 12, or 12.0, as some languages write it. */
static bool is_integer(wsm_slice json)
{
	char text[NUMBER_MAX];
	double value;

	if (!is_number(json))
		return false;
	if (json.len >= sizeof text || (!memchr(json.data, '.', json.len) && !memchr(json.data, 'e', json.len) &&
	                                !memchr(json.data, 'E', json.len)))
		return true;
	memcpy(text, json.data, json.len);
	text[json.len] = '\0';
	value = strtod(text, NULL);
	return value > 9e15 || value < -9e15 || value == (double)(long long)value;
}

static bool is_one_of(wsm_slice json, const char *const *values)
{
	for (; *values; values++)
		if (json.len == strlen(*values) + 2 && !memcmp(json.data + 1, *values, json.len - 2))
			return true;
	return false;
}

/* Returns whether all members of a list are strings. The brackets balance: host/route.c has checked that. */
static bool is_strings(wsm_slice json)
{
	bool expected = true;

	for (size_t i = 1; i + 1 < json.len; i++) {
		char c = json.data[i];

		if (c == '"' && expected) {
			for (i++; i + 1 < json.len && json.data[i] != '"'; i++)
				if (json.data[i] == '\\')
					i++;
			expected = false;
		} else if (c == ',') {
			expected = true;
		} else if (!strchr(" \t\r\n", c)) {
			return false;
		}
	}
	return true;
}

static bool fits(const struct wsm__field *field, wsm_slice json)
{
	char first = json.data[0];

	if (first == 'n')
		return field->nullable || field->kind == WSM__FIELD_ANY;
	switch (field->kind) {
	case WSM__FIELD_STRING:
		return first == '"' && (!field->values || is_one_of(json, field->values));
	case WSM__FIELD_NUMBER:
		return is_number(json);
	case WSM__FIELD_INTEGER:
		return is_integer(json);
	case WSM__FIELD_BOOLEAN:
		return first == 't' || first == 'f';
	case WSM__FIELD_OBJECT:
		return first == '{';
	case WSM__FIELD_LIST:
		return first == '[';
	case WSM__FIELD_STRINGS:
		return first == '[' && is_strings(json);
	case WSM__FIELD_ANY:
		break;
	}
	return true;
}

static bool fail(const struct place *place, const struct wsm__field *field, unsigned number, wsm_slice json)
{
	struct wsm__event_fault *fault = place->fault;
	bool other = field->values && json.len && json.data[0] == '"';

	snprintf(fault->path, sizeof fault->path, "%s%s%s", place->inside ? place->inside : "",
	         place->inside ? "." : "", field->name);
	fault->found = other ? "another text" : name_of(json);
	fault->expected = field->values ? "one of its words" : expectations[field->kind];
	fault->number = number % FIELDS_MAX;
	return false;
}

static bool check(const struct place *place, const struct wsm__field *fields, wsm_slice object)
{
	wsm_slice values[FIELDS_MAX], name, value;
	size_t at = 0;
	unsigned n = 0;

	for (; fields[n].name && n < FIELDS_MAX; n++)
		values[n] = (wsm_slice){ NULL, 0 };
	while (wsm__json_next(object, &at, &name, &value) == 1)
		for (unsigned i = 0; i < n; i++)
			if (fields[i].len == name.len && !values[i].len && !memcmp(fields[i].name, name.data, name.len))
				values[i] = value;
	for (unsigned i = 0; i < n; i++) {
		struct place inner = { fields[i].name, place->first + n, place->fault };

		if (!values[i].len ? fields[i].required : !fits(&fields[i], values[i]))
			return fail(place, &fields[i], place->first + i, values[i]);
		if (fields[i].fields && values[i].len && values[i].data[0] == '{' &&
		    !check(&inner, fields[i].fields, values[i]))
			return false;
	}
	return true;
}

bool wsm__event_check(const struct wsm__event_type *event, wsm_slice data, struct wsm__event_fault *fault)
{
	static const struct wsm__field whole = { .name = "data", .kind = WSM__FIELD_OBJECT };
	struct place place = { NULL, 0, fault };

	data = wsm__json_trim(data);
	if (!data.len || data.data[0] != '{')
		return fail(&place, &whole, FIELDS_MAX - 1, data);
	return check(&place, event->fields, data);
}
