/* registrations: rule O7, upkeep while T is main and no epoch is being begun: the replicas' rows,
 * the truth of `sync`, the touches that prove it.
 *
 * Source: docs/decisions.md, "Registrations (on T, rule O7)", "The record" and rule O7. */
#ifndef CORE_REGISTRATIONS_H
#define CORE_REGISTRATIONS_H

#include "core/plan.h"

/* Keeps `sync` true to what T shows. Plans at most one write of the record. */
void registrations_keep_sync(const struct view *v, struct plan *plan);
/* Event: S is lost for so long that the gate has opened without it, and T acknowledges nothing. */
void registrations_tell_loss(const struct view *v, struct plan *plan);
/* T still has a row for this ASYNC replica, which goes now if the replica is about to stop: while
 * it answers. Later a DROP would wait for a call that nobody answers, and T's commits with it.
 * False also when the row was not quiet for 2 s: then the replica goes with its row in place. */
bool registrations_let_go(const struct view *v, int pod);
/* At most one REGISTER or DROP a round. */
void registrations_keep_rows(const struct view *v, struct plan *plan);
/* A touch, where one is due. */
void registrations_keep_proof(const struct view *v, struct plan *plan);

#endif
