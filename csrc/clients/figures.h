/* figures.h - what is counted of limits, addresses and bans. */
#ifndef WSM_CLIENTS_FIGURES_H
#define WSM_CLIENTS_FIGURES_H

struct wsm__buffer;
struct wsm__core;

/* Members of GET /api/ws/stats, with a comma before each; lines of GET /metrics. */
void wsm__figures_stats(struct wsm__core *core, struct wsm__buffer *out);
void wsm__figures_metrics(struct wsm__core *core, struct wsm__buffer *out);

#endif
