/* pulse: how late the control loop runs its timers: a machine that is too small, or a bug that
 * keeps the loop busy, shows here first. */
#ifndef APP_PULSE_H
#define APP_PULSE_H

#include "app/metric.h"
#include "io/loop.h"

struct pulse;
struct pulse *pulse_new(struct loop *loop);
void pulse_free(struct pulse *p); /* NULL is fine */
const struct metric_histogram *pulse_lateness(const struct pulse *p);

#endif
