#include "core/epoch.h"

#include "core/epoch_finish.h"
#include "core/stopping.h"

#include <assert.h>

enum {
    GATE_LIMIT_US = 1000 * 1000,  /* the gateways' workers answer within a turn of their loops */
    ANSWER_LIMIT_US = 100 * 1000, /* for the other pods, step 6 */
    LABEL_LIMIT_US = 100 * 1000,  /* the API server has just written the record */
    ASK_PAUSE_US = 1000           /* between two questions whether S is ready */
};

/* Steps 2 to 8; each says whether the next one may go on. */

bool epoch_s_can_join(const struct view *v, char why[WHY_SIZE])
{
    const struct pod *s = &v->pods[view_s(v)];

    why[0] = '\0';
    if (!pod_up(s) || !s->exists)
        (void)str_copy(why, WHY_SIZE, "it cannot be reached");
    else if (stopping_is(v, view_s(v)))
        (void)str_copy(why, WHY_SIZE, "it is about to stop");
    else if (v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_DEGRADED &&
             pod_runs(s, v->record.sync_run))
        (void)str_copy(why, WHY_SIZE, "an operator set it aside");
    else if (pod_refused(s))
        (void)str_copy(why, WHY_SIZE, "it was refused as diverged");
    return why[0] == '\0';
}

static bool kind_registers(enum epoch_kind kind)
{
    return kind != EPOCH_FAILOVER; /* nothing slow stands in the way of the writes */
}

/* All roles are asked at once, as step 6 wants answers younger than the decision. */
static void ask_others(const struct view *v, struct plan *plan)
{
    for (int i = 0; i < PODS_MAX; i++) {
        const struct pod *p = &v->pods[i];

        if (i != v->record.target && pod_up(p) && p->role_at < v->work.recorded_at)
            (void)plan_add(plan, v, EFFECT_ASK_ROLE, RULE_EPOCH, i,
                           "its role is asked for before it is registered");
    }
}

static bool step_gate(const struct view *v, struct plan *plan)
{
    bool hold = plan->gate.state == GATE_HOLD;
    int64_t until_us = v->work.recorded_at + v->settings.hold_drain_us + GATE_LIMIT_US;

    if (plan->gate.state == GATE_OPEN) /* step 7 is done */
        return true;
    if (v->gate_settled && v->gate_in_force == plan->gate.state && (!hold || v->gate_drained))
        return true;
    plan_wake(plan, until_us);
    plan_reason(plan, "waiting for the gateways to %s", hold ? "hold" : "cut");
    return v->now_us >= until_us;
}

/* By us, in this epoch, and nobody took it back. Or by a leader before us: whom a failover chose
 * was a replica when that was recorded (`from` says that the main moves), and is main now. That one
 * is not demoted again: it may have acknowledged writes already, which nobody but it holds. One
 * whom an operator forces may have been main before. */
static bool is_promoted(const struct view *v)
{
    enum role role = pod_role(&v->pods[v->record.target]);

    if (v->record.transition == EPOCH_FAILOVER && v->record.promoted != PROMOTED_FORCED &&
        v->record.from >= 0 && role == ROLE_MAIN)
        return true;
    return v->work.promoted && role != ROLE_REPLICA;
}

/* The first epoch of all needs no promotion: a new process with nothing in it is in an epoch of
 * its own. */
static bool is_first(const struct view *v)
{
    return v->record.transition == EPOCH_INITIAL && v->record.epoch == 1;
}

/* A switchover whose X is main, though not by us: a leader before us has promoted it, and opened
 * its gate, maybe. Once it is demoted again nothing would show that, and after a restart the way
 * back to the old main would lose what X acknowledged: there is no way back from now on. */
static bool way_back_is_closed(const struct view *v, struct plan *plan)
{
    int from = v->record.from;
    struct record *r;

    if (v->record.transition != EPOCH_SWITCHOVER || from < 0 ||
        !pod_runs(&v->pods[from], v->record.from_run))
        return true;
    r = plan_write(plan, v, RULE_EPOCH, "%s-%d is main already, and may have served",
                   v->settings.name, v->record.target);
    if (r) {
        r->from = -1;
        r->from_run[0] = '\0';
        if (pod_role(&v->pods[from]) != ROLE_REPLICA)
            r->fenced |= 1U << from;
    }
    return false;
}

/* Step 3. The other of the pair, if it is main and can be reached; X, unless this leader has
 * promoted it in this epoch. */
