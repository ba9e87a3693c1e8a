#include "core/rules.h"

#include "core/bootstrap.h"
#include "core/epoch.h"
#include "core/failover.h"
#include "core/gate.h"
#include "core/registrations.h"
#include "core/returned.h"

/* ---- O1: a pod other than T is main ---- */

static void fence(const struct view *v, struct plan *plan, int pod)
{
    const struct record *now = &v->record;
    bool breaks_sync = pod == view_s(v) && now->sync != SYNC_NONE &&
                       pod_runs(&v->pods[pod], now->sync_run);
    struct record *r;

    if (record_is_fenced(now, pod) && !breaks_sync) {
        (void)plan_add(plan, v, EFFECT_DEMOTE, RULE_O1, pod,
                       "%s-%d is main without being meant to: %s-%d is", v->settings.name, pod,
                       v->settings.name, now->target);
        return;
    }
    r = plan_write(plan, v, RULE_O1, "%s-%d is main without being meant to: it is to be demoted",
                   v->settings.name, pod);
    if (!r)
        return;
    r->fenced |= 1U << pod;
    if (breaks_sync) {
        r->sync = SYNC_NONE;
        r->sync_why = SYNC_WHY_STRAY;
        r->sync_run[0] = '\0';
    }
}

static void decide_strays(const struct view *v, struct plan *plan)
{
    bool begins = v->record.transition != EPOCH_NONE;

    for (int i = 0; i < PODS_MAX; i++) {
        if (i == v->record.target || pod_role(&v->pods[i]) != ROLE_MAIN || !view_role_fresh(v, i))
            continue;
        if (begins && i == view_s(v))
            continue; /* step 3 of the epoch sees to it */
        fence(v, plan, i);
    }
}

/* A fenced pod that says that it is a replica needs no fence any more. */
static void decide_unfence(const struct view *v, struct plan *plan)
{
    uint32_t over = 0;
    struct record *r;

    for (int i = 0; i < PODS_MAX; i++)
        if (record_is_fenced(&v->record, i) && pod_role(&v->pods[i]) == ROLE_REPLICA)
            over |= 1U << i;
    if (!over)
        return;
    r = plan_write(plan, v, RULE_O1, "what was fenced is a replica now");
    if (r)
        r->fenced &= ~over;
}

/* ---- O6: an epoch is due ---- */

/* An ASYNC replica that hangs would make the demotion wait for it; for a while it is waited for. */
static bool async_hangs(const struct view *v, struct plan *plan)
{
    static const int64_t patience_us = 10 * 1000 * 1000;

    for (int i = 2; i < PODS_MAX; i++) {
        const struct pod *p = &v->pods[i];

        if (!view_row(v, i) || p->link != LINK_DOWN || p->link_fail != FAIL_TIMEOUT)
            continue;
        if (v->now_us < p->link_at + patience_us) {
            plan_wake(plan, p->link_at + patience_us);
            return true;
        }
    }
    return false;
}

/* S holds nearly everything, or will not come nearer by waiting. */
static bool s_caught_up(const struct view *v, struct plan *plan)
{
    static const int64_t stuck_us = 5 * 1000 * 1000;
    const struct row *row = view_row(v, view_s(v));
    char address[ADDRESS_SIZE];

    if (!row)
        return v->record.sync != SYNC_NONE; /* its registration is gone: only a refresh helps */
    view_address(v, view_s(v), address);
    if (row->mode != MODE_ASYNC && strcmp(row->address, address) != 0)
        return true;
    if (!row->has_data)
        return false; /* O7 drops the dead row first */
    if (row->behind >= -v->settings.catchup_behind && row->ts > 0)
        return true;
    plan_wake(plan, v->s_best_at + stuck_us);
    return v->s_best_at && v->now_us >= v->s_best_at + stuck_us;
}

/* Of an adopted pair S may be in the sync mode already: a touch of O7's then spares the refresh,
 * unless it failed. */
static bool touch_may_do(const struct view *v)
{
    const struct pod *s = &v->pods[view_s(v)];
    const struct row *row = view_row(v, view_s(v));
    int64_t heals_us = s->invalid_since + v->settings.replica_heal_us;

    if (v->record.sync != SYNC_NONE || v->record.sync_why != SYNC_WHY_ADOPTED || !row ||
        !row->has_data || row->mode == MODE_ASYNC || (s->invalid_since && v->now_us >= heals_us))
        return false;
    return !v->touch_at || v->touch_ok_at == v->touch_at ||
           v->pods[v->record.target].command == EFFECT_TOUCH;
}

/* (b) S joins, or joins again. */
static bool decide_s_joins(const struct view *v, struct plan *plan)
{
    const struct pod *s = &v->pods[view_s(v)];
    bool armed = record_sync_is(&v->record, SYNC_READY, s->run);
    bool doubted = record_sync_is(&v->record, SYNC_UNPROVEN, s->run);
    int64_t doubt_until_us = v->unproven_since + v->settings.replica_heal_us;
    char why[WHY_SIZE];

    if (armed || pod_role(s) != ROLE_REPLICA || !epoch_s_can_join(v, why))
        return false;
    if (doubted && (!v->unproven_since || v->now_us < doubt_until_us)) {
        plan_wake(plan, doubt_until_us);
        return false;
    }
    if (v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_REFUSED &&
        pod_runs(s, v->record.sync_run))
        return false;
    if (v->now_us < v->refresh_retry_at) {
        plan_wake(plan, v->refresh_retry_at);
        return false;
    }
    if (touch_may_do(v))
        return false;
    if (!view_rows_fresh(v, 0) || async_hangs(v, plan) || !s_caught_up(v, plan))
        return false;
    epoch_begin(v, plan, RULE_O6, EPOCH_REFRESH, v->record.target,
                "%s-%d joins as SYNC replica: its process is new to this epoch", v->settings.name,
                view_s(v));
    return true;
}

