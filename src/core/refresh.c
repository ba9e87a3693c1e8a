#include "core/refresh.h"

#include "core/epoch.h"
#include "core/request.h"
#include "core/stopping.h"
#include "core/switchover.h"

/* ---- (c) S must go out of T's way ---- */

/* T's writes wait for S, or would fail without it. */
static bool s_takes_part(const struct view *v)
{
    const struct row *row = view_row(v, view_s(v));

    return v->record.sync != SYNC_NONE || (row && row->has_data && row->mode != MODE_ASYNC);
}

/* With a write in flight to an S that hangs, T would not answer a demotion for up to 30 s. Its pod
 * is deleted first: then T is told that the connection broke. */
static bool s_hangs(const struct view *v, struct plan *plan)
{
    static const int64_t patience_us = 30LL * 1000 * 1000;
    const struct pod *s = &v->pods[view_s(v)];
    struct effect *e;

    if (s->link != LINK_DOWN || s->link_fail != FAIL_TIMEOUT || !s->exists ||
        v->now_us >= s->link_at + patience_us)
        return false;
    plan_wake(plan, s->link_at + patience_us);
    plan_reason(plan, "%s-%d hangs: its pod is deleted, so that the main can go on without it",
                v->settings.name, view_s(v));
    if (s->terminating || s->deleted_at > s->link_at)
        return true;
    e = plan_add(plan, v, EFFECT_DELETE_POD, RULE_O6, view_s(v),
                 "it hangs, and the main is to go on without it");
    if (e)
        e->warning = true;
    return true;
}

static void begin_alone(const struct view *v, struct plan *plan, enum sync_why why,
                        const char *reason)
{
    const struct pod *s = &v->pods[view_s(v)];
    bool by_operator = request_open(v).kind == REQUEST_DEGRADE;
    struct record *r = epoch_begin(v, plan, RULE_O6, EPOCH_REFRESH, v->record.target,
                                   "%s-%d goes on without %s-%d: %s", v->settings.name,
                                   v->record.target, v->settings.name, view_s(v), reason);

    if (!r)
        return;
    r->sync = SYNC_NONE;
    r->sync_why = why;
    r->sync_run[0] = '\0';
    r->sync_until_wall_us = why == SYNC_WHY_PLANNED ? v->wall_us + v->settings.planned_limit_us : 0;
    if (why == SYNC_WHY_DEGRADED && by_operator) { /* this process of S is set aside */
        (void)str_copy(r->sync_run, sizeof r->sync_run, s->run);
        request_close(r, "served");
    }
    if (why != SYNC_WHY_DEGRADED)
        return;
    plan_warn(plan, v, RULE_O6, "Degraded", v->record.target,
              "%s-%d goes on without %s-%d (%.60s): no failover until it is back and proven",
              v->settings.name, v->record.target, v->settings.name, view_s(v), reason);
}

/* DURABILITY=preferred: since when S has been away; 0: it is not. */
static int64_t lost_since(const struct view *v)
{
    if (v->settings.durability != DURABILITY_PREFERRED)
        return 0;
    return v->s_lost_since ? v->s_lost_since : v->s_row_lost_since;
}

/* Why T shall go on without S now; SYNC_WHY_REFRESH: it shall not. */
static enum sync_why why_alone(const struct view *v, struct plan *plan, const char **reason)
{
    int64_t since_us = lost_since(v), due_us = since_us + v->settings.sync_loss_us;

    *reason = "an operator asks for it";
    if (request_open(v).kind == REQUEST_DEGRADE)
        return SYNC_WHY_DEGRADED;
    if (!s_takes_part(v))
        return SYNC_WHY_REFRESH;
    *reason = "it has been lost for too long";
    if (since_us && v->now_us >= due_us)
        return SYNC_WHY_DEGRADED;
    if (since_us)
        plan_wake(plan, due_us);
    *reason = "its pod is about to stop";
    if (stopping_is(v, view_s(v)) && v->settings.planned_restart == PLANNED_DEGRADE)
        return SYNC_WHY_PLANNED;
    return SYNC_WHY_REFRESH;
}

bool refresh_without_s(const struct view *v, struct plan *plan)
{
    const char *reason;
    enum sync_why why = why_alone(v, plan, &reason);

    if (why == SYNC_WHY_REFRESH)
        return false;
    if (!s_hangs(v, plan))
        begin_alone(v, plan, why, reason);
    return true;
}

/* ---- (b) S joins, or joins again ---- */

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

/* This process of S was refused, as the record says: a leader before us may have tried. */
static bool was_refused(const struct view *v)
{
    const struct record *r = &v->record;

    return r->sync == SYNC_NONE && r->sync_why == SYNC_WHY_REFUSED &&
           pod_runs(&v->pods[view_s(v)], r->sync_run);
}

/* Where T serves alone by decision, an S that T cannot reach would cost its writes a pause: not
 * before its row, as an ASYNC one, shows that they meet. With a row in the sync mode, as an adopted
 * S may have one, they wait for it already. */
static bool row_forbids(const struct view *v)
{
    const struct row *row = view_row(v, view_s(v));

    return record_alone_by_decision(&v->record, v->wall_us) && v->pods[view_s(v)].row_bad &&
           (!row || row->mode == MODE_ASYNC);
}

/* Whom an operator had set aside may come back with it. */
static void begin_asked(const struct view *v, struct plan *plan)
{
    struct record *r = epoch_begin(v, plan, RULE_REQUEST, EPOCH_REFRESH, v->record.target,
                                   "an operator asks for it");

    if (r && r->sync == SYNC_NONE && r->sync_why == SYNC_WHY_DEGRADED)
        r->sync_run[0] = '\0';
}

bool refresh_with_s(const struct view *v, struct plan *plan)
{
    char why[WHY_SIZE];
    const struct pod *s = &v->pods[view_s(v)];
    bool armed = record_sync_is(&v->record, SYNC_READY, s->run);
    bool doubted = record_sync_is(&v->record, SYNC_UNPROVEN, s->run);
    int64_t doubt_until_us = v->unproven_since + v->settings.replica_heal_us;

    if (request_open(v).kind == REQUEST_REFRESH) {
        begin_asked(v, plan);
        return true;
    }
    if ((armed && !switchover_wants_epoch(v)) || pod_role(s) != ROLE_REPLICA ||
        !epoch_s_can_join(v, why) || was_refused(v) || row_forbids(v))
        return false;
    if (doubted && (!v->unproven_since || v->now_us < doubt_until_us)) {
        plan_wake(plan, doubt_until_us);
        return false;
    }
    if (v->now_us < v->refresh_retry_at) {
        plan_wake(plan, v->refresh_retry_at);
        return false;
    }
    if (touch_may_do(v))
        return false;
    if (!view_rows_fresh(v, 0) || async_hangs(v, plan) || !s_caught_up(v, plan))
        return false;
    (void)epoch_begin(
        v, plan, RULE_O6, EPOCH_REFRESH, v->record.target,
        armed ? "%s-%d is to take over, and the lineage of the adopted main is not known"
              : "%s-%d joins as SYNC replica: its process is new to this epoch",
        v->settings.name, view_s(v));
    return true;
}
