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
 * end, WSM_EJSON if it is no object or broken (unbalanced, missing colon or comma, a bare word, text after the end). The
 * inside of nested values is looked at for balance only, below 4096 levels without telling the kinds of brackets apart.
 */
int wsm__json_next(wsm_slice text, size_t *position, wsm_slice *name, wsm_slice *value);

/* Value of the first member called `name` (plain ASCII); false if there is none or the text is no object. */
bool wsm__json_get(wsm_slice text, const char *name, wsm_slice *value);

/* True for a JSON object, by structure: braces, strings and brackets balance and members are well separated. */
bool wsm__json_is_object(wsm_slice text);

/* Whether `name`, as wsm__json_next() gives it, reads `word` (at most 255 bytes) once its escapes are decoded. */
bool wsm__json_name_is(wsm_slice name, wsm_slice word);

/*
 * Whether arrays and objects nest at most `max` deep. Linear and without recursion, so that it can stand before a parser
 * that recurses; says nothing else about the text.
 */
bool wsm__json_depth_within(wsm_slice text, unsigned max);

/*
 * Decodes a JSON string value (with its quotes) into `out` as UTF-8; -1 if it is none (also for a lone surrogate or bytes
 * that are not UTF-8) or does not fit. The length otherwise, and a NUL behind it where there is room for one.
 */
int wsm__json_string(wsm_slice value, char *out, size_t size);

#endif
