/* epoch: "begin an epoch on X", the one procedure behind bootstrap, failover, switchover
 * and refresh.
 *
 * Source: docs/decisions.md, "Epochs: the one procedure"; the numbers of its steps are used here.
 * Step 1 is epoch_begin, the write of the record; epoch_step goes on from the facts whenever the
 * record holds a transition, on the leader that began it or on the next one. */
#ifndef CORE_EPOCH_H
#define CORE_EPOCH_H

#include "core/plan.h"

/* Step 1: plans the write of the record and returns it, for its caller to add to; NULL when a write
 * is under way already. A request that this serves is cleared. */
struct record *epoch_begin(const struct view *v, struct plan *plan, enum rule rule,
                           enum epoch_kind kind, int x, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* Steps 2 to 8 of the transition that the record holds. Expects X = T to be up in run mainRun. */
void epoch_step(const struct view *v, struct plan *plan);

/* S would take part if an epoch began now: it answers, is no stray, stays, and was not refused in
 * its present run. why: the reason when not. */
bool epoch_s_can_join(const struct view *v, char why[WHY_SIZE]);

/* Nothing vouches for X, which was restarted, nor for S (compare_with_other in returned.c): S is
 * registered to see who has more, and X refuses it when that is S. Until then nobody serves. */
bool epoch_s_is_compared(const struct view *v);

#endif
