#include "core/registrations.h"

#include "core/stopping.h"

/* ---- sync ---- */

/* T's row for S is gone, or is another one: somebody was at it behind our back. NULL: all is well,
 * or nothing is known. */
static const char *dropped(const struct view *v)
{
    int s = view_s(v);
    const struct row *row = view_row(v, s);
    char address[ADDRESS_SIZE];

    if (!view_rows_fresh(v, 0) || strcmp(v->pods[s].run, v->record.sync_run) != 0)
        return NULL;
    view_address(v, s, address);
    if (!row)
        return "the main has no row for it any more";
    if (row->mode == MODE_ASYNC)
        return "the main has it as an ASYNC replica";
    if (!row->has_data)
        return "its row on the main is dead";
    if (pod_role(&v->pods[s]) != ROLE_UNKNOWN && address[0] && strcmp(address, row->address) != 0)
        return "the main has it under another address";
    return NULL;
}

/* T shows S as it must be, in an answer younger than a confirmed touch of ours that is younger than
 * the doubt: S has everything. */
static bool proven_again(const struct view *v)
{
    int s = view_s(v);
    const struct row *row = view_row(v, s);
    int64_t since_us = v->unproven_since ? v->unproven_since : v->work.recorded_at;

    return v->touch_ok_at && v->touch_ok_at >= since_us && view_rows_fresh(v, v->touch_end_at) &&
           pod_role(&v->pods[s]) == ROLE_REPLICA && row && row->has_data &&
           row->mode != MODE_ASYNC && row->status == ROW_READY;
}

static void set_sync(struct record *r, enum sync_state state, const char *run)
{
    r->sync = state;
    (void)str_copy(r->sync_run, sizeof r->sync_run, run);
    r->sync_until_wall_us = 0;
}

static void doubt(const struct view *v, struct plan *plan, const char *why)
{
    struct record *r = plan_write(plan, v, RULE_O7, "sync is unproven: %s", why);

    if (r)
        set_sync(r, SYNC_UNPROVEN, v->record.sync_run);
}

void registrations_keep_sync(const struct view *v, struct plan *plan)
{
    int s = view_s(v);
    const char *why = v->record.sync != SYNC_NONE ? dropped(v) : NULL;
    bool adopted = v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_ADOPTED;
    struct record *r;

    if (why) {
        r = plan_write(plan, v, RULE_O7, "%s-%d no longer counts as SYNC replica: %s",
                       v->settings.name, s, why);
        if (r) {
            set_sync(r, SYNC_NONE, "");
            r->sync_why = SYNC_WHY_DROPPED;
        }
        return;
    }
    if (v->record.sync == SYNC_READY && v->doubt)
        doubt(v, plan, "the main showed it as lost, in STRICT_SYNC");
    else if (v->record.sync == SYNC_READY && v->s_lost_since &&
             v->now_us >= v->s_lost_since + v->settings.hold_timeout_us)
        doubt(v, plan, "it has been lost for too long, the gate opens without it");
    else if ((adopted || (v->record.sync == SYNC_UNPROVEN &&
                          strcmp(v->pods[s].run, v->record.sync_run) == 0)) &&
             proven_again(v)) {
        r = plan_write(plan, v, RULE_O7, "a touch proved that %s-%d has everything",
                       v->settings.name, s);
        if (r)
            set_sync(r, SYNC_READY, v->pods[s].run);
    }
}

void registrations_tell_loss(const struct view *v, struct plan *plan)
{
    int s = view_s(v);

    if (v->record.sync == SYNC_UNPROVEN && v->settings.durability == DURABILITY_REQUIRED &&
        v->s_lost_since && v->now_us >= v->s_lost_since + v->settings.hold_timeout_us &&
        view_unconfirming(v))
        plan_warn(plan, v, RULE_O7, "WritesFail", s,
                  "%s-%d is lost: each write fails until it is back, or an operator asks for "
                  "degrade",
                  v->settings.name, s);
}

