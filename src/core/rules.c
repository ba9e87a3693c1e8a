#include "core/rules.h"

#include "core/bootstrap.h"
#include "core/eligibility.h"
#include "core/epoch.h"
#include "core/gate.h"
#include "core/registrations.h"

static bool same_run(const struct pod *p, const char *run)
{
    return strcmp(p->run, run) == 0;
}

static void event(const struct view *v, struct plan *plan, enum rule rule, const char *reason,
                  const char *why)
{
    struct effect *e = plan_add(plan, v, EFFECT_EVENT, rule, -1, "%s", why);

    if (e) {
        e->event = reason;
        e->warning = true;
    }
}

/* ---- O1: a pod other than T is main ---- */

static void fence(const struct view *v, struct plan *plan, int pod)
{
    const struct record *now = &v->record;
    bool breaks_sync = pod == view_s(v) && now->sync != SYNC_NONE &&
                       same_run(&v->pods[pod], now->sync_run);
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
        if (i == v->record.target || pod_role(&v->pods[i]) != ROLE_MAIN)
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

/* ---- O4 and O5: T is lost ---- */

static void fail_over_or_refuse(const struct view *v, struct plan *plan, enum rule rule,
                                const char *why)
{
    char name[NAME_SIZE + 8], eligible[WHY_SIZE], text[WHY_SIZE];

    view_pod_name(v, v->record.target, name);
    if (eligibility_may_promote(v, eligible)) {
        plan_reason(plan, "%.60s is lost: failing over", name);
        epoch_begin(v, plan, rule, EPOCH_FAILOVER, view_s(v), "%.60s: %.60s; %.80s", name, why,
                    eligible);
        return;
    }
    (void)str_format(text, sizeof text, "no failover from %.60s (%.60s): %.110s", name, why,
                     eligible);
    plan_reason(plan, "%s", text);
    event(v, plan, RULE_O5, "FailoverRefused", text);
}

/* ---- O2: T came back with less than it had ---- */

static bool came_back_with_less(const struct view *v, char why[WHY_SIZE])
{
    const struct pod *t = &v->pods[v->record.target], *s = &v->pods[view_s(v)];
    const struct row *row = view_row(v, view_s(v));

    if (row && row->has_data && (row->behind > 0 || row->status == ROW_DIVERGED)) {
        (void)str_copy(why, WHY_SIZE, "it lost the tail of its log: the replica has more");
        return true;
    }
    if (v->record.database[0] && t->database[0] && strcmp(v->record.database, t->database) != 0) {
        (void)str_copy(why, WHY_SIZE, "it came back with another database");
        return true;
    }
    if (!v->record.database[0] && t->storage_at && s->storage_at && t->vertices == 0 &&
        t->edges == 0 && s->vertices > 0) {
        (void)str_copy(why, WHY_SIZE, "it came back empty, and the replica has data");
        return true;
    }
    return false;
}

/* Facts that the tests above need, asked for after T's restart. True: all there. */
static bool storage_is_known(const struct view *v, struct plan *plan)
{
    const struct pod *t = &v->pods[v->record.target];

    if (t->storage_at)
        return true;
    (void)plan_add(plan, v, EFFECT_ASK_STORAGE, RULE_O2, v->record.target,
                   "it was restarted: has it still its data?");
    return false;
}

/* ---- O3: T is a replica ---- */

static void decide_interrupted(const struct view *v, struct plan *plan)
{
    int t = v->record.target;
    enum epoch_kind kind = v->record.transition;
    bool moved = kind == EPOCH_FAILOVER || kind == EPOCH_SWITCHOVER;
    char why[WHY_SIZE];

    if (!storage_is_known(v, plan))
        return;
    if (moved && !same_run(&v->pods[t], v->record.main_run)) {
        (void)str_format(why, sizeof why,
                         "%s-%d was restarted before it was promoted: nothing vouches for it",
                         v->settings.name, t);
        fail_over_or_refuse(v, plan, RULE_O3, why);
        return;
    }
    if (came_back_with_less(v, why)) {
        fail_over_or_refuse(v, plan, RULE_O2, why);
        return;
    }
    epoch_begin(v, plan, RULE_O3, EPOCH_REFRESH, t,
                "%s-%d is to be main and is a replica: our own change was cut short, or somebody "
                "demoted it",
                v->settings.name, t);
}

/* ---- O6: an epoch is due ---- */

/* (a) T restarted in place. With an S that may have more, not before S is known. */
static bool s_is_known(const struct view *v, struct plan *plan)
{
    const struct pod *s = &v->pods[view_s(v)];
    const struct row *row = view_row(v, view_s(v));

    if (v->record.sync == SYNC_NONE)
        return true;
    if (row && row->has_data && row->ts > 0 &&
        (row->status == ROW_READY || row->status == ROW_REPLICATING || row->status == ROW_RECOVERY))
        return true;
    if (pod_role(s) != ROLE_UNKNOWN && s->storage_at && s->vertices == 0 && s->edges == 0)
        return true;
    plan_reason(plan, "%s-%d was restarted: waiting for %s-%d, which may hold more",
                v->settings.name, v->record.target, v->settings.name, view_s(v));
    (void)plan_add(plan, v, EFFECT_ASK_ROWS, RULE_O6, v->record.target,
                   "it was restarted: what does it know of S?");
    if (pod_up(s) && !s->storage_at)
        (void)plan_add(plan, v, EFFECT_ASK_STORAGE, RULE_O6, view_s(v), "is it empty?");
    return false;
}

static void decide_restarted(const struct view *v, struct plan *plan)
{
    int t = v->record.target;
    char why[WHY_SIZE];

    plan_reason(plan, "%s-%d was restarted: its new epoch is due", v->settings.name, t);
    if (!storage_is_known(v, plan) || !s_is_known(v, plan))
        return;
    if (came_back_with_less(v, why)) {
        fail_over_or_refuse(v, plan, RULE_O2, why);
        return;
    }
    epoch_begin(v, plan, RULE_O6,
                v->record.transition == EPOCH_INITIAL ? EPOCH_INITIAL : EPOCH_REFRESH, t,
                "%s-%d was restarted: no write before its new epoch", v->settings.name, t);
}

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
        same_run(s, v->record.sync_run))
        return false;
    if (v->now_us < v->refresh_retry_at) {
        plan_wake(plan, v->refresh_retry_at);
        return false;
    }
    if (v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_ADOPTED &&
        view_row(v, view_s(v)) && view_row(v, view_s(v))->mode != MODE_ASYNC && !v->touch_at)
        return false; /* O7 tries a touch first */
    if (!view_rows_fresh(v, 0) || async_hangs(v, plan) || !s_caught_up(v, plan))
        return false;
    epoch_begin(v, plan, RULE_O6, EPOCH_REFRESH, v->record.target,
                "%s-%d joins as SYNC replica: its process is new to this epoch", v->settings.name,
                view_s(v));
    return true;
}

