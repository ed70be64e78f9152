/*
 * ws_scan.h - picks fields out of the server's messages, without a JSON library: the load clients read a hundred thousand of
 * them a second, and know what is in them. Not for input that may hold surprises: a key is found wherever it stands first.
 */
#ifndef WSC_WS_SCAN_H
#define WSC_WS_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `key` with its quotation marks. What stands behind key and colon, or NULL; `json` may be NULL. */
const char *wsc_scan_after(const char *json, const char *key);
/* An unsigned number. */
bool wsc_scan_number(const char *json, const char *key, uint64_t *value);
/* A text without escapes that fits `out`, of `size` bytes with its NUL. */
bool wsc_scan_text(const char *json, const char *key, char *out, size_t size);
/* base64url without padding; `out` has room for len * 4 / 3 + 3 bytes. */
void wsc_base64url(const char *in, size_t len, char *out);

#endif
