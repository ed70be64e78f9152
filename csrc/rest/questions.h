/* questions.h - answers the host's questions (host/query.h). */
#ifndef WSM_REST_QUESTIONS_H
#define WSM_REST_QUESTIONS_H

struct wsm__asked;
struct wsm__core;

/* Answers a question, or lets it wait for a log. */
void wsm__query_run(struct wsm__core *core, struct wsm__asked *asked);

/* Ends questions that wait for a log, with WSM_ENOTRUNNING. */
void wsm__questions_end(struct wsm__core *core);

#endif