/* ---- top to bottom ---- */

static void decide_operational(const struct view *v, struct plan *plan)
{
    int t = v->record.target;
    const struct pod *p = &v->pods[t];
    char why[WHY_SIZE];

    decide_strays(v, plan);
    if (view_lost(v, t, why)) {
        fail_over_or_refuse(v, plan, RULE_O4, why);
        return;
    }
    if (!pod_up(p)) {
        plan_reason(plan, "%s-%d does not answer: trying again", v->settings.name, t);
        return;
    }
    if (pod_role(p) == ROLE_UNKNOWN && p->command == EFFECT_NONE) {
        (void)plan_add(plan, v, EFFECT_ASK_ROLE, RULE_O3, t, "the main's role is not known");
        return;
    }
    if (v->record.transition != EPOCH_NONE && same_run(p, v->record.main_run)) {
        epoch_step(v, plan);
        return;
    }
    if (pod_role(p) == ROLE_REPLICA) {
        decide_interrupted(v, plan);
        return;
    }
    if (!same_run(p, v->record.main_run)) {
        decide_restarted(v, plan);
        return;
    }
    plan_reason(plan, "%s-%d is main", v->settings.name, t);
    registrations_keep_sync(v, plan);
    if (decide_s_joins(v, plan))
        return;
    registrations_keep_proof(v, plan);
    registrations_keep_rows(v, plan);
    decide_unfence(v, plan);
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
        plan_reason(plan, "another controller is the leader");
        return;
    }
    if (v->writing) {
        plan_reason(plan, "the record is being written");
        return;
    }
    if (v->record.paused[0]) {
        plan_reason(plan, "paused: %.200s", v->record.paused);
        return;
    }
    if (v->record_exists)
        decide_operational(v, plan);
    else
        bootstrap_decide(v, plan);
}
