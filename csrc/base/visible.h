/* visible.h - makes clients' text safe for a log or a console: one line, and nothing hidden in it. */
#ifndef WSM_BASE_VISIBLE_H
#define WSM_BASE_VISIBLE_H

#include "base/buffer.h"

/*
 * Appends the text, and spells out hidden characters: control characters and bytes that are not UTF-8 as \x1b, other code
 * points as \u{202e} (line and paragraph separators, directions, joiners, fillers, tags, spaces but U+0020).
 */
void wsm__buffer_add_visible(struct wsm__buffer *out, wsm_slice text);
/* Returns whether wsm__buffer_add_visible() spells a code point out. */
bool wsm__hidden(uint32_t code_point);

#endif
