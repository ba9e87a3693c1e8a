#include "core/gate.h"

#include <stdarg.h>

static void set(struct gate *g, enum gate_state state, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void set(struct gate *g, enum gate_state state, const char *fmt, ...)
{
    va_list args;

    g->state = state;
    va_start(args, fmt);
    (void)vsnprintf(g->why, sizeof g->why, fmt, args);
    va_end(args);
}

/* The leader has ended step 7 of the epoch that the record still calls a transition. */
static bool begun_by_us(const struct view *v)
{
    return view_leading(v) && v->work.epoch == v->record.epoch && v->work.touched &&
           v->work.promoted;
}

/* What `sync` will say at the end of the transition, as far as the gate is concerned: with S proven
 * or registered the main may take writes, or fails them itself. */
static bool sync_will_stand(const struct view *v)
{
    return v->work.s_registered;
}

/* Same main, same process: sessions may stay. */
static bool in_transition(const struct view *v, struct gate *g)
{
    enum epoch_kind kind = v->record.transition;
    const struct pod *t = &v->pods[v->record.target];

    if (kind == EPOCH_NONE || begun_by_us(v))
        return false;
    if (kind == EPOCH_REFRESH && pod_up(t) && pod_runs(t, v->record.main_run))
        set(g, GATE_HOLD, "a new epoch begins on the same main");
    else
        set(g, GATE_CUT, "a %s is under way", epoch_kind_name(kind));
    return true;
}

/* The answer is older than its epoch's beginning, than our last command to it, or than a sign of
 * another process. */
static bool is_asked_again(const struct view *v)
{
    const struct pod *t = &v->pods[v->record.target];
    bool before_epoch = pod_role(t) == ROLE_REPLICA && !view_role_fresh(v, v->record.target);
    bool before_news = !pod_claimed(t) && pod_role(t) == ROLE_UNKNOWN && t->role_at >= t->link_at;

    return (before_epoch || before_news) && pod_runs(t, v->record.main_run) &&
           pod_runs(t, t->main_in);
}

static bool main_is_there(const struct view *v, struct gate *g)
{
    const struct pod *t = &v->pods[v->record.target];
    char name[NAME_SIZE + 8];

    view_pod_name(v, v->record.target, name);
    if (!pod_up(t))
        set(g, GATE_CUT, "no connection to %s (%s)", name,
            t->link_text[0] ? t->link_text : "not connected yet");
    else if (is_asked_again(v))
        set(g, GATE_HOLD, "%s may have changed since it was asked: it is asked again", name);
    else if (pod_role(t) != ROLE_MAIN)
        set(g, GATE_CUT, "%s has role %s", name, role_name(pod_role(t)));
    else if (!pod_runs(t, v->record.main_run))
        set(g, GATE_CUT, "%s was restarted: its epoch is not begun yet", name);
    else
        return true;
    return false;
}

/* The main is about to move: the sessions end by themselves for a while, then they are cut. */
static bool hands_over(const struct view *v, struct plan *plan)
{
    int64_t cut_us = v->switch_since + v->settings.switchover_drain_us;

    if (!v->switch_since)
        return false;
    if (v->now_us < cut_us) {
        set(&plan->gate, GATE_DRAIN, "the main is about to move: no new sessions");
        plan_wake(plan, cut_us);
    } else {
        set(&plan->gate, GATE_CUT, "the main is about to move");
    }
    return true;
}

/* T does not answer, and the connection is not given up yet, as a command of ours may be why: who
 * knows which process is there by now. Another one could be reached by new sessions only: these
 * wait sooner. */
static bool held_while_silent(const struct view *v, struct plan *plan)
{
    const struct pod *t = &v->pods[v->record.target];
    int64_t slow_us = t->asked_at + v->settings.probe_timeout_us / 2;
    int64_t silent_us = t->asked_at + v->settings.probe_timeout_us;

    if (!t->asked_at)
        return false;
    if (v->now_us < slow_us) {
        plan_wake(plan, slow_us);
        return false;
    }
    if (v->now_us < silent_us) {
        plan_wake(plan, silent_us);
        set(&plan->gate, GATE_DRAIN, "the main is slow to answer: no new sessions");
    } else {
        set(&plan->gate, GATE_HOLD, "the main does not answer");
    }
    return true;
}

/* S counts, and whether T has still registered it was not answered since T is there. */
static bool held_until_known(const struct view *v, struct gate *g)
{
    if (v->record.sync == SYNC_NONE || view_rows_known(v)) /* so it is while an epoch is begun */
        return false;
    set(g, GATE_HOLD, "the main's list of replicas is not known yet");
    return true;
}

/* S was lost a moment ago: a pause for the clients instead of errors, for a while. */
static bool held_for_s(const struct view *v, struct plan *plan)
{
    static const int64_t margin_us = 500 * 1000;
    const struct settings *s = &v->settings;
    int64_t until_us = v->s_lost_since + s->hold_timeout_us;

    /* At its end the main goes on without S: no glimpse of a gate whose writes fail before that. */
    if (s->durability == DURABILITY_PREFERRED && s->sync_loss_us <= s->hold_timeout_us)
        until_us += margin_us;

    if (!v->s_lost_since || v->record.transition != EPOCH_NONE)
        return false;
    if (v->now_us < until_us) {
        set(&plan->gate, GATE_HOLD, "the SYNC replica was lost: waiting for it");
        plan_wake(plan, until_us);
        return true;
    }
    if (v->record.sync == SYNC_READY) {
        set(&plan->gate, GATE_HOLD, "the SYNC replica is lost: not recorded yet");
        return true;
    }
    return false;
}

/* T may serve alone until then. */
static void wake_at_end_of_plan(const struct view *v, struct plan *plan)
{
    int64_t until_us = v->record.sync_until_wall_us;

    if (v->record.sync == SYNC_NONE && v->record.sync_why == SYNC_WHY_PLANNED &&
        until_us > v->wall_us)
        plan_wake(plan, v->now_us + (until_us - v->wall_us));
}

static void decide_write(const struct view *v, struct plan *plan)
{
    struct gate *g = &plan->gate;
    const struct record *r = &v->record;
    const struct pod *t;

    if (!v->record_exists) {
        set(g, GATE_CUT, "no record of a main yet");
        return;
    }
    t = &v->pods[r->target];
    g->pod = r->target;
    (void)str_copy(g->run, sizeof g->run, t->run);
    (void)str_copy(g->ip, sizeof g->ip, t->ip);
    if (in_transition(v, g) || !main_is_there(v, g) || hands_over(v, plan) ||
        held_while_silent(v, plan) || held_until_known(v, g) || held_for_s(v, plan))
        return;
    wake_at_end_of_plan(v, plan);
    if (r->sync == SYNC_NONE && !record_alone_by_decision(r, v->wall_us) &&
        !(r->transition != EPOCH_NONE && sync_will_stand(v)) &&
        v->settings.durability == DURABILITY_REQUIRED) {
        char sync[RUN_SIZE + 40];

        set(g, GATE_HOLD, "no SYNC replica takes part (%s): writes wait for it",
            record_sync_text(r, sync, sizeof sync));
        return;
    }
    set(g, GATE_OPEN, "%s-%d is main", v->settings.name, r->target);
}

/* Read sessions outlive the moments in which no main can vouch for a replica: a failover, a new
 * epoch, a registration. */
static const int64_t read_grace_us = 5 * 1000 * 1000;

/* A replica that may serve reads: connected, a replica, and in T's list as one that follows, now or
 * a moment ago. */
static bool reads_well(const struct view *v, struct plan *plan, int pod)
{
    const struct pod *p = &v->pods[pod];

    if (pod_role(p) != ROLE_REPLICA || p->terminating || !p->exists || !p->reads_at ||
        v->now_us - p->reads_at >= read_grace_us)
        return false;
    plan_wake(plan, p->reads_at + read_grace_us);
    return true;
}

static void add_reader(struct plan *plan, int pod)
{
    plan->read.pods[plan->read.n++] = pod;
}

static void decide_read(const struct view *v, struct plan *plan)
{
    struct read_route *read = &plan->read;
    int t = v->record.target, s = view_s(v);
    bool changing = v->record.transition == EPOCH_FAILOVER ||
                    v->record.transition == EPOCH_SWITCHOVER;

    if (!v->record_exists)
        return;
    for (int i = 2; i < PODS_MAX; i++)
        if (reads_well(v, plan, i))
            add_reader(plan, i);
    if (read->n == 0 && !changing && reads_well(v, plan, s))
        add_reader(plan, s);
    if (read->n == 0 && v->settings.read_fallback_main && plan->gate.state != GATE_CUT)
        add_reader(plan, t);
    if (read->n)
        (void)str_format(read->why, sizeof read->why, "%s-%d serves reads", v->settings.name,
                         read->pods[0]);
    else
        (void)str_copy(read->why, sizeof read->why, "no replica can serve reads");
}

void gate_decide(const struct view *v, struct plan *plan)
{
    decide_write(v, plan);
    decide_read(v, plan);
}
