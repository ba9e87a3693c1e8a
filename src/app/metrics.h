/* metrics: the same knowledge as Prometheus text, for /metrics. Names that count the same thing as
 * the reference controller's are the reference's. */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include "app/controller.h"
#include "base/buf.h"

/* Asks the pods, where that cannot be in the way of a command, for what they store, when that is
 * not known of late: before a page is written. The answers are for the next one. */
void metrics_ask(struct controller *c);
void metrics_write(const struct controller *c, struct buf *out);

#endif
