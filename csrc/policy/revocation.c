#include "policy/revocation.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/siphash.h"
#include "base/slice.h"

struct wsm__revoked {
	UT_hash_handle hh;
	uint64_t before_ms; /* of a user */
	uint64_t until_ms;
	size_t len;
	char name[]; /* jti, or user id */
};

void wsm__revocations_init(struct wsm__revocations *revocations, size_t max, const uint8_t key[16])
{
	memset(revocations, 0, sizeof(*revocations));
	pthread_mutex_init(&revocations->lock, NULL);
	revocations->max = max;
	memcpy(revocations->key, key, sizeof(revocations->key));
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
	if (what->before_ms > revoked->before_ms)
		revoked->before_ms = what->before_ms;
	if (what->until_ms > revoked->until_ms)
		revoked->until_ms = what->until_ms;
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

int wsm__revocations_remove(struct wsm__revocations *revocations, wsm_slice jti, wsm_slice user_id)
{
	struct wsm__revoked **table = jti.len ? &revocations->tokens : &revocations->users, *revoked;

	pthread_mutex_lock(&revocations->lock);
	revoked = find(revocations, *table, jti.len ? jti : user_id);
	if (revoked) {
		HASH_DEL(*table, revoked);
		revocations->count--;
	}
	pthread_mutex_unlock(&revocations->lock);
	free(revoked);
	return revoked ? WSM_OK : WSM_ENOTFOUND;
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
