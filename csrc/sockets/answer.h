/* answer.h - the answer to an opening handshake, which may wait until the client is let in; and refusals. */
#ifndef WSM_SOCKETS_ANSWER_H
#define WSM_SOCKETS_ANSWER_H

#include "sockets/session.h"

/* Whether the client still waits for the answer to its request. */
static inline bool wsm__answer_held(const struct wsm__session *session)
{
	return session->held.data != NULL;
}

/* Writes the 101 that was held back, if it was. */
void wsm__answer_release(struct wsm__session *session);
/* Writes an HTTP refusal in its place: the status that says what a close code says. */
void wsm__answer_refuse(struct wsm__session *session, unsigned close_code, const char *reason);

/* Why a request gets no answer but a refusal: to be written by wsm__entry_refuse(). */
struct wsm__refusal {
	unsigned status;
	const char *why;   /* static */
	const char *extra; /* header lines: static, or `line` */
	char line[40];
};

#endif