/* S answers and is refused as diverged: only a person can help. */
static void tell_refused(const struct view *v, struct plan *plan)
{
    const char *name = v->settings.name;
    int s = view_s(v), t = v->record.target;
    const struct pod *p = &v->pods[s];
    bool recorded = v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_REFUSED &&
                    pod_runs(p, v->record.sync_run);
    struct effect *e;

    if (pod_role(p) != ROLE_REPLICA || !(recorded || pod_refused(p)))
        return;
    e = plan_add(plan, v, EFFECT_EVENT, RULE_O6, -1,
                 "%.60s-%d is refused as diverged by %.60s-%d. Restart the main's process (its new "
                 "epoch may heal it), or move the replica's data aside",
                 name, s, name, t);
    if (e) {
        e->event = "ReplicaRefused";
        e->warning = true;
    }
}

/* ---- top to bottom ---- */

static void decide_operational(const struct view *v, struct plan *plan)
{
    int t = v->record.target;
    const struct pod *p = &v->pods[t];
    char why[WHY_SIZE];

    decide_strays(v, plan);
    if (view_lost(v, t, why)) {
        failover_or_refuse(v, plan, RULE_O4, why);
        return;
    }
    if (!pod_up(p)) {
        plan_reason(plan, "%s-%d does not answer (%s): trying again", v->settings.name, t,
                    p->link_text[0] ? p->link_text : "not connected yet");
        return;
    }
    if (pod_role(p) == ROLE_UNKNOWN && p->command == EFFECT_NONE) {
        (void)plan_add(plan, v, EFFECT_ASK_ROLE, RULE_O3, t, "the main's role is not known");
        return;
    }
    if (v->record.transition != EPOCH_NONE && pod_runs(p, v->record.main_run)) {
        epoch_step(v, plan);
        return;
    }
    if (pod_role(p) == ROLE_UNKNOWN)
        return; /* a command is under way: its answer comes first */
    if (pod_role(p) == ROLE_REPLICA) {
        returned_as_replica(v, plan);
        return;
    }
    if (!pod_runs(p, v->record.main_run)) {
        returned_restarted(v, plan);
        return;
    }
    plan_reason(plan, "%s-%d is main", v->settings.name, t);
    tell_refused(v, plan);
    registrations_keep_sync(v, plan);
    if (decide_s_joins(v, plan))
        return;
    registrations_keep_proof(v, plan);
    registrations_keep_rows(v, plan);
    decide_unfence(v, plan);
}

/* A leader that has had no link to either of the pair for long, while Kubernetes calls one of them
 * Ready, is the one that is cut off: another controller may do better. */
static bool is_cut_off(const struct view *v, struct plan *plan)
{
    static const int64_t patience_us = 10 * 1000 * 1000;
    bool ready = false;

    for (int i = 0; i < 2; i++) {
        const struct pod *p = &v->pods[i];

        if (p->link != LINK_DOWN)
            return false;
        if (v->now_us < p->link_at + patience_us) {
            plan_wake(plan, p->link_at + patience_us);
            return false;
        }
        ready = ready || (p->exists && p->ready);
    }
    return ready;
}

/* A new leader, or one whose record was changed under it, has roles from before: they are asked for
 * anew, all at once, and waited for, but not for long. */
static bool ask_roles(const struct view *v, struct plan *plan)
{
    static const int64_t patience_us = 100 * 1000;
    bool all = true;

    for (int i = 0; i < PODS_MAX; i++) {
        if (!pod_up(&v->pods[i]) || view_role_fresh(v, i))
            continue;
        (void)plan_add(plan, v, EFFECT_ASK_ROLE, RULE_B2, i,
                       "its role was asked for before the record was changed");
        all = false;
    }
    if (all || v->now_us >= v->roles_since + patience_us)
        return true;
    plan_wake(plan, v->roles_since + patience_us);
    plan_reason(plan, "the pods are asked for their roles");
    return false;
}

static void name_state(const struct view *v, struct plan *plan)
{
    bool forming = v->record.transition == EPOCH_INITIAL ||
                   (v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_INITIAL);

    (void)str_copy(plan->state, sizeof plan->state,
                   !v->record_exists ? "BOOTSTRAP"
                   : forming         ? "INITIAL_STATE"
                                     : "OPERATIONAL_STATE");
}

void rules_decide(const struct view *v, struct plan *plan)
{
    plan_init(plan, v);
    gate_decide(v, plan);
    name_state(v, plan);
    if (!v->record_known) {
        plan_reason(plan, "the record has not been read yet");
        return;
    }
    if (v->record_broken) {
        (void)str_copy(plan->state, sizeof plan->state, "UNKNOWN_STATE");
        plan_reason(plan, "the record makes no sense: %.200s", v->record_why);
        return;
    }
    if (!view_leading(v)) {
        plan_reason(plan, "this controller does not lead: it routes, and decides nothing");
        return;
    }
    if (v->writing) {
        plan_reason(plan, "the record is being written");
        return;
    }
    if (record_paused(&v->record, v->wall_us, NULL)) {
        plan_reason(plan, "paused: %.200s", v->record.paused);
        return;
    }
    plan->resign = is_cut_off(v, plan);
    if (!ask_roles(v, plan))
        return;
    if (v->record_exists)
        decide_operational(v, plan);
    else
        bootstrap_decide(v, plan);
}