static bool step_demote(const struct view *v, struct plan *plan)
{
    int x = v->record.target, other = view_s(v);
    const struct pod *o = &v->pods[other];

    if (pod_up(o) && pod_role(o) == ROLE_UNKNOWN && o->command == EFFECT_NONE)
        (void)plan_add(plan, v, EFFECT_ASK_ROLE, RULE_EPOCH, other, "its role is not known");
    if (pod_role(o) == ROLE_MAIN)
        (void)plan_add(plan, v, EFFECT_DEMOTE, RULE_EPOCH, other, "%s-%d is to be the only main",
                       v->settings.name, x);
    if (is_promoted(v))
        return true;
    if (v->record.transition == EPOCH_SWITCHOVER && pod_up(o) && pod_role(o) != ROLE_REPLICA)
        return false; /* it takes writes until then */
    if (pod_role(&v->pods[x]) == ROLE_UNKNOWN) {
        (void)plan_add(plan, v, EFFECT_ASK_ROLE, RULE_EPOCH, x, "its role is not known");
        return false;
    }
    if (pod_role(&v->pods[x]) == ROLE_REPLICA || is_first(v))
        return true;
    if (!way_back_is_closed(v, plan))
        return false;
    (void)plan_add(plan, v, EFFECT_DEMOTE, RULE_EPOCH, x,
                   "a promotion, and with it the epoch, needs a replica");
    return false;
}

/* Whoever finds the main by its pod's label does not find two. For a moment that is waited for. */
static bool step_label(const struct view *v, struct plan *plan)
{
    int64_t until_us = v->work.recorded_at + LABEL_LIMIT_US;

    if (!(v->main_labels & ~(1U << v->record.target)) || v->now_us >= until_us)
        return true;
    plan_wake(plan, until_us);
    plan_reason(plan, "waiting until no other pod is labelled as main");
    return false;
}

static bool step_promote(const struct view *v, struct plan *plan)
{
    int x = v->record.target;

    if (is_promoted(v) || (is_first(v) && pod_role(&v->pods[x]) == ROLE_MAIN))
        return true;
    (void)plan_add(plan, v, EFFECT_PROMOTE, RULE_EPOCH, x, "epoch %lld begins on it",
                   (long long)v->record.epoch);
    return false;
}

static bool step_users(const struct view *v, struct plan *plan)
{
    if (!v->settings.has_users || v->work.users || v->record.transition == EPOCH_REFRESH)
        return true;
    (void)plan_add(plan, v, EFFECT_ENSURE_USERS, RULE_EPOCH, v->record.target,
                   "an unlicensed main wipes the users of its replicas");
    return false;
}

static void add_register(const struct view *v, struct plan *plan, int pod, enum mode mode)
{
    struct effect *e = plan_add(plan, v, EFFECT_REGISTER, RULE_EPOCH, v->record.target,
                                "%s-%d joins epoch %lld as %s", v->settings.name, pod,
                                (long long)v->record.epoch, mode_name(mode));

    if (!e)
        return;
    e->target = pod;
    e->mode = mode;
    view_address(v, pod, e->address);
    view_pod_name(v, pod, e->name);
}

/* It answered, after the epoch was recorded, that it is a replica. */
static bool is_ready_to_join(const struct view *v, int pod)
{
    const struct pod *p = &v->pods[pod];
    char address[ADDRESS_SIZE];

    view_address(v, pod, address);
    return pod_role(p) == ROLE_REPLICA && p->role_at >= v->work.recorded_at && address[0];
}

/* T serves alone by decision, and S failed to join a moment ago, or T could not reach it when it
 * was given up: without it, for now. */
static bool s_must_wait(const struct view *v)
{
    const struct record *r = &v->record;

    if (r->transition != EPOCH_REFRESH || !record_alone_by_decision(r, v->wall_us))
        return false;
    return v->now_us < v->refresh_retry_at ||
           (r->sync_why == SYNC_WHY_DEGRADED && v->pods[view_s(v)].row_bad);
}

bool epoch_s_is_compared(const struct view *v)
{
    const struct record *r = &v->record;

    return r->transition == EPOCH_SWITCHOVER && r->from == view_s(v) && !r->from_run[0];
}

/* In a comparison the process that was refused must still be there when that is recorded. */
static bool s_has_answered(const struct view *v)
{
    return v->work.s_done &&
           (!epoch_s_is_compared(v) || v->work.s_registered || pod_refused(&v->pods[view_s(v)]));
}

/* S answers us, and X cannot register it: only a person knows whom to believe then. */
static void tell_incomparable(const struct view *v, struct plan *plan)
{
    const struct pod *s = &v->pods[view_s(v)];

    if (!pod_up(s) || !pod_is_unregistrable(s))
        return;
    plan_warn(
        plan, v, RULE_EPOCH, "PairNotCompared", v->record.target,
        "%.60s-%d cannot register %.60s-%d: who of the pair has more is not known, and nobody "
        "serves. Mend the network; or: failover --to POD --accept-data-loss",
        v->settings.name, v->record.target, v->settings.name, view_s(v));
}

