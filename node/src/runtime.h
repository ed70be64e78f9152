/* runtime.h - the JavaScript class Runtime. The package's own modules use it; applications never see it. */
#ifndef WSM_NODE_RUNTIME_H
#define WSM_NODE_RUNTIME_H

#include <node_api.h>
#include <stdbool.h>

bool addon_runtime_define(napi_env env, napi_value exports);

#endif
