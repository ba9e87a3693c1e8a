#include "core/rebuild.h"

static const int64_t delete_again_us = 30LL * 1000 * 1000;

enum { REFRESHES_ENOUGH = 3 }; /* of an S that joined in none of them and reads invalid all along */

/* ---- who needs it ---- */

/* T reads it as invalid for long although it answers: its data are of another database. Of an S
 * that shows after a few epochs, of an A after one REGISTER anew. */
static bool is_foreign(const struct view *v, int pod)
{
    const struct pod *p = &v->pods[pod];
    bool tried = pod == view_s(v) ? v->refresh_failures >= REFRESHES_ENOUGH
                                  : pod_runs(p, p->healed_run);

    return tried && p->invalid_since && v->now_us >= p->invalid_since + v->settings.replica_heal_us;
}

/* As the record says: a leader before us may have tried. */
static bool was_refused(const struct view *v, int pod)
{
    return pod == view_s(v) && v->record.sync == SYNC_NONE &&
           v->record.sync_why == SYNC_WHY_REFUSED && pod_runs(&v->pods[pod], v->record.sync_run);
}

bool rebuild_needed(const struct view *v, int pod, char why[WHY_SIZE])
{
    const struct row *row = view_row(v, pod);
    const struct pod *p = &v->pods[pod];

    if (!v->record_exists || pod == v->record.target || pod_role(p) != ROLE_REPLICA)
        (void)str_copy(why, WHY_SIZE, "it is no replica that answers");
    else if (pod_refused(p) || was_refused(v, pod))
        return (void)str_copy(why, WHY_SIZE, "refused as diverged"), true;
    else if (row && row->has_data && row->status == ROW_DIVERGED)
        return (void)str_copy(why, WHY_SIZE, "diverged"), true;
    else if (is_foreign(v, pod))
        return (void)str_copy(why, WHY_SIZE, "of another lineage: invalid for long"), true;
    else
        (void)str_copy(why, WHY_SIZE, "the main has nothing against its data");
    return false;
}

static int pending(const struct view *v)
{
    for (int i = 0; i < PODS_MAX; i++)
        if (record_is_rebuilt(&v->record, i))
            return i;
    return -1;
}

bool rebuild_possible(const struct view *v, int pod, char why[WHY_SIZE])
{
    const struct pod *t = &v->pods[v->record.target];
    int other = pending(v);

    if (!v->record_exists || v->record.transition != EPOCH_NONE || pod_role(t) != ROLE_MAIN ||
        !pod_runs(t, v->record.main_run))
        (void)str_copy(why, WHY_SIZE, "there is no main at rest from which it could be filled");
    else if (pod < 0 || pod >= PODS_MAX || !v->pods[pod].exists)
        (void)str_copy(why, WHY_SIZE, "there is no such pod");
    else if (pod == v->record.target)
        (void)str_copy(why, WHY_SIZE, "it is the main: switch over first");
    else if (other >= 0 &&
             other != pod) /* the same one again renews its entry, by a person's word */
        (void)str_format(why, WHY_SIZE, "%s-%d is being rebuilt: one at a time", v->settings.name,
                         other);
    else
        return (void)str_copy(why, WHY_SIZE, "the main can fill it anew"), true;
    return false;
}

/* Only after a failover that found S promotable: then what the old main holds beyond it was never
 * acknowledged. */
static bool s_may(const struct view *v, char why[WHY_SIZE])
{
    const struct record *r = &v->record;

    if (r->promoted == PROMOTED_FAILOVER && pod_runs(&v->pods[r->target], r->promoted_run))
        return (void)str_copy(why, WHY_SIZE, "the main was its SYNC replica: it lacks nothing"),
               true;
    (void)str_copy(why, WHY_SIZE,
                   "nobody can say that the main lacks nothing of it: a person must decide");
    return false;
}

bool rebuild_allowed(const struct view *v, int pod, char why[WHY_SIZE])
{
    if (!rebuild_possible(v, pod, why))
        return false;
    if (v->settings.rebuild_policy == REBUILD_MANUAL) {
        (void)str_copy(why, WHY_SIZE, "REBUILD_POLICY is manual");
        return false;
    }
    if (pod == view_s(v))
        return s_may(v, why);
    if (!record_sync_is(&v->record, SYNC_READY, v->pods[view_s(v)].run)) {
        (void)str_copy(why, WHY_SIZE, "not before the SYNC replica is proven");
        return false;
    }
    (void)str_copy(why, WHY_SIZE, "main and SYNC replica have everything");
    return true;
}

/* ---- what is done ---- */

