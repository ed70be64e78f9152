/* errors.h - JavaScript errors for the statuses of the core. */
#ifndef WSM_NODE_ERRORS_H
#define WSM_NODE_ERRORS_H

#include <node_api.h>

#include "ws_manager.h"

/* The Error of a status: thrown (NULL), or made for a promise. `error` may be NULL. */
napi_value addon_raise(napi_env env, int status, const wsm_error *error);
napi_value addon_error(napi_env env, int status, const wsm_error *error);
/* undefined, or addon_raise(). */
napi_value addon_result(napi_env env, int status, const wsm_error *error);
/* Table of statuses for JavaScript, by minus the status: [[name, code, sentence], …]. */
napi_value addon_status_table(napi_env env);

#endif