/* ---- touches ---- */

/* S's row could vouch for it, were it proven. */
static bool s_may_be_proven(const struct view *v)
{
    const struct row *row = view_row(v, view_s(v));

    return row && row->has_data && row->mode != MODE_ASYNC && row->status == ROW_READY;
}

void registrations_keep_proof(const struct view *v, struct plan *plan)
{
    const struct row *row = view_row(v, view_s(v));
    bool adopted = v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_ADOPTED;
    int64_t due_us = v->touch_at ? v->touch_at + v->settings.proof_interval_us : v->now_us;
    int64_t ldt;

    if (!s_may_be_proven(v) || (v->record.sync == SYNC_NONE && !adopted))
        return;
    if (v->record.sync == SYNC_READY &&
        (row->mode != MODE_STRICT_SYNC || v->settings.proof_interval_us == 0 ||
         !view_ldt(v, &ldt) || ldt == v->touch_ldt))
        return; /* nothing came after the last proof, or none is needed: SYNC confirms each write */
    if (v->record.sync != SYNC_READY && v->touch_ok_at && v->touch_ok_at >= v->unproven_since &&
        v->unproven_since)
        return; /* the touch is there, the row's answer is waited for */
    if (v->record.sync != SYNC_READY && v->settings.proof_interval_us == 0)
        due_us = v->touch_at ? v->touch_at + 1000 * 1000 : v->now_us;
    if (v->now_us < due_us) {
        plan_wake(plan, due_us);
        return;
    }
    (void)plan_add(plan, v, EFFECT_TOUCH, RULE_O7, v->record.target,
                   v->record.sync == SYNC_READY ? "proves the writes since the last touch"
                                                : "would prove that S has everything");
}

/* ---- rows ---- */

static void drop(const struct view *v, struct plan *plan, const struct row *row, const char *why)
{
    struct effect *e = plan_add(plan, v, EFFECT_DROP, RULE_O7, v->record.target, "%s: %s",
                                row->name, why);

    if (!e)
        return;
    e->target = row->pod;
    (void)str_copy(e->name, sizeof e->name, row->name);
}

/* Somebody registered the same replica under a name that is none of ours: ours would be refused. */
static const struct row *foreign_row(const struct view *v, const char *address)
{
    for (unsigned i = 0; i < v->rows_n; i++)
        if (v->rows[i].pod < 0 && strcmp(v->rows[i].address, address) == 0)
            return &v->rows[i];
    return NULL;
}

/* It answers us, and T cannot register it: a person should look. */
static void tell_unregistrable(const struct view *v, struct plan *plan, int pod)
{
    if (!pod_is_unregistrable(&v->pods[pod]))
        return;
    plan_warn(
        plan, v, RULE_O7, "ReplicaNotRegistered", pod,
        "%.60s-%d answers, and %.60s-%d cannot register it. It is cut off from the main; or it "
        "has diverged (Memgraph before 3.5 does not say): then request a rebuild",
        v->settings.name, pod, v->settings.name, v->record.target);
}

static void add_async(const struct view *v, struct plan *plan, int pod)
{
    const struct pod *p = &v->pods[pod];
    char address[ADDRESS_SIZE];
    const struct row *foreign;
    struct effect *e;

    view_address(v, pod, address);
    if (!p->exists || stopping_is(v, pod) || !pod_up(p) || !address[0] || (pod >= 2 && !p->ready) ||
        pod_refused(p))
        return;
    if (p->register_retry_at > v->now_us) {
        tell_unregistrable(v, plan, pod);
        plan_wake(plan, p->register_retry_at);
        return;
    }
    if (pod_role(p) != ROLE_REPLICA || p->role_at < v->rows_at) {
        (void)plan_add(plan, v, EFFECT_ASK_ROLE, RULE_O7, pod,
                       "it must say that it is a replica before it is registered");
        return;
    }
    foreign = foreign_row(v, address);
    if (foreign) {
        if (!foreign->has_data || foreign->status == ROW_READY)
            drop(v, plan, foreign, "one of our pods under a name that is none of ours");
        return;
    }
    e = plan_add(plan, v, EFFECT_REGISTER, RULE_O7, v->record.target,
                 "%s-%d has no registration: as ASYNC", v->settings.name, pod);
    if (!e)
        return;
    e->target = pod;
    e->mode = MODE_ASYNC;
    (void)str_copy(e->address, sizeof e->address, address);
    view_pod_name(v, pod, e->name);
}

