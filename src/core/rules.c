#include "core/rules.h"

#include "core/bootstrap.h"
#include "core/epoch.h"
#include "core/failover.h"
#include "core/gate.h"
#include "core/rebuild.h"
#include "core/refresh.h"
#include "core/registrations.h"
#include "core/request.h"
#include "core/returned.h"
#include "core/switchover.h"

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
    bool begins = v->record.transition != EPOCH_NONE &&
                  pod_runs(&v->pods[v->record.target], v->record.main_run);

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

/* ---- top to bottom ---- */

static void tell_mode(const struct view *v, struct plan *plan)
{
    char why[WHY_SIZE];

    if (view_mode_fits(v, why))
        return;
    plan_warn(plan, v, RULE_O7, "ModeDoesNotFit", -1, "%s", why);
}

static void decide_operational(const struct view *v, struct plan *plan)
{
    int t = v->record.target;
    const struct pod *p = &v->pods[t];
    char why[WHY_SIZE];

    decide_strays(v, plan);
    if (request_decide(v, plan))
        return;
    if (view_lost(v, t, why)) {
        failover_or_refuse(v, plan, RULE_O4, why);
        return;
    }
    if (!pod_up(p)) {
        plan_reason(plan, "%s-%d does not answer (%s): trying again", v->settings.name, t,
                    p->link_text[0] ? p->link_text : "not connected yet");
        return;
    }
    if (pod_claimed(p)) {
        plan_reason(plan,
                    "a new process answers at the address of %s-%d: waiting until Kubernetes "
                    "shows that it is the pod's",
                    v->settings.name, t);
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
    if (refresh_without_s(v, plan))
        return;
    registrations_keep_sync(v, plan);
    registrations_tell_loss(v, plan);
    if (switchover_decide(v, plan) || refresh_with_s(v, plan))
        return;
    registrations_keep_proof(v, plan);
    registrations_keep_rows(v, plan);
    rebuild_decide(v, plan);
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

/* The gate of every controller replica waits for it. */
static void ask_rows(const struct view *v, struct plan *plan)
{
    int t = v->record.target;

    if (v->record_exists && v->record.sync != SYNC_NONE && pod_role(&v->pods[t]) == ROLE_MAIN &&
        !view_rows_known(v))
        (void)plan_add(plan, v, EFFECT_ASK_ROWS, RULE_O7, t, "its registrations are not known");
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
    char pause[NOTE_SIZE];

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
    ask_rows(v, plan);
    if (!view_leading(v)) {
        plan_reason(plan, "this controller does not lead: it routes, and decides nothing");
        return;
    }
    if (v->writing) {
        plan_reason(plan, "the record is being written");
        return;
    }
    if (record_paused(&v->record, v->wall_us, NULL)) {
        plan_reason(plan, "paused: %.200s", record_pause_words(&v->record, pause));
        return;
    }
    plan->resign = is_cut_off(v, plan);
    if (!ask_roles(v, plan))
        return;
    tell_mode(v, plan);
    if (v->record_exists)
        decide_operational(v, plan);
    else
        bootstrap_decide(v, plan);
}