/* S first: the writes wait for it. */
static bool step_register_s(const struct view *v, struct plan *plan)
{
    int s = view_s(v);
    int64_t until_us = v->work.recorded_at + v->settings.refresh_timeout_us;
    char why[WHY_SIZE];

    if (s_has_answered(v) || s_must_wait(v))
        return true;
    if (!epoch_s_is_compared(v) && (v->now_us >= until_us || !epoch_s_can_join(v, why)))
        return true;
    plan_wake(plan, until_us);
    plan_reason(plan, "%s-%d is being registered", v->settings.name, s);
    if (v->work.s_incomparable && v->now_us < v->pods[s].register_retry_at) {
        tell_incomparable(v, plan);
        plan_wake(plan, v->pods[s].register_retry_at);
    } else if (is_ready_to_join(v, s)) {
        add_register(v, plan, s, view_sync_mode(v));
    }
    return false;
}

static bool s_has_more(const struct view *v, struct plan *plan)
{
    int s = view_s(v);
    struct record *r;

    if (!epoch_s_is_compared(v) || v->work.touched || !v->work.s_done || !pod_refused(&v->pods[s]))
        return false;
    plan_reason(plan, "%s-%d holds more than %s-%d: it goes on", v->settings.name, s,
                v->settings.name, v->record.target);
    r = epoch_begin(v, plan, RULE_EPOCH, EPOCH_SWITCHOVER, s, "it holds more than %s-%d",
                    v->settings.name, v->record.target);
    if (r)
        r->from = -1; /* X is known to hold less: there is no way back to it */
    return true;
}

static bool step_register_others(const struct view *v, struct plan *plan)
{
    int64_t until_us = v->work.recorded_at + ANSWER_LIMIT_US;

    for (int i = 2; i < PODS_MAX; i++) {
        const struct pod *p = &v->pods[i];

        if (!p->exists || !pod_up(p) || p->terminating || v->work.tried & 1U << i)
            continue;
        if (is_ready_to_join(v, i)) {
            add_register(v, plan, i, MODE_ASYNC);
            return false;
        }
        if (p->role_at < v->work.recorded_at && v->now_us < until_us) {
            plan_wake(plan, until_us);
            return false;
        }
    }
    return true;
}

static bool step_wait_s(const struct view *v, struct plan *plan)
{
    int64_t until_us = v->work.s_registered_at + v->settings.refresh_timeout_us;

    if (!v->work.s_registered || v->work.touched || v->now_us >= until_us ||
        epoch_s_stands(v, v->work.s_registered_at, true))
        return true;
    if (v->now_us >= v->rows_at + ASK_PAUSE_US || !view_rows_fresh(v, v->work.s_registered_at))
        (void)plan_add(plan, v, EFFECT_ASK_ROWS, RULE_EPOCH, v->record.target,
                       "is S ready in this epoch?");
    plan_wake(plan, v->now_us + ASK_PAUSE_US);
    plan_reason(plan, "waiting until %s-%d is ready", v->settings.name, view_s(v));
    return false;
}

static bool step_touch(const struct view *v, struct plan *plan)
{
    if (!v->work.touched) {
        (void)plan_add(plan, v, EFFECT_TOUCH, RULE_EPOCH, v->record.target,
                       "makes epoch %lld durable%s", (long long)v->record.epoch,
                       v->work.s_registered ? ", and proves S" : "");
        return false;
    }
    if (!v->work.s_registered || view_rows_fresh(v, v->work.touched_at))
        return true;
    (void)plan_add(plan, v, EFFECT_ASK_ROWS, RULE_EPOCH, v->record.target,
                   "does S's registration still stand after the touch?");
    return false;
}

/* With nobody to vouch for it any more, an S that never became ready is taken out again: where T
 * had served alone by decision, a refresh without S lets it go on. */
static bool gives_up_on_s(const struct view *v, struct plan *plan)
{
    if (!v->work.touched || !v->work.s_registered || epoch_s_proven(v) ||
        !record_alone_by_decision(&v->record, v->wall_us))
        return false;
    (void)epoch_begin(v, plan, RULE_EPOCH, EPOCH_REFRESH, v->record.target,
                      "S did not become ready, the main served alone before and goes on so");
    return true;
}

void epoch_step(const struct view *v, struct plan *plan)
{
    bool registers = kind_registers(v->record.transition);

    assert(v->record.transition != EPOCH_NONE);
    plan_reason(plan, "epoch %lld (%s) is being begun on %s-%d", (long long)v->record.epoch,
                epoch_kind_name(v->record.transition), v->settings.name, v->record.target);
    if (registers)
        ask_others(v, plan);
    if (!step_gate(v, plan) || !step_demote(v, plan) || !step_label(v, plan) ||
        !step_promote(v, plan) || !step_users(v, plan))
        return;
    if (registers && !v->work.touched &&
        (!step_register_s(v, plan) || s_has_more(v, plan) || !step_register_others(v, plan) ||
         !step_wait_s(v, plan)))
        return;
    if (!step_touch(v, plan) || gives_up_on_s(v, plan))
        return;
    epoch_finish(v, plan);
}
