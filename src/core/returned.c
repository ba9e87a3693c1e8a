#include "core/returned.h"

#include "core/epoch.h"
#include "core/failover.h"
#include "core/request.h"

/* Its contents were counted over its present link, and since T is back: what it held before says
 * nothing. */
static bool is_counted(const struct view *v, int pod)
{
    const struct pod *p = &v->pods[pod];

    return p->storage_at && p->storage_at >= p->link_at &&
           p->storage_at >= v->pods[v->record.target].link_at;
}

static bool is_empty(const struct view *v, int pod)
{
    return is_counted(v, pod) && v->pods[pod].vertices == 0 && v->pods[pod].edges == 0;
}

/* T has taken no write without S since S was last known to have everything: it may hold what T has
 * lost. Also in the middle of an epoch that begins because S goes. */
static bool s_may_hold_more(const struct view *v)
{
    const struct record *r = &v->record;
    bool begins = r->transition == EPOCH_REFRESH || r->transition == EPOCH_SWITCHOVER;

    if (r->sync != SYNC_NONE)
        return true;
    return r->sync_why == SYNC_WHY_REFRESH || r->sync_why == SYNC_WHY_SWITCHOVER ||
           r->sync_why == SYNC_WHY_DROPPED ||
           (begins && (r->sync_why == SYNC_WHY_PLANNED || r->sync_why == SYNC_WHY_DEGRADED));
}

/* What T says of S, and not of another pod that has by now the address at which S was. */
static const struct row *row_of_s(const struct view *v)
{
    const struct row *row = view_row(v, view_s(v));
    char address[ADDRESS_SIZE];

    view_address(v, view_s(v), address);
    return row && strcmp(row->address, address) == 0 ? row : NULL;
}

/* ---- O2: with less than it had ---- */

/* T has not its data any more. */
static bool without_data(const struct view *v, char why[WHY_SIZE])
{
    const struct pod *t = &v->pods[v->record.target];

    if (v->record.database[0] && t->database[0] && strcmp(v->record.database, t->database) != 0) {
        (void)str_copy(why, WHY_SIZE, "it came back with another database");
        return true;
    }
    if (!v->record.database[0] && is_empty(v, v->record.target) && is_counted(v, view_s(v)) &&
        !is_empty(v, view_s(v))) {
        (void)str_copy(why, WHY_SIZE, "it came back empty, and the replica has data");
        return true;
    }
    return false;
}

static bool with_less(const struct view *v, char why[WHY_SIZE])
{
    const struct row *row = row_of_s(v);
    bool vouches = s_may_hold_more(v);

    /* Where T served alone, an S of another lineage is what it was before: no sign of a loss. */
    if ((row && row->has_data && (row->behind > 0 || (vouches && row->status == ROW_DIVERGED))) ||
        (vouches && pod_refused(&v->pods[view_s(v)]))) {
        (void)str_copy(why, WHY_SIZE, "it lost the tail of its log: the replica has more");
        return true;
    }
    return without_data(v, why);
}

/* What the tests above need was asked for after the restart. */
static bool storage_is_known(const struct view *v, struct plan *plan)
{
    int t = v->record.target, s = view_s(v);

    if (!is_counted(v, t)) {
        (void)plan_add(plan, v, EFFECT_ASK_STORAGE, RULE_O2, t,
                       "it is back: has it still its data?");
        return false;
    }
    if (!v->record.database[0] && is_empty(v, t) && pod_up(&v->pods[s]) && !is_counted(v, s)) {
        (void)plan_add(plan, v, EFFECT_ASK_STORAGE, RULE_O2, s,
                       "the main is empty: is the replica, too?");
        return false;
    }
    return true;
}

/* The epoch that was being begun goes on as what it was: who has yet to be given its users, and
 * whether sessions must be cut, hangs on it. */
static enum epoch_kind kind_again(const struct view *v)
{
    return v->record.transition != EPOCH_NONE ? v->record.transition : EPOCH_REFRESH;
}

/* ---- O3: as a replica ---- */

