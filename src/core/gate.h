/* gate: where the two gateways lead, on a leader and on a follower alike.
 *
 * Source: docs/decisions.md, "Gate of the write gateway", "Followers", "Read gateway". */
#ifndef CORE_GATE_H
#define CORE_GATE_H

#include "core/plan.h"

/* Fills plan->gate and plan->read, and sets the time at which they may change by themselves. */
void gate_decide(const struct view *v, struct plan *plan);

#endif
