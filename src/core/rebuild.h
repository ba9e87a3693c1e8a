/* rebuild: rule O8: a replica of another lineage is filled anew.
 *
 * Source: docs/decisions.md, "Rebuild". The record names the pod and its uid; the pod is deleted;
 * the init container of the next one (memgraph-controller init) moves the data aside; the entry
 * goes when the pod is ready again. */
#ifndef CORE_REBUILD_H
#define CORE_REBUILD_H

#include "core/plan.h"

/* The reason of an entry that a person asked for. */
#define REBUILD_REQUESTED "requested"

/* It cannot become a replica of T with the data that it has. why: how that shows. */
bool rebuild_needed(const struct view *v, int pod, char why[WHY_SIZE]);
/* It may be rebuilt by the policy alone, without a person. why: the reason either way. */
bool rebuild_allowed(const struct view *v, int pod, char why[WHY_SIZE]);
/* It may be rebuilt because a person asks. why: the reason either way. */
bool rebuild_possible(const struct view *v, int pod, char why[WHY_SIZE]);
/* Adds the entry of a pod. */
void rebuild_enter(const struct view *v, struct record *r, int pod, const char *reason);
void rebuild_decide(const struct view *v, struct plan *plan);

/* What the init container of a pod shall do before Memgraph starts, by a fresh record. */
struct rebuild_order {
    bool move_data;        /* snapshots/ and wal/, and replication/, aside */
    bool move_replication; /* replication/ alone: it was main when contact was lost */
    bool may_overwrite;    /* a person asked: an older generation that was set aside may go */
    char token[UID_SIZE];  /* acts once for each token */
    char why[WHY_SIZE];
};
/* uid: of the pod that asks. */
void rebuild_order(const struct record *r, int pod, const char *uid, struct rebuild_order *out);

#endif