/* The other of the pair could be main in X's place: it answers and has its data. */
static bool other_is_whole(const struct view *v, struct plan *plan, char obstacle[WHY_SIZE])
{
    int other = view_s(v);
    const struct pod *o = &v->pods[other];

    obstacle[0] = '\0';
    if (pod_role(o) == ROLE_UNKNOWN)
        (void)str_format(obstacle, WHY_SIZE, "%.60s-%d does not answer", v->settings.name, other);
    else if (!is_counted(v, other))
        (void)plan_add(plan, v, EFFECT_ASK_STORAGE, RULE_O3, other, "has it still its data?");
    else if (is_empty(v, other))
        (void)str_format(obstacle, WHY_SIZE, "%.60s-%d is empty", v->settings.name, other);
    else if (v->record.database[0] && strcmp(o->database, v->record.database) != 0)
        (void)str_format(obstacle, WHY_SIZE, "%.60s-%d has another database", v->settings.name,
                         other);
    else
        return true;
    return false;
}

/* Nothing vouches for T, which was restarted: who of the pair has more goes on. T begins, and
 * registers the other before it is touched: refused, the other has more. */
static void begin_comparison(const struct view *v, struct plan *plan)
{
    const struct record *now = &v->record;
    struct record *r = epoch_begin(v, plan, RULE_O3, EPOCH_SWITCHOVER, now->target,
                                   "%s-%d was restarted: who of the pair has more goes on",
                                   v->settings.name, now->target);

    if (!r)
        return;
    r->from = view_s(v);
    r->from_run[0] = '\0'; /* in no process that would vouch for it: epoch_s_is_compared */
}

/* Two of different lineages cannot be compared: a main without data would go on. Whether the other
 * has all that it held is for a person to say. */
static void compare_with_other(const struct view *v, struct plan *plan)
{
    char why[WHY_SIZE];

    if (!storage_is_known(v, plan))
        return;
    if (without_data(v, why))
        failover_refuse(v, plan, why, "both were restarted: nothing vouches for the other");
    else
        begin_comparison(v, plan);
}

/* X was restarted before it was promoted, and nothing vouches for what it has now. The old main,
 * which took no write since, can go on, if it is the process that it was. It is a replica when that
 * is recorded: then it is known later whether the promotion was done. */
static void go_back(const struct view *v, struct plan *plan)
{
    int other = view_s(v);
    const struct pod *o = &v->pods[other];
    char obstacle[WHY_SIZE];

    if (!other_is_whole(v, plan, obstacle)) {
        if (obstacle[0])
            failover_refuse(v, plan, "it was restarted before it was promoted", obstacle);
    } else if (!pod_runs(o, v->record.from_run)) {
        compare_with_other(v, plan);
    } else if (pod_role(o) == ROLE_MAIN) {
        (void)plan_add(plan, v, EFFECT_DEMOTE, RULE_O3, other, "it is to go on as main, anew");
    } else {
        (void)epoch_begin(v, plan, RULE_O3, EPOCH_FAILOVER, other,
                          "%s-%d was restarted before it was promoted: nothing vouches for it",
                          v->settings.name, v->record.target);
    }
}

static void begin_again(const struct view *v, struct plan *plan, const char *why)
{
    enum promoted promoted = v->record.promoted;
    struct record *r = epoch_begin(v, plan, RULE_O3, kind_again(v), v->record.target,
                                   "%s-%d is to be main and is a replica: %s", v->settings.name,
                                   v->record.target, why);

    if (r && promoted == PROMOTED_FORCED) {
        r->promoted = promoted;
        if (r->sync_why == SYNC_WHY_FAILOVER)
            r->sync_why = SYNC_WHY_FORCED;
    }
}

void returned_as_replica(const struct view *v, struct plan *plan)
{
    int t = v->record.target;
    char why[WHY_SIZE];

    plan_reason(plan, "%s-%d is to be main and is a replica", v->settings.name, t);
    if (v->record.transition == EPOCH_FAILOVER && v->record.promoted == PROMOTED_FORCED) {
        begin_again(v, plan, "an operator forced it, and it was interrupted");
        return;
    }
    /* One that is begun again (`from` is empty) is of a T that was main before, and may have
     * served: the old main may lack what it holds. */
    if (v->record.from >= 0 && !v->work.touched) {
        go_back(v, plan);
        return;
    }
    if (!storage_is_known(v, plan))
        return;
    if (with_less(v, why)) {
        failover_or_refuse(v, plan, RULE_O2, why);
        return;
    }
    if (!pod_runs(&v->pods[t], v->record.main_run) && s_may_hold_more(v) &&
        request_open(v).kind != REQUEST_DEGRADE) {
        compare_with_other(v, plan);
        return;
    }
    begin_again(v, plan, "our own change was cut short, or somebody demoted it");
}

