#include "clients/words.h"

#include <stdlib.h>

#include "core/core.h"
#include "wire/own.h"

/* An application with a different type for each client has more; the others are not protected. */
#define WORDS_MAX 256u

bool wsm__words_have(const struct wsm__core *core, wsm_slice type)
{
	const struct wsm__name *word;

	LL_FOREACH(core->words, word)
		if (wsm__slice_is(type, word->text))
			return true;
	return false;
}

void wsm__words_add(struct wsm__core *core, wsm_slice type)
{
	struct wsm__name *word;

	if (wsm__own_type(type) || wsm__words_have(core, type) || core->n_words == WORDS_MAX)
		return;
	word = malloc(sizeof(*word));
	if (!word || !(word->text = wsm__slice_dup(type))) {
		free(word);
		return;
	}
	LL_PREPEND(core->words, word);
	core->n_words++;
}

void wsm__words_fini(struct wsm__core *core)
{
	struct wsm__name *word, *next;

	LL_FOREACH_SAFE(core->words, word, next) {
		free(word->text);
		free(word);
	}
	core->words = NULL;
	core->n_words = 0;
}
