/* failover: rules O4 and O5: T is lost, or came back with less: S takes over, or it is refused.
 *
 * Source: docs/decisions.md, "Failover (T is lost)". */
#ifndef CORE_FAILOVER_H
#define CORE_FAILOVER_H

#include "core/plan.h"

/* Begins an epoch on S when S may be promoted. Else says in words, and as an Event, why not; it is
 * tried again on every new fact. why: what is wrong with T. */
void failover_or_refuse(const struct view *v, struct plan *plan, enum rule rule, const char *why);

/* The Event alone: T cannot be replaced. */
void failover_refuse(const struct view *v, struct plan *plan, const char *why,
                     const char *obstacle);

#endif
