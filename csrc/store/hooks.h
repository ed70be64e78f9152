/* hooks.h - what tests put in the place of the machine: another boot, a process that dies at a certain point. */
#ifndef WSM_STORE_HOOKS_H
#define WSM_STORE_HOOKS_H

#include <stddef.h>

struct wsm__store_hooks {
	const char *boot_id_file; /* NULL: the kernel's */
	/* Called on the store thread where it stands: "commit", "committed", "checkpoint", "prune", "migration". NULL: nobody. */
	void (*at)(void *context, const char *point);
	void *context;
	/* Scripts that lead from each version of the schema to the next, in place of the store's own. */
	const char *const *migrations;
	size_t n_migrations;
};

#endif