/* No heartbeat or recovery of it is at work that a DROP could trip over. */
static bool is_quiet(const struct row *row)
{
    return row->status == ROW_READY || row->status == ROW_REPLICATING;
}

/* Only a row whose pod is unreachable, that reads ready, or that is dead may be dropped: with a
 * call in flight a DROP can crash the main ("Memgraph as it is", 5). */
static bool may_drop(const struct view *v, const struct row *row)
{
    return !row->has_data || row->status == ROW_READY || !pod_up(&v->pods[row->pod]);
}

bool registrations_let_go(const struct view *v, int pod)
{
    static const int64_t patience_us = 2 * 1000 * 1000;
    const struct row *row = view_row(v, pod);
    int64_t since_us = v->pods[pod].terminating_at ? v->pods[pod].terminating_at : v->request_at;

    return pod >= 2 && v->record.transition == EPOCH_NONE && pod_up(&v->pods[v->record.target]) &&
           view_rows_fresh(v, 0) && row && row->has_data && row->mode == MODE_ASYNC &&
           pod_up(&v->pods[pod]) && (is_quiet(row) || v->now_us < since_us + patience_us);
}

static void keep_row(const struct view *v, struct plan *plan, const struct row *row)
{
    const struct pod *p = &v->pods[row->pod];
    char address[ADDRESS_SIZE];

    view_address(v, row->pod, address);
    if (!row->has_data) {
        drop(v, plan, row, "a dead row, left behind by a REGISTER that failed");
        return;
    }
    if (row->mode != MODE_ASYNC)
        return; /* S's registration goes with the epochs; never DROP and REGISTER it here */
    if (stopping_is(v, row->pod) && registrations_let_go(v, row->pod)) {
        if (is_quiet(row))
            drop(v, plan, row, "its pod is about to stop");
        return;
    }
    if (address[0] && strcmp(address, row->address) != 0 && may_drop(v, row)) {
        drop(v, plan, row, "its pod has another address now");
        return;
    }
    if (row->pod >= 2 && v->pods_known && !p->exists && may_drop(v, row)) {
        drop(v, plan, row, "its pod is gone");
        return;
    }
    if (!p->invalid_since || strcmp(p->healed_run, p->run) == 0)
        return;
    if (v->now_us < p->invalid_since + v->settings.replica_heal_us) {
        plan_wake(plan, p->invalid_since + v->settings.replica_heal_us);
        return;
    }
    drop(v, plan, row, "it answers, and has been invalid for long: registered anew, once");
}

static bool stray_main_reachable(const struct view *v)
{
    for (int i = 0; i < PODS_MAX; i++)
        if (i != v->record.target && pod_role(&v->pods[i]) == ROLE_MAIN)
            return true;
    return false;
}

void registrations_keep_rows(const struct view *v, struct plan *plan)
{
    if (!view_rows_fresh(v, 0)) {
        (void)plan_add(plan, v, EFFECT_ASK_ROWS, RULE_O7, v->record.target,
                       "its registrations are not known");
        return;
    }
    for (unsigned i = 0; i < v->rows_n; i++)
        if (v->rows[i].pod >= 0 && v->rows[i].pod != v->record.target)
            keep_row(v, plan, &v->rows[i]);
    if (stray_main_reachable(v))
        return;
    for (int i = 0; i < PODS_MAX; i++)
        if (i != v->record.target && !view_row(v, i) && (i >= 2 || v->record.sync == SYNC_NONE))
            add_async(v, plan, i);
}
