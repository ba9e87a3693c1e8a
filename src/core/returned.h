/* returned: T answers, and is not what the record says: it came back with less (rule O2), as a
 * replica (O3), or as a new process (O6, refresh (a)).
 *
 * Source: docs/decisions.md, rules O2 and O3, "Refresh" (a). Looked at before anything is written:
 * the sign of a lost tail is gone after one commit. The gate is closed all the while. */
#ifndef CORE_RETURNED_H
#define CORE_RETURNED_H

#include "core/plan.h"

/* T is up and reports role replica; no transition of ours waits for just that. */
void returned_as_replica(const struct view *v, struct plan *plan);
/* T is up and main, and its run id is not `mainRun`. */
void returned_restarted(const struct view *v, struct plan *plan);

#endif
