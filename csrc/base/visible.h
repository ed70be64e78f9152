/* visible.h - text of clients as it may stand in a log or on a console: on one line, and with nothing hidden in it. */
#ifndef WSM_BASE_VISIBLE_H
#define WSM_BASE_VISIBLE_H

#include "base/buffer.h"

/*
 * Appends it with what cannot be seen, or changes how the rest is seen, spelled out: control characters and bytes that are not
 * UTF-8 as \x1b, other code points as \u{202e}: line and paragraph separators, directions, joiners, fillers, tags, spaces other
 * than the usual one.
 */
void wsm__buffer_add_visible(struct wsm__buffer *out, wsm_slice text);
/* Whether a code point is one of those that are spelled out. */
bool wsm__hidden(uint32_t code_point);

#endif
