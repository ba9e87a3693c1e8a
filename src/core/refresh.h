/* refresh: rule O6 while T serves: a new epoch on the same main, because S joins (b), or because S
 * must go out of T's way (c).
 *
 * Source: docs/decisions.md, "Refresh", "S comes back", "Planned restarts", "Modes". Refresh (a) is
 * in core/returned.h. */
#ifndef CORE_REFRESH_H
#define CORE_REFRESH_H

#include "core/plan.h"

/* True: an epoch is being begun, or S's pod is deleted first because it hangs. */
bool refresh_without_s(const struct view *v, struct plan *plan);
bool refresh_with_s(const struct view *v, struct plan *plan);

#endif
