/* figures.h - writes the counters of limits, addresses and bans. */
#ifndef WSM_CLIENTS_FIGURES_H
#define WSM_CLIENTS_FIGURES_H

struct wsm__buffer;
struct wsm__core;

/* Append members of GET /api/ws/stats, with a comma before each; and Prometheus lines. */
void wsm__figures_stats(struct wsm__core *core, struct wsm__buffer *out);
void wsm__figures_metrics(struct wsm__core *core, struct wsm__buffer *out);

#endif
