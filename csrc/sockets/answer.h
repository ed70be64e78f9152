/* answer.h - answers an opening handshake, perhaps only when the client is let in; and refusals. */
#ifndef WSM_SOCKETS_ANSWER_H
#define WSM_SOCKETS_ANSWER_H

#include "sockets/session.h"

/* Returns whether the client still waits for the answer to its request. */
static inline bool wsm__answer_held(const struct wsm__session *session)
{
	return session->held.data != NULL;
}

/* Writes the 101 if it was held back. */
void wsm__answer_release(struct wsm__session *session);
/* Writes an HTTP refusal in its place, with the status for a close code. */
void wsm__answer_refuse(struct wsm__session *session, unsigned close_code, const char *reason);

/* The refusal of a request; wsm__entry_refuse() writes it. */
struct wsm__refusal {
	unsigned status;
	const char *why;   /* static */
	const char *extra; /* header lines: static, or `line` */
	char line[40];
};

#endif
