#include "policy/rules.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"
#include "wire/name.h"

struct wsm__pattern {
	struct wsm__pattern *prev, *next;
	struct wsm__room_rule rule;
	bool prefix; /* anything may follow `text` */
	size_t len;
	char text[];
};

static const struct wsm__room_rule unset = { .history_size = -1, .history_ttl = -1 };

/* ---- settings --------------------------------------------------------------------------------------------------- */

/* The words of each kind of setting; the index is the value of its enum. */
static const char *const who_words[] = { "", "anyone", "authenticated", "granted", "nobody", NULL };
static const char *const overflow_words[] = { "", "recover", "drop_oldest", "latest", "disconnect", NULL };
static const char *const where_words[] = { "", "memory", "disk", NULL };
static const char *const switch_words[] = { "", "on", "off", NULL };

enum kind { KIND_WORD, KIND_COUNT, KIND_SECS };

static const struct setting {
	const char *name;
	enum kind kind;
	const char *const *words;
	size_t offset;
	const char *must;
} settings[] = {
#define WHO(name)                                                                                                      \
	{ #name, KIND_WORD, who_words, offsetof(struct wsm__room_rule, name),                                          \
	  "anyone, authenticated, granted or nobody" }
	WHO(subscribe),
	WHO(publish),
	WHO(history),
	WHO(presence),
	{ "overflow", KIND_WORD, overflow_words, offsetof(struct wsm__room_rule, overflow),
	  "recover, drop_oldest, latest or disconnect" },
	{ "presence_events", KIND_WORD, switch_words, offsetof(struct wsm__room_rule, presence_events), "on or off" },
	{ "store", KIND_WORD, where_words, offsetof(struct wsm__room_rule, store), "memory or disk" },
	{ "history_size", KIND_COUNT, NULL, offsetof(struct wsm__room_rule, history_size),
	  "an integer from 0 to 1000000" },
	{ "history_ttl", KIND_SECS, NULL, offsetof(struct wsm__room_rule, history_ttl),
	  "a number of seconds from 0.05 to 31536000" },
};
#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

static int parse_word(const struct setting *setting, wsm_slice value, struct wsm__room_rule *rule)
{
	for (int i = 0; setting->words[i]; i++) {
		if (wsm__slice_is(value, setting->words[i])) {
			*(int *)(void *)((char *)rule + setting->offset) = i;
			return WSM_OK;
		}
	}
	return WSM_EINVAL;
}

/* Digits, and for seconds one point among them. Not strtod(), which follows the locale. */
static int parse_number(const struct setting *setting, wsm_slice value, struct wsm__room_rule *rule)
{
	bool secs = setting->kind == KIND_SECS, fraction = false;
	double number = 0, scale = 1;
	size_t digits = 0;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (c == '.' && secs && !fraction) {
			fraction = true;
			continue;
		}
		if (c < '0' || c > '9' || ++digits > 15)
			return WSM_EINVAL;
		number = number * 10 + (c - '0');
		scale *= fraction ? 10 : 1;
	}
	number /= scale;
	if (!digits || number > (secs ? 31536000 : 1000000) || (secs && number < 0.05))
		return WSM_EINVAL;
	if (secs)
		*(double *)(void *)((char *)rule + setting->offset) = number;
	else
		*(int64_t *)(void *)((char *)rule + setting->offset) = (int64_t)number;
	return WSM_OK;
}

static int apply(const struct setting *setting, wsm_slice value, struct wsm__room_rule *rule)
{
	if (setting->kind == KIND_WORD)
		return parse_word(setting, value, rule);
	if (value.len)
		return parse_number(setting, value, rule);
	if (setting->kind == KIND_SECS)
		*(double *)(void *)((char *)rule + setting->offset) = -1;
	else
		*(int64_t *)(void *)((char *)rule + setting->offset) = -1;
	return WSM_OK;
}

/* ---- patterns --------------------------------------------------------------------------------------------------- */

/* Returns whether it is a room's name, the beginning of one followed by '*', or "*"; also of the core's rooms that hosts may name. */
static bool pattern_valid(wsm_slice pattern)
{
	static const char *const own[] = { "@all", "@user:", "@session:", "@client:" };
	bool prefix = pattern.len && pattern.data[pattern.len - 1] == '*';
	wsm_slice text = wsm__slice(pattern.data, pattern.len - prefix);

	if (!pattern.len)
		return false;
	if (!text.len)
		return prefix;
	if (text.data[0] != '@')
		return wsm__room_name_valid(text);
	if (wsm__slice_is(text, own[0]))
		return !prefix;
	for (size_t i = 1; i < sizeof(own) / sizeof(own[0]); i++) {
		size_t len = strlen(own[i]);

		if (wsm__slice_starts(text, own[i]))
			return text.len == len ? prefix : wsm__id_valid(wsm__slice(text.data + len, text.len - len));
	}
	return false;
}

static struct wsm__pattern *pattern_get(struct wsm__rules *rules, wsm_slice text)
{
	bool prefix = text.data[text.len - 1] == '*';
	size_t len = text.len - prefix;
	struct wsm__pattern *pattern;

