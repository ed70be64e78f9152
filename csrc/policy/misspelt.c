#include "policy/misspelt.h"

#include <string.h>

#include "ws_manager.h"

#define PREFIX "WEBSOCKET_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define NAME_MAX_LEN 64 /* no longer name was meant as an option */
#define WORD_MIN 4      /* least letters of a part that points to a whole name */

bool wsm__variable_unknown(const char *name)
{
	size_t count;
	const wsm_option *options = wsm_options(&count);

	if (strncmp(name, PREFIX, PREFIX_LEN) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].env, name) == 0)
			return false;
	return true;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Counts letters to insert, drop, replace, or swap (optimal string alignment). Both at most NAME_MAX_LEN long. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_LEN + 1], *before = rows[0], *last = rows[1], *row = rows[2];
	size_t n_a = strlen(a), n_b = strlen(b);

	for (size_t j = 0; j <= n_b; j++)
		last[j] = j;
	memset(before, 0, sizeof(rows[0]));
	for (size_t i = 1; i <= n_a; i++) {
		size_t *free_row = before;

		row[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = free_row;
	}
	return last[n_b];
}

/* Returns whether the shorter name is a part of the longer one: ORIGINS of ALLOWED_ORIGINS. */
static bool is_part(const char *a, const char *b)
{
	const char *part = strlen(a) < strlen(b) ? a : b, *whole = part == a ? b : a;

	return strlen(part) >= WORD_MIN && strstr(whole, part) != NULL;
}

const char *wsm__variable_near(const char *name)
{
	size_t count, nearest = NAME_MAX_LEN, length = strlen(name);
	const wsm_option *options = wsm_options(&count);
	const char *found = NULL, *part = NULL;

	if (length <= PREFIX_LEN || length > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *tail = options[i].env + PREFIX_LEN;
		size_t letters = distance(name + PREFIX_LEN, tail);

		if (letters < nearest) {
			nearest = letters;
			found = options[i].env;
		}
		if (!part && is_part(name + PREFIX_LEN, tail))
			part = options[i].env;
	}
	/* Up to a third of the letters may be wrong; else it is another name. */
	return nearest <= (length - PREFIX_LEN + 2) / 3 ? found : part;
}
