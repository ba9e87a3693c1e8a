/* pulse: how late the control loop runs its timers: a machine that is too small, or a bug that
 * keeps the loop busy, shows here first. And a controller without events still looks at its clock
 * so often that only a process that stood still finds it far ahead. */
#ifndef APP_PULSE_H
#define APP_PULSE_H

#include "app/controller.h"
#include "app/metric.h"

struct pulse;
struct pulse *pulse_new(struct controller *c);
void pulse_free(struct pulse *p); /* NULL is fine */
const struct metric_histogram *pulse_lateness(const struct pulse *p);

#endif
