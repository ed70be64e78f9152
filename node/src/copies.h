/*
 * copies.h - the first copy of the addon in this process.
 *
 * Where the addon's file has been loaded more than once (copies under several paths: bundles, standalone builds), the code of the
 * first copy serves all of them, so that there is one state.
 */
#ifndef WSM_NODE_COPIES_H
#define WSM_NODE_COPIES_H

#include <node_api.h>

#include "ws_manager.h"

typedef napi_value (*addon_init_fn)(napi_env env, napi_value exports);

/* The name under which a copy exports what the others call. It is no name of C's, as the version stands in it. */
#define ADDON_ENTRY_NAME "ws_manager_addon_" WSM_VERSION

/* What the first copy exports under that name; NULL: that is `own`. */
addon_init_fn addon_first_copy(addon_init_fn own);

#endif
