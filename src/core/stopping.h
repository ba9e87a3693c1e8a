/* stopping: pods that are about to stop, by plan: terminating, or asking through their preStop
 * hook.
 *
 * Source: docs/decisions.md, "Planned restarts". A rolling restart and a node drain are nothing
 * else. */
#ifndef CORE_STOPPING_H
#define CORE_STOPPING_H

#include "core/view.h"

/* Its process is going to be stopped. */
bool stopping_is(const struct view *v, int pod);
/* It may stop without harm now: it is not main, no epoch is being begun, T does not count on it.
 * why: the reason either way. Any controller replica may ask (POST /prestop-hook/<pod>). */
bool stopping_may(const struct view *v, int pod, char why[WHY_SIZE]);

#endif
