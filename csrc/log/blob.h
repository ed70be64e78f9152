/*
 * blob.h - a publication in the form that logs keep: all that a receiver needs to make the same message, and its recipients.
 *
 *     version (1 byte: 1), flags (bit 0: flat, bit 1: said by the core), priority, level
 *     then fields: tag (1 byte), length (4 bytes, little endian), bytes
 *
 * The reader skips fields of an unknown tag, and refuses a blob of another version.
 */
#ifndef WSM_LOG_BLOB_H
#define WSM_LOG_BLOB_H

#include "base/buffer.h"
#include "host/route.h"
#include "log/message.h"

/* Appends the blob; check out->failed. */
void wsm__blob_write(struct wsm__buffer *out, const struct wsm__publish *publish, const struct wsm__stamp *stamp);

/* A publication read back. Its texts lie in the blob. */
struct wsm__unblobbed {
	struct wsm__publish publish;
	struct wsm__stamp stamp;
	wsm_member members[16];
};

/* WSM_OK; WSM_EINVAL: damaged, or of another version; WSM_ENOMEM. Release it by wsm__blob_release(). */
int wsm__blob_read(struct wsm__unblobbed *to, wsm_slice blob);
void wsm__blob_release(struct wsm__unblobbed *read);

#endif