void rebuild_enter(const struct view *v, struct record *r, int pod, const char *reason)
{
    (void)str_copy(r->rebuild[pod].uid, sizeof r->rebuild[pod].uid, v->pods[pod].uid);
    (void)str_copy(r->rebuild[pod].reason, sizeof r->rebuild[pod].reason, reason);
    for (char *c = r->rebuild[pod].reason; *c; c++)
        if (*c == ',')
            *c = ';'; /* the list's separator */
}

static bool is_filled(const struct view *v, int pod)
{
    const struct row *row = view_row(v, pod);

    if (pod == view_s(v))
        return record_sync_is(&v->record, SYNC_READY, v->pods[pod].run);
    return row && row->has_data && row->status == ROW_READY &&
           pod_role(&v->pods[pod]) == ROLE_REPLICA;
}

static void end(const struct view *v, struct plan *plan, int pod)
{
    struct record *r = plan_write(plan, v, RULE_O8, "%s-%d is filled anew", v->settings.name, pod);

    if (!r)
        return;
    memset(&r->rebuild[pod], 0, sizeof r->rebuild[pod]);
    plan_tell(plan, v, RULE_O8, "ReplicaRebuilt", pod, "%s-%d is filled anew", v->settings.name,
              pod);
}

static void go_on(const struct view *v, struct plan *plan, int pod)
{
    const struct pod *p = &v->pods[pod];

    if (!p->exists || p->terminating)
        return;
    if (strcmp(p->uid, v->record.rebuild[pod].uid) != 0) {
        if (is_filled(v, pod))
            end(v, plan, pod);
        return;
    }
    if (p->deleted_at && v->now_us < p->deleted_at + delete_again_us) {
        plan_wake(plan, p->deleted_at + delete_again_us);
        return;
    }
    (void)plan_add(plan, v, EFFECT_DELETE_POD, RULE_O8, pod,
                   "its data are moved aside before its next start (%.100s)",
                   v->record.rebuild[pod].reason);
}

static void begin(const struct view *v, struct plan *plan, int pod, const char *needed,
                  const char *allowed)
{
    struct record *r = plan_write(plan, v, RULE_O8, "%s-%d is to be rebuilt: %.80s; %.100s",
                                  v->settings.name, pod, needed, allowed);

    if (!r)
        return;
    rebuild_enter(v, r, pod, needed);
    plan_warn(plan, v, RULE_O8, "ReplicaRebuild", pod,
              "%s-%d is rebuilt: %.80s. Its data are kept aside on its volume", v->settings.name,
              pod, needed);
}

static void tell(const struct view *v, struct plan *plan, int pod, const char *needed,
                 const char *obstacle)
{
    plan_warn(plan, v, RULE_O8, "RebuildNeeded", pod,
              "%.60s-%d is %.40s, and is not rebuilt by itself: %.70s. Request a "
              "rebuild; a restart of the main may heal it, too",
              v->settings.name, pod, needed, obstacle);
}

void rebuild_decide(const struct view *v, struct plan *plan)
{
    int at_work = pending(v);

    if (at_work >= 0) {
        go_on(v, plan, at_work);
        return;
    }
    for (int i = 0; i < PODS_MAX; i++) {
        char needed[WHY_SIZE], allowed[WHY_SIZE];

        if (!rebuild_needed(v, i, needed))
            continue;
        if (!rebuild_allowed(v, i, allowed)) {
            tell(v, plan, i, needed, allowed);
            continue;
        }
        begin(v, plan, i, needed, allowed);
        return;
    }
}

/* ---- the init container's question ---- */

void rebuild_order(const struct record *r, int pod, const char *uid, struct rebuild_order *out)
{
    const struct rebuild_entry *entry = &r->rebuild[pod];

    memset(out, 0, sizeof *out);
    (void)str_copy(out->why, sizeof out->why, "its data stay as they are");
    if (record_is_rebuilt(r, pod) && strcmp(entry->uid, uid) != 0) {
        out->move_data = out->move_replication = true;
        out->may_overwrite = strcmp(entry->reason, REBUILD_REQUESTED) == 0;
        (void)str_copy(out->token, sizeof out->token, entry->uid);
        (void)str_format(out->why, sizeof out->why, "it is to be filled anew: %s", entry->reason);
    } else if (record_is_fenced(r, pod) && pod != r->target) {
        out->move_replication = true;
        (void)str_copy(out->token, sizeof out->token, uid);
        (void)str_copy(out->why, sizeof out->why,
                       "it was main when contact to it was lost: it must not feed its replicas");
    }
}
