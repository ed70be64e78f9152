/*
 * buffer.h - a growing byte buffer, which also writes JSON text.
 *
 * Errors stick: a failed allocation sets `failed`, and every later append does nothing. So check once, at the end.
 */
#ifndef WSM_BASE_BUFFER_H
#define WSM_BASE_BUFFER_H

#include "ws_manager.h"

struct wsm__buffer {
	char *data; /* NULL until the first append; always followed by a NUL that is not counted */
	size_t len, capacity;
	bool failed;
};

void wsm__buffer_init(struct wsm__buffer *buffer);
void wsm__buffer_fini(struct wsm__buffer *buffer);
/* Forgets the content, keeps the memory, clears `failed`. */
void wsm__buffer_clear(struct wsm__buffer *buffer);
/* Makes room for `more` bytes and returns where they go (the caller adds to len), or NULL. */
char *wsm__buffer_reserve(struct wsm__buffer *buffer, size_t more);
void wsm__buffer_add(struct wsm__buffer *buffer, const void *data, size_t len);
void wsm__buffer_add_slice(struct wsm__buffer *buffer, wsm_slice slice);
void wsm__buffer_add_str(struct wsm__buffer *buffer, const char *text);
void wsm__buffer_add_uint(struct wsm__buffer *buffer, uint64_t number);
void wsm__buffer_addf(struct wsm__buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends a JSON string with its quotes. Escapes control characters, quote and backslash; bytes that are not UTF-8 become U+FFFD. */
void wsm__buffer_add_json(struct wsm__buffer *buffer, wsm_slice text);
/* Returns the most bytes that wsm__buffer_add_json() can write; exact for ASCII that needs no escape. */
size_t wsm__buffer_json_bound(wsm_slice text);
/* Moves the content to `text`, which the caller releases by wsm_text_free(), and empties the buffer. 0 or WSM_ENOMEM. */
int wsm__buffer_steal(struct wsm__buffer *buffer, wsm_text *text);

#endif
