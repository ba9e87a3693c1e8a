/* rules: the leader's and the followers' decisions, top to bottom.
 *
 * Source: docs/decisions.md, "Rules". A pure function: the same view gives the same plan. */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#include "core/plan.h"

/* view_derive must have been called since the last fact came in. */
void rules_decide(const struct view *v, struct plan *plan);

#endif
