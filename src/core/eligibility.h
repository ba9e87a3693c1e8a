/* eligibility: may S be promoted now, and if not, why not, in words.
 *
 * Source: docs/decisions.md, "S may be promoted when". A broken ASYNC replica never blocks it. */
#ifndef CORE_ELIGIBILITY_H
#define CORE_ELIGIBILITY_H

#include "core/view.h"

/* True: S holds every acknowledged write and can be asked to take over. why: the reason either
 * way. */
bool eligibility_may_promote(const struct view *v, char why[WHY_SIZE]);

#endif
