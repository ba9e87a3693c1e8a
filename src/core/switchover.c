#include "core/switchover.h"

#include "core/eligibility.h"
#include "core/epoch.h"
#include "core/request.h"
#include "core/stopping.h"

enum {
    GATE_LIMIT_US = 1000 * 1000,  /* the gateways' workers answer within a turn of their loops */
    ASYNC_LIMIT_US = 2000 * 1000, /* for the ASYNC replicas alone */
    ASK_PAUSE_US = 1000           /* between two questions to T */
};

static const int64_t unready_us = 10LL * 1000 * 1000;
static const int64_t settled_us = 300LL * 1000 * 1000; /* no second change before */

/* ---- is it wanted ---- */

/* T answers, and Kubernetes calls it not Ready for long, although it had been Ready. */
static bool is_unwell(const struct view *v)
{
    const struct pod *t = &v->pods[v->record.target];

    return t->exists && t->unready_at && pod_up(t) && pod_runs(t, t->ready_run) &&
           v->pods[view_s(v)].ready && v->now_us >= t->unready_at + unready_us &&
           v->now_us >= v->target_since + settled_us;
}

bool switchover_wanted(const struct view *v, char why[WHY_SIZE])
{
    struct request r = request_open(v);

    if (stopping_is(v, v->record.target))
        (void)str_copy(why, WHY_SIZE, "its pod is about to stop");
    else if (r.kind == REQUEST_SWITCHOVER && (r.pod < 0 || r.pod == view_s(v)))
        (void)str_copy(why, WHY_SIZE, "an operator asks for it");
    else if (is_unwell(v))
        (void)str_copy(why, WHY_SIZE, "it has not been Ready for 10 s");
    else
        return false;
    return true;
}

/* T serves, and nothing else is under way. */
static bool is_at_rest(const struct view *v)
{
    const struct pod *t = &v->pods[v->record.target];

    return v->record_exists && v->record_known && !v->record_broken && view_leading(v) &&
           !record_paused(&v->record, v->wall_us, NULL) && v->record.transition == EPOCH_NONE &&
           pod_role(t) == ROLE_MAIN && pod_runs(t, v->record.main_run);
}

bool switchover_wants_epoch(const struct view *v)
{
    struct request r = request_open(v);
    bool asked = r.kind == REQUEST_SWITCHOVER ||
                 (r.kind == REQUEST_STOP && r.pod == v->record.target);
    char why[WHY_SIZE];

    return v->record.epoch == 0 && asked && !v->pods[v->record.target].terminating &&
           switchover_wanted(v, why);
}

bool switchover_due(const struct view *v)
{
    char why[WHY_SIZE];

    return is_at_rest(v) && !switchover_wants_epoch(v) && v->now_us >= v->switch_retry_at &&
           switchover_wanted(v, why) && eligibility_may_promote(v, why);
}

/* ---- what comes before the record ---- */

/* The leader's own gateways have cut: since when; 0: not yet. */
static int64_t closed_at(const struct view *v, struct plan *plan)
{
    int64_t cut_us = v->switch_since + v->settings.switchover_drain_us;

    if (v->now_us < cut_us) {
        plan_wake(plan, cut_us);
        return 0;
    }
    if (v->gate_settled_at && v->gate_seen == GATE_CUT)
        return v->gate_settled_at;
    plan_wake(plan, cut_us + GATE_LIMIT_US);
    return v->now_us >= cut_us + GATE_LIMIT_US ? cut_us + GATE_LIMIT_US : 0;
}

static void ask_rows(const struct view *v, struct plan *plan)
{
    if (v->now_us >= v->rows_at + ASK_PAUSE_US || !view_rows_fresh(v, 0))
        (void)plan_add(plan, v, EFFECT_ASK_ROWS, RULE_O4, v->record.target,
                       "have the replicas everything?");
    plan_wake(plan, v->now_us + ASK_PAUSE_US);
}

