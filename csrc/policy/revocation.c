#include "policy/revocation.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/siphash.h"
#include "base/slice.h"
#include "policy/jwt.h"
#include "wire/name.h"

struct wsm__revoked {
	UT_hash_handle hh;
	uint64_t before_ms; /* of a user */
	uint64_t until_ms;
	size_t len;
	char name[]; /* jti, or user id */
};

void wsm__revocations_init(struct wsm__revocations *revocations, size_t max, const uint8_t key[16], bool stored)
{
	memset(revocations, 0, sizeof(*revocations));
	pthread_mutex_init(&revocations->lock, NULL);
	revocations->max = max;
	revocations->stored = stored;
	memcpy(revocations->key, key, sizeof(revocations->key));
	memcpy(revocations->unsaved.key, key, sizeof(revocations->key));
}

static void expire(struct wsm__revocations *revocations, struct wsm__revoked **table, uint64_t now_ms)
{
	struct wsm__revoked *revoked, *next;

	HASH_ITER(hh, *table, revoked, next) {
		if (revoked->until_ms > now_ms)
			continue;
		HASH_DEL(*table, revoked);
		free(revoked);
		revocations->count--;
	}
}

static void expire_both(struct wsm__revocations *revocations, uint64_t now_ms)
{
	expire(revocations, &revocations->tokens, now_ms);
	expire(revocations, &revocations->users, now_ms);
}

void wsm__revocations_expire(struct wsm__revocations *revocations, uint64_t now_ms)
{
	pthread_mutex_lock(&revocations->lock);
	expire_both(revocations, now_ms);
	pthread_mutex_unlock(&revocations->lock);
}

void wsm__revocations_fini(struct wsm__revocations *revocations)
{
	wsm__revocations_expire(revocations, UINT64_MAX);
	wsm__unsaved_fini(&revocations->unsaved);
	pthread_mutex_destroy(&revocations->lock);
}

static unsigned hash_of(const struct wsm__revocations *revocations, wsm_slice name)
{
	return (unsigned)wsm__siphash(name.data, name.len, revocations->key);
}

static struct wsm__revoked *find(const struct wsm__revocations *revocations, struct wsm__revoked *table, wsm_slice name)
{
	struct wsm__revoked *revoked = NULL;

	if (table && name.len)
		HASH_FIND_BYHASHVALUE(hh, table, name.data, (unsigned)name.len, hash_of(revocations, name), revoked);
	return revoked;
}

static struct wsm__revoked *make(struct wsm__revocations *revocations, struct wsm__revoked **table, wsm_slice name)
{
	struct wsm__revoked *revoked = calloc(1, sizeof(*revoked) + name.len + 1);

	if (!revoked)
		return NULL;
	memcpy(revoked->name, name.data, name.len);
	revoked->len = name.len;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, *table, revoked->name, (unsigned)name.len, hash_of(revocations, name), revoked);
	revocations->count++;
	return revoked;
}

/* ---- changes that are not in the store yet ------------------------------------------------------------------------- */

#define NAME_MAX (1 + (WSM__JTI_MAX > WSM__ID_MAX ? WSM__JTI_MAX : WSM__ID_MAX))

static int note(struct wsm__revocations *revocations, bool token, wsm_slice name)
{
	char text[NAME_MAX];

	if (!revocations->stored)
		return WSM_OK;
	text[0] = token ? 't' : 'u';
	memcpy(text + 1, name.data, name.len);
	return wsm__unsaved_add(&revocations->unsaved, wsm__slice(text, name.len + 1));
}

/* The table and the name within it of a name in the store; NULL: it is none. */
static struct wsm__revoked **table_of(struct wsm__revocations *revocations, wsm_slice *name)
{
	char kind = name->len > 1 ? name->data[0] : '\0';

	if (kind != 't' && kind != 'u')
		return NULL;
	*name = wsm__slice(name->data + 1, name->len - 1);
	return kind == 't' ? &revocations->tokens : &revocations->users;
}

bool wsm__revocations_take(struct wsm__revocations *revocations, struct wsm__revocation_change *change)
{
	struct wsm__revoked *const *table, *revoked = NULL;
	wsm_slice name;

	memset(change, 0, sizeof(*change));
	pthread_mutex_lock(&revocations->lock);
	change->name = wsm__unsaved_take(&revocations->unsaved);
	if (change->name) {
		name = wsm__slice(change->name->text, change->name->len);
		table = table_of(revocations, &name);
		revoked = table ? find(revocations, *table, name) : NULL;
	}
	if (revoked) {
		change->before_ms = revoked->before_ms;
		change->until_ms = revoked->until_ms;
	}
	pthread_mutex_unlock(&revocations->lock);
	return change->name != NULL;
}

void wsm__revocations_put_back(struct wsm__revocations *revocations, struct wsm__unsaved_name *name)
{
	pthread_mutex_lock(&revocations->lock);
	wsm__unsaved_put_back(&revocations->unsaved, name);
	pthread_mutex_unlock(&revocations->lock);
}

size_t wsm__revocations_unsaved(struct wsm__revocations *revocations)
{
	size_t count;

	pthread_mutex_lock(&revocations->lock);
	count = wsm__unsaved_count(&revocations->unsaved);
	pthread_mutex_unlock(&revocations->lock);
	return count;
}

static void extend(struct wsm__revoked *revoked, uint64_t before_ms, uint64_t until_ms)
{
	if (before_ms > revoked->before_ms)
		revoked->before_ms = before_ms;
	if (until_ms > revoked->until_ms)
		revoked->until_ms = until_ms;
}

