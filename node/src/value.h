/*
 * value.h - plain JavaScript values, and those of C that they stand for.
 *
 * As everywhere in the addon: a function that returns napi_value gives NULL with a JavaScript exception pending when it
 * fails; one that returns bool gives false then.
 */
#ifndef WSM_NODE_VALUE_H
#define WSM_NODE_VALUE_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ws_manager.h"

/* True for napi_ok; else throws, unless an exception is pending already. */
bool addon_ok(napi_env env, napi_status status);
/* Throws a TypeError: `what` must be `wanted`. False. */
bool addon_type_error(napi_env env, const char *what, const char *wanted);

napi_value addon_undefined(napi_env env);
napi_value addon_string_value(napi_env env, const char *data, size_t len);
napi_value addon_number(napi_env env, double number);

/* Whether it is undefined or null. */
bool addon_is_none(napi_env env, napi_value value);
/* Bytes of a Buffer or other Uint8Array; borrowed. False without an exception if it is none. */
bool addon_bytes(napi_env env, napi_value value, wsm_slice *out);
/* Numbers of connections and tickets: they stay below 2^53. `what` names it in the TypeError. */
bool addon_uint64(napi_env env, napi_value value, const char *what, uint64_t *out);
/* undefined and null are 0. */
bool addon_uint(napi_env env, napi_value value, const char *what, unsigned *out);
bool addon_bool(napi_env env, napi_value value, bool *out);
/* A property of an object; undefined where it is missing. */
napi_value addon_get(napi_env env, napi_value object, const char *name);

#endif