/* A touch that was sent after the gate closed, and confirmed: S has every write before it. Also one
 * in STRICT_SYNC whose last step was lost on the way: that aborts the touch. */
static bool is_touched(const struct view *v, struct plan *plan, int64_t since_us)
{
    if (v->touch_ok_at && v->touch_ok_at >= since_us)
        return true;
    (void)plan_add(plan, v, EFFECT_TOUCH, RULE_O4, v->record.target,
                   "proves that S has everything before the main moves");
    return false;
}

static bool s_has_all(const struct view *v, struct plan *plan)
{
    const struct row *row = view_row(v, view_s(v));

    if (row && view_rows_fresh(v, v->touch_end_at) && row->has_data && row->mode != MODE_ASYNC &&
        row->status == ROW_READY && row->behind == 0)
        return true;
    ask_rows(v, plan);
    return false;
}

/* An A that is still in the old epoch would be refused by the new main: it must have passed this
 * epoch's touch. For a while it is waited for. */
static bool others_follow(const struct view *v, struct plan *plan, int64_t since_us)
{
    if (v->now_us >= since_us + ASYNC_LIMIT_US)
        return true;
    for (int i = 2; i < PODS_MAX; i++) {
        const struct row *row = view_row(v, i);

        if (!row || pod_role(&v->pods[i]) != ROLE_REPLICA || !row->has_data ||
            row->status == ROW_DIVERGED)
            continue;
        if (v->work.touch_ts ? row->ts >= v->work.touch_ts : row->behind >= 0)
            continue;
        plan_wake(plan, since_us + ASYNC_LIMIT_US);
        ask_rows(v, plan);
        return false;
    }
    return true;
}

static void prepare(const struct view *v, struct plan *plan, const char *why)
{
    int64_t since_us = closed_at(v, plan);

    plan_reason(plan, "%s-%d hands over to %s-%d: %s", v->settings.name, v->record.target,
                v->settings.name, view_s(v), why);
    if (!since_us || !is_touched(v, plan, since_us) || !s_has_all(v, plan) ||
        !others_follow(v, plan, since_us))
        return;
    (void)epoch_begin(v, plan, RULE_O4, EPOCH_SWITCHOVER, view_s(v), "%s-%d hands over: %s",
                      v->settings.name, v->record.target, why);
}

/* It may come to be wanted without any event. */
static void wake_when_unwell(const struct view *v, struct plan *plan)
{
    const struct pod *t = &v->pods[v->record.target];
    int64_t ready_us = v->target_since + settled_us;

    if (!t->unready_at)
        return;
    if (t->unready_at + unready_us > ready_us)
        ready_us = t->unready_at + unready_us;
    if (ready_us > v->now_us)
        plan_wake(plan, ready_us);
}

/* The main serves meanwhile: what is refused here is no failover. */
static void wait_for_s(const struct view *v, struct plan *plan, const char *why,
                       const char *obstacle)
{
    plan_reason(plan, "no switchover from %.60s-%d yet (%.60s): %.110s", v->settings.name,
                v->record.target, why, obstacle);
    plan_warn(plan, v, RULE_O5, "SwitchoverWaits", v->record.target, "%s", plan->reason);
}

bool switchover_decide(const struct view *v, struct plan *plan)
{
    char why[WHY_SIZE], obstacle[WHY_SIZE];

    if (!switchover_wanted(v, why)) {
        wake_when_unwell(v, plan);
        return false;
    }
    if (!eligibility_may_promote(v, obstacle)) {
        wait_for_s(v, plan, why, obstacle);
        return false; /* the rules below may make S fit for it */
    }
    if (switchover_wants_epoch(v))
        return false;       /* the refresh comes first */
    if (!v->switch_since) { /* given up a moment ago */
        plan_wake(plan, v->switch_retry_at);
        return false;
    }
    plan_wake(plan, v->switch_since + v->settings.switchover_drain_us +
                        v->settings.switchover_timeout_us);
    prepare(v, plan, why);
    return true;
}
