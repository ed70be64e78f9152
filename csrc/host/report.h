/* report.h - what a receipt comes to tell: the outcome, and the report of what became of the deliveries. */
#ifndef WSM_HOST_REPORT_H
#define WSM_HOST_REPORT_H

#include "ws_manager.h"

struct wsm__deliveries;
struct wsm__tally;

/* Publishes the outcome; called once, by whoever handled the publication. Releases a reference. */
void wsm__receipt_finish(wsm_receipt *receipt, const wsm_delivery *delivery);
/* On the runtime thread. The tally of a publication that is about to be sent; NULL if its receipt wants no report. */
struct wsm__tally *wsm__report_begin(wsm_receipt *receipt);
/* The fan-out is done. Releases the reference. */
void wsm__report_published(struct wsm__tally *tally);
/* Copies what has changed into the reports, and tells of those that are settled. */
void wsm__reports_tell(struct wsm__deliveries *deliveries);

#endif
