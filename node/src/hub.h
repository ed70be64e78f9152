/*
 * hub.h - runtimes of the process, which environments share: the default manager of a process is one hub, whichever thread or
 * bundle asks for it.
 *
 * This is the addon's only process-wide state. A hub lives as long as somebody has a reference; the last to go stops its
 * runtime and frees it. Any thread.
 */
#ifndef WSM_NODE_HUB_H
#define WSM_NODE_HUB_H

#include <stdbool.h>

#include "ws_manager.h"

struct hub;
struct routes;

/*
 * A reference to the hub of that name, or to one of its own for "". A hub that runs is joined whatever its settings; one that
 * does not is joined where `fingerprint`, the text of its configuration, is the same, else replaced under that name.
 * NULL with `error`.
 */
struct hub *addon_hub_join(const char *name, const char *fingerprint, const wsm_config *config, wsm_error *error);
/* For work that outlives the call. */
struct hub *addon_hub_ref(struct hub *hub);
void addon_hub_unref(struct hub *hub);

wsm_runtime *addon_hub_runtime(const struct hub *hub);
struct routes *addon_hub_routes(const struct hub *hub);
/* The text of the configuration that its runtime was made with. */
const char *addon_hub_fingerprint(const struct hub *hub);
/* Whether it was stopped on purpose, by any of its seats, and not started since. */
bool addon_hub_stopped(struct hub *hub);
void addon_hub_set_stopped(struct hub *hub, bool stopped);

#endif
