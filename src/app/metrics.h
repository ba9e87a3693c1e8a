/* metrics: the same knowledge as Prometheus text, for /metrics. Names that count the same thing as
 * the reference controller's are the reference's. */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include "app/controller.h"
#include "base/buf.h"

void metrics_write(const struct controller *c, struct buf *out);

#endif
