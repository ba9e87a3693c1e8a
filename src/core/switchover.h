/* switchover: the main is moved while it is alive (rule O4, second part).
 *
 * Source: docs/decisions.md, "Switchover". Before the record is written the leader alone acts: its
 * gate drains and cuts, and it waits until the replicas have everything. Until then the way back is
 * to open the gate again. */
#ifndef CORE_SWITCHOVER_H
#define CORE_SWITCHOVER_H

#include "core/plan.h"

/* T is to be replaced although it lives: its pod stops, an operator asks, or it is not Ready for
 * long. why: the reason. */
bool switchover_wanted(const struct view *v, char why[WHY_SIZE]);
/* It is asked for, and T is adopted: replicas that were restarted in its epoch, who knows when,
 * would refuse its successor's, so a refresh must come first. Not where T may be gone any moment: S
 * would not be armed meanwhile. */
bool switchover_wants_epoch(const struct view *v);
/* It is wanted, and S may be promoted: the gate is closed for it. For view_derive. */
bool switchover_due(const struct view *v);
/* True: a switchover is under way, or was refused; nothing else is to be done on T now. */
bool switchover_decide(const struct view *v, struct plan *plan);

#endif