/* ---- O6 (a): as a new process ---- */

static void drop(const struct view *v, struct plan *plan, const struct row *row, const char *why)
{
    struct effect *e = plan_add(plan, v, EFFECT_DROP, RULE_O6, v->record.target, "%s", why);

    if (!e)
        return;
    e->target = row->pod;
    (void)str_copy(e->name, sizeof e->name, row->name);
}

/* Rows from before: S under an address that is not its own any more, or another pod under the one
 * that S has now. Ours would be refused as one that exists. */
static bool drop_outdated(const struct view *v, struct plan *plan)
{
    char address[ADDRESS_SIZE];

    view_address(v, view_s(v), address);
    for (unsigned i = 0; i < v->rows_n; i++) {
        bool is_s = v->rows[i].pod == view_s(v);

        if (is_s == (strcmp(v->rows[i].address, address) == 0))
            continue;
        drop(v, plan, &v->rows[i], "its address is another pod's now");
        return true;
    }
    return false;
}

/* T's row says nothing of S, which answers: registering it anew tells who has more. */
static void compare_with_s(const struct view *v, struct plan *plan, const struct row *row)
{
    int s = view_s(v);
    const struct pod *p = &v->pods[s];
    int64_t heals_us = p->invalid_since + v->settings.replica_heal_us;
    struct effect *e;

    if (pod_role(p) != ROLE_REPLICA || !p->exists)
        return;
    if (row && row->has_data && (!p->invalid_since || v->now_us < heals_us)) {
        if (p->invalid_since)
            plan_wake(plan, heals_us); /* Memgraph mends that by itself within seconds, or never */
        return;
    }
    if (row) {
        drop(v, plan, row, "its row says nothing: it is registered anew, to compare");
        return;
    }
    if (drop_outdated(v, plan))
        return;
    if (v->now_us < p->register_retry_at) {
        plan_wake(plan, p->register_retry_at);
        return;
    }
    e = plan_add(plan, v, EFFECT_REGISTER, RULE_O6, v->record.target,
                 "%s-%d may hold more: that shows when it is registered", v->settings.name, s);
    if (!e)
        return;
    e->target = s;
    e->mode = view_sync_mode(v);
    view_address(v, s, e->address);
    view_pod_name(v, s, e->name);
}

/* With an S that may have more, not before S is known. */
static bool s_is_known(const struct view *v, struct plan *plan)
{
    const struct pod *s = &v->pods[view_s(v)];
    const struct row *row = row_of_s(v);

    if (!s_may_hold_more(v) || request_open(v).kind == REQUEST_DEGRADE)
        return true;
    if (row && row->has_data && row->ts > 0 && (row_serves(row) || row->status == ROW_RECOVERY))
        return true;
    if (pod_role(s) != ROLE_UNKNOWN && is_empty(v, view_s(v)))
        return true;
    plan_reason(plan, "%s-%d was restarted: waiting for %s-%d, which may hold more",
                v->settings.name, v->record.target, v->settings.name, view_s(v));
    if (pod_up(s) && !is_counted(v, view_s(v)))
        (void)plan_add(plan, v, EFFECT_ASK_STORAGE, RULE_O6, view_s(v), "is it empty?");
    if (view_rows_fresh(v, 0))
        compare_with_s(v, plan, row);
    else
        (void)plan_add(plan, v, EFFECT_ASK_ROWS, RULE_O6, v->record.target,
                       "it was restarted: what does it know of S?");
    return false;
}

void returned_restarted(const struct view *v, struct plan *plan)
{
    int t = v->record.target;
    char why[WHY_SIZE];

    plan_reason(plan, "%s-%d was restarted: its new epoch is due", v->settings.name, t);
    if (!storage_is_known(v, plan))
        return;
    if (with_less(v, why)) {
        failover_or_refuse(v, plan, RULE_O2, why);
        return;
    }
    if (s_is_known(v, plan))
        (void)epoch_begin(v, plan, RULE_O6, kind_again(v), t,
                          "%s-%d was restarted: no write before its new epoch", v->settings.name,
                          t);
}
