/*
 * json.h - looking at the top level of JSON text without parsing it.
 *
 * For text that the host encoded: trusted to be JSON, but never read out of bounds whatever it is. Clients' text goes
 * through jansson instead (command.h).
 */
#ifndef WSM_WIRE_JSON_H
#define WSM_WIRE_JSON_H

#include "ws_manager.h"

/* Strips JSON white space from both ends. */
wsm_slice wsm__json_trim(wsm_slice text);

/*
 * Iterates over the members of the object that `text` (trimmed) is. `name` is the raw content between the quotes (escapes
 * not decoded), `value` the raw text of the value, trimmed. Start with *position = 0. Returns 1 for a member, 0 at the
 * end, WSM_EJSON if it is no object or broken (unbalanced, missing colon or comma, text after the end).
 */
int wsm__json_next(wsm_slice text, size_t *position, wsm_slice *name, wsm_slice *value);

/* Value of the first member called `name` (plain ASCII); false if there is none or the text is no object. */
bool wsm__json_get(wsm_slice text, const char *name, wsm_slice *value);

/* True for a JSON object, by structure: braces, strings and brackets balance and members are well separated. */
bool wsm__json_is_object(wsm_slice text);

/* Decodes a JSON string value (with its quotes) into `out` as UTF-8; -1 if it is none or does not fit. Length otherwise. */
int wsm__json_string(wsm_slice value, char *out, size_t size);

#endif