	DL_FOREACH(rules->list, pattern) {
		if (pattern->prefix == prefix &&
		    wsm__slice_equal(wsm__slice(pattern->text, pattern->len), wsm__slice(text.data, len)))
			return pattern;
	}
	pattern = rules->count < WSM__RULES_MAX ? calloc(1, sizeof(*pattern) + len + 1) : NULL;
	if (!pattern)
		return NULL;
	pattern->rule = unset;
	pattern->prefix = prefix;
	pattern->len = len;
	memcpy(pattern->text, text.data, len);
	DL_APPEND(rules->list, pattern);
	rules->count++;
	return pattern;
}

/* "*" and other beginnings of public names do not match the core's own rooms. */
static bool matches(const struct wsm__pattern *pattern, wsm_slice room)
{
	if (pattern->prefix ? room.len < pattern->len : room.len != pattern->len)
		return false;
	if (!pattern->len)
		return room.len && room.data[0] != '@';
	return memcmp(pattern->text, room.data, pattern->len) == 0;
}

int wsm__rules_set(struct wsm__rules *rules, wsm_slice pattern, wsm_slice setting, wsm_slice value, wsm_error *error)
{
	const struct setting *found = NULL;
	struct wsm__room_rule scratch = unset;
	struct wsm__pattern *entry;

	if (!pattern_valid(pattern))
		return wsm__fail(error, WSM_EROOM,
		                 "room rule: \"%.*s\" must be a room's name, or a beginning followed by * "
		                 "(project:*, @user:*), or * for all public rooms",
		                 (int)(pattern.len < 140 ? pattern.len : 140), pattern.data ? pattern.data : "");
	for (size_t i = 0; i < N_SETTINGS && !found; i++)
		if (wsm__slice_is(setting, settings[i].name))
			found = &settings[i];
	if (!found)
		return wsm__fail(
			error, WSM_EINVAL,
			"room rule of \"%.*s\": \"%.*s\" is no setting; there are subscribe, publish, history, "
			"presence, overflow, presence_events, store, history_size, history_ttl",
			(int)pattern.len, pattern.data, (int)(setting.len < 40 ? setting.len : 40),
			setting.data ? setting.data : "");
	if (apply(found, value, &scratch))
		return wsm__fail(error, WSM_EINVAL, "room rule of \"%.*s\": %s: \"%.*s\" must be %s", (int)pattern.len,
		                 pattern.data, found->name, (int)(value.len < 40 ? value.len : 40),
		                 value.data ? value.data : "", found->must);
	pthread_mutex_lock(&rules->lock);
	entry = pattern_get(rules, pattern);
	if (entry) {
		apply(found, value, &entry->rule);
		atomic_fetch_add(&rules->version, 1);
	}
	pthread_mutex_unlock(&rules->lock);
	return entry ? WSM_OK
	             : wsm__fail(error, WSM_ENOMEM,
	                         "room rule of \"%.*s\": there are %d patterns already, or no memory", (int)pattern.len,
	                         pattern.data, WSM__RULES_MAX);
}

/* ---- the answer for a room -------------------------------------------------------------------------------------- */

/* Returns whether this pattern sets the setting. */
static bool says(const struct setting *setting, const struct wsm__room_rule *rule)
{
	const char *field = (const char *)rule + setting->offset;

	if (setting->kind == KIND_WORD)
		return *(const int *)(const void *)field != 0;
	if (setting->kind == KIND_SECS)
		return *(const double *)(const void *)field >= 0;
	return *(const int64_t *)(const void *)field >= 0;
}

static void take(const struct setting *setting, const struct wsm__room_rule *from, struct wsm__room_rule *to)
{
	static const size_t sizes[] = { [KIND_WORD] = sizeof(int),
	                                [KIND_COUNT] = sizeof(int64_t),
	                                [KIND_SECS] = sizeof(double) };

	memcpy((char *)to + setting->offset, (const char *)from + setting->offset, sizes[setting->kind]);
}

void wsm__rules_get(struct wsm__rules *rules, wsm_slice room, struct wsm__room_rule *rule)
{
	size_t best[N_SETTINGS] = {
		0
	}; /* length of the pattern that decided, plus 1; an exact one beats a beginning */
	struct wsm__pattern *pattern;

	*rule = unset;
	pthread_mutex_lock(&rules->lock);
	DL_FOREACH(rules->list, pattern) {
		size_t rank = 2 * pattern->len + 1 + !pattern->prefix;

		if (!matches(pattern, room))
			continue;
		for (size_t i = 0; i < N_SETTINGS; i++) {
			if (rank > best[i] && says(&settings[i], &pattern->rule)) {
				take(&settings[i], &pattern->rule, rule);
				best[i] = rank;
			}
		}
	}
	pthread_mutex_unlock(&rules->lock);
}

void wsm__rules_init(struct wsm__rules *rules)
{
	rules->list = NULL;
	rules->count = 0;
	atomic_init(&rules->version, 0);
	pthread_mutex_init(&rules->lock, NULL);
}

void wsm__rules_fini(struct wsm__rules *rules)
{
	struct wsm__pattern *pattern, *next;

	DL_FOREACH_SAFE(rules->list, pattern, next) {
		DL_DELETE(rules->list, pattern);
		free(pattern);
	}
	pthread_mutex_destroy(&rules->lock);
}