static bool load(struct wsm__revocations *revocations, wsm_slice kept, uint64_t before_ms, uint64_t until_ms)
{
	wsm_slice name = kept;
	struct wsm__revoked **table = table_of(revocations, &name), *revoked;

	if (!table)
		return false;
	revoked = find(revocations, *table, name);
	if (!revoked &&
	    wsm__unsaved_has(&revocations->unsaved, kept)) /* it was taken back: the store will hear of it */
		return true;
	if (!revoked)
		revoked = make(revocations, table, name);
	if (revoked)
		extend(revoked, before_ms, until_ms);
	return revoked != NULL;
}

bool wsm__revocations_load(struct wsm__revocations *revocations, wsm_slice name, uint64_t before_ms, uint64_t until_ms)
{
	bool ok;

	pthread_mutex_lock(&revocations->lock);
	ok = load(revocations, name, before_ms, until_ms);
	pthread_mutex_unlock(&revocations->lock);
	return ok;
}

void wsm__revocations_loaded(struct wsm__revocations *revocations)
{
	pthread_mutex_lock(&revocations->lock);
	revocations->loaded = true;
	pthread_mutex_unlock(&revocations->lock);
}

/* ---- what is revoked ----------------------------------------------------------------------------------------------- */

static int add(struct wsm__revocations *revocations, const wsm_revocation *what, uint64_t now_ms, wsm_error *error)
{
	struct wsm__revoked **table = what->jti.len ? &revocations->tokens : &revocations->users;
	wsm_slice name = what->jti.len ? what->jti : what->user_id;
	struct wsm__revoked *revoked = find(revocations, *table, name);

	if (!revoked && revocations->count >= revocations->max)
		expire_both(revocations, now_ms);
	if (!revoked && revocations->count >= revocations->max)
		return wsm__fail(error, WSM_EOVERLOADED,
		                 "there are %zu revocations already (max_revocations): raise it, or change the key",
		                 revocations->max);
	if (!revoked)
		revoked = make(revocations, table, name);
	if (!revoked)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	extend(revoked, what->before_ms, what->until_ms);
	if (note(revocations, what->jti.len != 0, name))
		return wsm__fail(error, WSM_ENOMEM, "out of memory: it is revoked, but not kept in the store");
	return WSM_OK;
}

int wsm__revocations_add(struct wsm__revocations *revocations, const wsm_revocation *what, uint64_t now_ms,
                         wsm_error *error)
{
	int status;

	pthread_mutex_lock(&revocations->lock);
	status = add(revocations, what, now_ms, error);
	pthread_mutex_unlock(&revocations->lock);
	return status;
}

static int take_back(struct wsm__revocations *revocations, bool token, wsm_slice name)
{
	struct wsm__revoked **table = token ? &revocations->tokens : &revocations->users;
	struct wsm__revoked *revoked = find(revocations, *table, name);
	bool unknown = revocations->stored && !revocations->loaded;

	if (!revoked && !unknown)
		return WSM_ENOTFOUND;
	if (!revoked && wsm__unsaved_count(&revocations->unsaved) >= revocations->max)
		return WSM_EOVERLOADED;
	if (note(revocations, token, name))
		return WSM_ENOMEM;
	if (revoked) {
		HASH_DEL(*table, revoked);
		revocations->count--;
		free(revoked);
	}
	return WSM_OK;
}

int wsm__revocations_remove(struct wsm__revocations *revocations, wsm_slice jti, wsm_slice user_id)
{
	int status;

	pthread_mutex_lock(&revocations->lock);
	status = take_back(revocations, jti.len != 0, jti.len ? jti : user_id);
	pthread_mutex_unlock(&revocations->lock);
	return status;
}

bool wsm__revocations_hit(struct wsm__revocations *revocations, wsm_slice user_id, wsm_slice jti, uint64_t issued_ms)
{
	const struct wsm__revoked *user;
	bool hit;

	pthread_mutex_lock(&revocations->lock);
	user = find(revocations, revocations->users, user_id);
	hit = find(revocations, revocations->tokens, jti) || (user && issued_ms < user->before_ms);
	pthread_mutex_unlock(&revocations->lock);
	return hit;
}

size_t wsm__revocations_count(struct wsm__revocations *revocations)
{
	size_t count;

	pthread_mutex_lock(&revocations->lock);
	count = revocations->count;
	pthread_mutex_unlock(&revocations->lock);
	return count;
}

void wsm__revocations_list(struct wsm__revocations *revocations, struct wsm__buffer *out)
{
	const struct wsm__revoked *revoked;
	const char *comma = "";

	wsm__buffer_add_str(out, "[");
	pthread_mutex_lock(&revocations->lock);
	for (revoked = revocations->tokens; revoked; revoked = revoked->hh.next) {
		wsm__buffer_addf(out, "%s{\"jti\":", comma);
		wsm__buffer_add_json(out, wsm__slice(revoked->name, revoked->len));
		wsm__buffer_addf(out, ",\"until\":%llu}", (unsigned long long)revoked->until_ms);
		comma = ",";
	}
	for (revoked = revocations->users; revoked; revoked = revoked->hh.next) {
		wsm__buffer_addf(out, "%s{\"user_id\":", comma);
		wsm__buffer_add_json(out, wsm__slice(revoked->name, revoked->len));
		wsm__buffer_addf(out, ",\"before\":%llu,\"until\":%llu}", (unsigned long long)revoked->before_ms,
		                 (unsigned long long)revoked->until_ms);
		comma = ",";
	}
	pthread_mutex_unlock(&revocations->lock);
	wsm__buffer_add_str(out, "]");
}
