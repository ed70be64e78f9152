/*
 * copies.c - finding the first copy of the addon in this process.
 *
 * Bundlers and package managers may put the addon's file in several places, and Node loads each of them with a state of its
 * own (RTLD_LOCAL). Every copy exports one function whose name has the version in it; the copy that the loader lists first
 * is the one whose code and state all others use, on all threads. Copies of other versions keep to themselves. No copy is
 * ever unloaded: its threads may be running, and others may be using it.
 */
#include "copies.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

struct search {
	addon_init_fn found;
};

static int look(struct dl_phdr_info *info, size_t size, void *data)
{
	static const char suffix[] = "ws_manager.node";
	struct search *search = data;
	size_t len = info->dlpi_name ? strlen(info->dlpi_name) : 0;
	void *handle, *symbol;

	(void)size;
	if (len < sizeof(suffix) - 1 || strcmp(info->dlpi_name + len - (sizeof(suffix) - 1), suffix) != 0)
		return 0;
	handle = dlopen(info->dlpi_name, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
	if (!handle)
		return 0;
	symbol = dlsym(handle, ADDON_ENTRY_NAME);
	dlclose(handle);
	if (symbol)
		memcpy(&search->found, &symbol, sizeof(symbol));
	return symbol != NULL;
}

/*
 * libwebsockets loads its libuv support with the runtime and unloads it when that stops, and with it the system's libuv,
 * whose destructor (uv_library_shutdown) is resolved to Node's: it would end Node's thread pool in the middle of its life.
 * So the system's libuv stays until the process ends; Node has shut its own down by then.
 */
static void pin_libuv(void)
{
	(void)dlopen("libuv.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
}

addon_init_fn addon_first_copy(addon_init_fn own)
{
	struct search search = { NULL };
	Dl_info file;

	pin_libuv();

	/* Not unloaded even if it is not found below, under whatever name it was loaded. */
	if (dladdr((void *)(uintptr_t)own, &file) && file.dli_fname)
		(void)dlopen(file.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
	dl_iterate_phdr(look, &search);
	return search.found == own ? NULL : search.found;
}
