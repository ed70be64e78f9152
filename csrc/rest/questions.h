/* questions.h - answers the host's questions (host/query.h). */
#ifndef WSM_REST_QUESTIONS_H
#define WSM_REST_QUESTIONS_H

struct wsm__asked;
struct wsm__core;

/* Answers one, and tells who waits. */
void wsm__query_run(struct wsm__core *core, struct wsm__asked *asked);

/* Those that wait for a log are not answered any more. */
void wsm__questions_end(struct wsm__core *core);

#endif
