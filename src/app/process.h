/* process: the metrics of a process that every Prometheus library has, under their usual names.
 * Descriptors are not among them: counting thousands would hold the control loop up, and the
 * gateways know their clients. */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include "base/buf.h"

#include <stdint.h>

/* started_wall_us: when the process began, since 1970. */
void process_write(struct buf *out, int64_t started_wall_us);

#endif
