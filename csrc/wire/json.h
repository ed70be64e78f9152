/*
 * json.h - reads the top level of JSON text without parsing all of it.
 *
 * For text that the host has encoded: it should be JSON, but no text makes these functions read out of bounds. Clients' text goes
 * through jansson (command.h).
 */
#ifndef WSM_WIRE_JSON_H
#define WSM_WIRE_JSON_H

#include "ws_manager.h"

/* Strips JSON white space from both ends. */
wsm_slice wsm__json_trim(wsm_slice text);

/*
 * Iterates over the members of an object, `text` (trimmed). `name` is the raw content between the quotes (escapes not decoded),
 * `value` the raw text of the value, trimmed. Start with *position = 0. Returns 1 for a member, 0 at the end, WSM_EJSON if it is
 * no object or broken (unbalanced, missing colon or comma, a bare word, text after the end). Checks nested values for balanced
 * brackets only, and below 4096 levels not for the kind of bracket.
 */
int wsm__json_next(wsm_slice text, size_t *position, wsm_slice *name, wsm_slice *value);

/* Finds the value of the first member called `name` (plain ASCII). Returns false if there is none or the text is no object. */
bool wsm__json_get(wsm_slice text, const char *name, wsm_slice *value);

/* Returns whether the text has the structure of a JSON object: brackets and strings balance, and members are well separated. */
bool wsm__json_is_object(wsm_slice text);

/* Returns whether `name`, as wsm__json_next() gives it, is `word` (at most 255 bytes) with its escapes decoded. */
bool wsm__json_name_is(wsm_slice name, wsm_slice word);

/*
 * Returns whether arrays and objects nest at most `max` deep, and nothing else about the text. Linear and without recursion: call it
 * before a parser that recurses.
 */
bool wsm__json_depth_within(wsm_slice text, unsigned max);

/*
 * Decodes a JSON string value (with its quotes) into `out` as UTF-8, with a NUL if there is room for one. Returns the length; -1 if it
 * is no string (also for a lone surrogate or bytes that are not UTF-8) or does not fit.
 */
int wsm__json_string(wsm_slice value, char *out, size_t size);

#endif
