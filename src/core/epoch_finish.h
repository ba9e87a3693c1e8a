/* epoch_finish: the end of "begin an epoch": is S proven, and what the record says from now on.
 *
 * Source: docs/decisions.md, "Epochs: the one procedure", steps 7 and 8. Used by epoch.c. */
#ifndef CORE_EPOCH_FINISH_H
#define CORE_EPOCH_FINISH_H

#include "core/plan.h"

/* S's row on T is as the proof wants it (the sync mode, not dead; ready and behind 0 when `ready`),
 * in an answer asked for at or after since_us. */
bool epoch_s_stands(const struct view *v, int64_t since_us, bool ready);

/* Step 7: everything that makes the touch a proof that S has everything. */
bool epoch_s_proven(const struct view *v);

/* Step 8: plans the write of the record that ends the transition, with its history entry. */
void epoch_finish(const struct view *v, struct plan *plan);

#endif
