#include "policy/unsaved.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "base/slice.h"

static unsigned hash_of(const struct wsm__unsaved *unsaved, wsm_slice name)
{
	return (unsigned)wsm__siphash(name.data, name.len, unsaved->key);
}

static struct wsm__unsaved_name *find(const struct wsm__unsaved *unsaved, wsm_slice name)
{
	struct wsm__unsaved_name *found = NULL;

	if (unsaved->names && name.len)
		HASH_FIND_BYHASHVALUE(hh, unsaved->names, name.data, (unsigned)name.len, hash_of(unsaved, name), found);
	return found;
}

static void enter(struct wsm__unsaved *unsaved, struct wsm__unsaved_name *name)
{
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, unsaved->names, name->text, (unsigned)name->len,
	                            hash_of(unsaved, wsm__slice(name->text, name->len)), name);
}

void wsm__unsaved_fini(struct wsm__unsaved *unsaved)
{
	struct wsm__unsaved_name *name;

	while ((name = wsm__unsaved_take(unsaved)) != NULL)
		free(name);
}

int wsm__unsaved_add(struct wsm__unsaved *unsaved, wsm_slice name)
{
	struct wsm__unsaved_name *made;

	if (find(unsaved, name))
		return WSM_OK;
	made = calloc(1, sizeof(*made) + name.len + 1);
	if (!made)
		return WSM_ENOMEM;
	memcpy(made->text, name.data, name.len);
	made->len = name.len;
	enter(unsaved, made);
	return WSM_OK;
}

bool wsm__unsaved_has(const struct wsm__unsaved *unsaved, wsm_slice name)
{
	return find(unsaved, name) != NULL;
}

size_t wsm__unsaved_count(const struct wsm__unsaved *unsaved)
{
	return HASH_COUNT(unsaved->names);
}

struct wsm__unsaved_name *wsm__unsaved_take(struct wsm__unsaved *unsaved)
{
	struct wsm__unsaved_name *name = unsaved->names;

	if (name)
		HASH_DEL(unsaved->names, name);
	return name;
}

void wsm__unsaved_put_back(struct wsm__unsaved *unsaved, struct wsm__unsaved_name *name)
{
	if (find(unsaved, wsm__slice(name->text, name->len)))
		free(name);
	else
		enter(unsaved, name);
}
