/* bootstrap: rules B1 to B5: there is no record yet, so discover what is there.
 *
 * Source: docs/decisions.md, "B. No record". Nothing ambiguous is guessed. */
#ifndef CORE_BOOTSTRAP_H
#define CORE_BOOTSTRAP_H

#include "core/plan.h"

void bootstrap_decide(const struct view *v, struct plan *plan);

#endif
