/* status.c - the words of ws_manager.h: status codes, levels, and the text that goes out. */
#include <stdlib.h>

#include "base/slice.h"

const char *wsm_status_code(int status)
{
	switch (status) {
#define WSM_X(name, value, code, sentence)                                                                             \
	case (value):                                                                                                  \
		return code;
		WSM_STATUS_MAP(WSM_X)
#undef WSM_X
	default:
		return "unknown";
	}
}

const char *wsm_status_text(int status)
{
	switch (status) {
#define WSM_X(name, value, code, sentence)                                                                             \
	case (value):                                                                                                  \
		return sentence;
		WSM_STATUS_MAP(WSM_X)
#undef WSM_X
	default:
		return "unknown status";
	}
}

int wsm_level_parse(wsm_slice word)
{
	static const struct {
		const char *word;
		wsm_level level;
	} words[] = {
		{ "debug", WSM_DEBUG },
		{ "info", WSM_INFO },
		{ "success", WSM_SUCCESS },
		{ "warning", WSM_WARNING },
		{ "warn", WSM_WARNING },
		{ "error", WSM_ERROR },
		{ "critical", WSM_LEVEL_CRITICAL },
		{ "fatal", WSM_LEVEL_CRITICAL },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (wsm__slice_equal_nocase(word, wsm__str(words[i].word)))
			return (int)words[i].level;
	return -1;
}

void wsm_text_free(wsm_text *text)
{
	if (!text)
		return;
	free(text->data);
	text->data = NULL;
	text->len = 0;
}
