/* report.h - fills in receipts: the outcome, and the report of the deliveries. */
#ifndef WSM_HOST_REPORT_H
#define WSM_HOST_REPORT_H

#include "ws_manager.h"

struct wsm__deliveries;
struct wsm__tally;

/* Sets the outcome, and posts the event if the host watches. Call it once for a publication. Releases a reference. */
void wsm__receipt_finish(wsm_receipt *receipt, const wsm_delivery *delivery);
/* On the runtime thread. Makes the tally of a publication before it is sent; NULL without a report. */
struct wsm__tally *wsm__report_begin(wsm_receipt *receipt);
/* Notes that the fan-out is done. Releases the reference. */
void wsm__report_published(struct wsm__tally *tally);
/* Copies changed counts into the reports, and posts the events of settled ones. */
void wsm__reports_tell(struct wsm__deliveries *deliveries);

#endif
