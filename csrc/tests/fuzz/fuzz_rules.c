/*
 * Rules about rooms: lines of pattern, setting and value, then names that are asked for. What the table says is what reading the
 * lines again says: the longest pattern that matches and has set something, the later of two with the same name.
 */
#include "runtime_common.h"

#include "policy/rules.h"

#define LINES_MAX 64

struct line {
	wsm_slice pattern, value; /* of the setting that is looked at */
};

static bool matches(wsm_slice pattern, wsm_slice room)
{
	if (pattern.data[pattern.len - 1] != '*')
		return wsm__slice_equal(pattern, room);
	if (pattern.len == 1)
		return room.data[0] != '@';
	return room.len >= pattern.len - 1 && memcmp(pattern.data, room.data, pattern.len - 1) == 0;
}

/* A whole name says more than a beginning of the same length. */
static size_t rank(wsm_slice pattern)
{
	bool beginning = pattern.data[pattern.len - 1] == '*';

	return 2 * (pattern.len - beginning) + !beginning;
}

/* Of `publish` alone: all settings go the same way. */
static enum wsm__who expected(const struct line *lines, size_t n, wsm_slice room)
{
	static const char *const words[] = { "", "anyone", "authenticated", "granted", "nobody" };
	const struct line *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct line *line = &lines[i];
		bool later = false;

		for (size_t k = i + 1; k < n; k++)
			later = later || wsm__slice_equal(line->pattern, lines[k].pattern);
		if (later || !line->value.len || !matches(line->pattern, room))
			continue;
		if (!best || rank(line->pattern) > rank(best->pattern))
			best = line;
	}
	for (int i = 1; best && i < 5; i++)
		if (wsm__slice_is(best->value, words[i]))
			return (enum wsm__who)i;
	return WSM__WHO_UNSET;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wsm_slice text = exact(data, size), rest = text;
	struct line lines[LINES_MAX];
	struct wsm__room_rule rule;
	struct wsm__rules rules;
	wsm_error error;
	size_t n = 0;

	wsm__rules_init(&rules);
	while (rest.len && n < LINES_MAX) {
		wsm_slice pattern = fuzz_line(&rest), setting = fuzz_line(&rest), value = fuzz_line(&rest);
		int status;

		if (!pattern.len && !setting.len)
			break;
		status = wsm__rules_set(&rules, pattern, setting, value, &error);
		CHECK(status == WSM_OK || error.message[0]);
		if (status == WSM_OK && wsm__slice_is(setting, "publish"))
			lines[n++] = (struct line){ pattern, value };
	}
	while (rest.len) {
		wsm_slice room = fuzz_line(&rest);

		if (!room.len)
			continue;
		wsm__rules_get(&rules, room, &rule);
		CHECK(rule.publish == expected(lines, n, room));
		CHECK(rule.history_size >= -1 && rule.history_size <= 1000000);
		CHECK((rule.history_ttl >= 0.05 && rule.history_ttl <= 31536000) || rule.history_ttl == -1);
	}
	wsm__rules_fini(&rules);
	drop(text);
	return 0;
}
