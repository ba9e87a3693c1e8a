#include "world.h"

#include "../cmocka_test.h"

#include <stdarg.h>
#include <stdio.h>

enum { LONG_TRACE = 600 };

void check_fail(const struct world *w, const char *fmt, ...)
{
    const char *trace = w->trace;
    char text[400];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (strlen(w->trace) > LONG_TRACE) /* more than cmocka prints: the end tells */
        trace += strlen(w->trace) - LONG_TRACE;
    fail_msg("at %lld us: %s\n%.40s\ntrace:\n%s", (long long)w->now_us, text, w->trace, trace);
}

/* ---- the gate ---- */

/* Where T may serve: stated here once more, in other words than the core's. */
static bool sync_allows(const struct view *v)
{
    const struct record *r = &v->record;

    switch (r->sync) {
    case SYNC_READY:
    case SYNC_UNPROVEN:
        return true;
    case SYNC_NONE:
        break;
    }
    if (v->settings.durability == DURABILITY_PREFERRED)
        return true;
    if (r->transition != EPOCH_NONE && v->work.touched && v->work.s_registered)
        return true;
    return r->sync_why == SYNC_WHY_FAILOVER || r->sync_why == SYNC_WHY_DEGRADED ||
           r->sync_why == SYNC_WHY_FORCED || r->sync_why == SYNC_WHY_ADOPTED ||
           (r->sync_why == SYNC_WHY_PLANNED &&
            (r->sync_until_wall_us == 0 || v->wall_us < r->sync_until_wall_us));
}

static void check_open(const struct world *w, int id)
{
    const struct controller *c = &w->controllers[id];
    const struct view *v = &c->view;
    const struct gate *g = &c->plan.gate;

    if (!v->record_exists || g->pod != v->record.target)
        check_fail(w, "controller %d opens to pod %d against the record", id, g->pod);
    if (pod_role(&v->pods[g->pod]) != ROLE_MAIN || strcmp(g->run, v->record.main_run) != 0 ||
        strcmp(v->pods[g->pod].run, g->run) != 0)
        check_fail(w, "controller %d opens to pod %d, which is no main in its epoch", id, g->pod);
    if (!sync_allows(v))
        check_fail(w, "controller %d opens although no S takes part", id);
    if (v->record.transition != EPOCH_NONE && (id != w->leader || !v->work.touched))
        check_fail(w, "controller %d opens in the middle of a transition", id);
    for (int i = 0; i < WORLD_CONTROLLERS; i++) {
        const struct controller *other = &w->controllers[i];

        if (i != id && other->alive && other->plan.gate.state == GATE_OPEN &&
            other->plan.gate.pod != g->pod && !w->api_down)
            check_fail(w, "two gates lead to two pods");
    }
}

/* O3 goes back to the old main; an operator may force what he likes. */
static bool moves_otherwise(const struct view *v, const struct record *next)
{
    return (v->record.transition != EPOCH_NONE && next->target == v->record.from) ||
           next->promoted == PROMOTED_FORCED;
}

/* S is promoted only when it may be, as far as the leader knows. */
static void check_decision(const struct world *w, const struct controller *c)
{
    const struct view *v = &c->view;
    char why[WHY_SIZE];

    if (plan_has_write(&c->plan) && v->record_exists && c->plan.record.target != v->record.target &&
        !moves_otherwise(v, &c->plan.record) && !eligibility_may_promote(v, why))
        check_fail(w, "pod %d may not be promoted: %s", c->plan.record.target, why);
}

void check_plan(const struct world *w, int id)
{
    const struct controller *c = &w->controllers[id];

    if (c->plan.gate.state == GATE_OPEN)
        check_open(w, id);
    check_decision(w, c);
    for (unsigned i = 0; i < c->plan.n; i++) {
        const struct effect *e = &c->plan.effects[i];

        if (!e->why[0])
            check_fail(w, "%s without a reason", effect_kind_name(e->kind));
        for (unsigned k = 0; k < i; k++)
            if (e->pod >= 0 && c->plan.effects[k].pod == e->pod &&
                c->plan.effects[k].kind == e->kind)
                check_fail(w, "%s to pod %d twice", effect_kind_name(e->kind), e->pod);
    }
}

/* ---- commands ---- */

static void check_demotion(const struct world *w, const struct effect *e)
{
    const struct record *r = &w->record;
    bool of_pair = e->pod == 1 - r->target;

    if (e->pod == r->target
            ? r->transition == EPOCH_NONE
            : !record_is_fenced(r, e->pod) && !(r->transition != EPOCH_NONE && of_pair))
        check_fail(w, "demotion of pod %d that the record does not announce", e->pod);
}

static void check_drop(const struct world *w, const struct effect *e)
{
    const struct fake_pod *m = &w->pods[e->pod];

    for (unsigned i = 0; i < m->rows_n; i++)
        if (m->rows[i].pod == e->target && !m->rows[i].dead && fake_answers(w, e->target) &&
            (m->rows[i].status == ROW_RECOVERY || m->rows[i].status == ROW_REPLICATING))
            check_fail(w, "drop of pod %d with calls in flight", e->target);
}

/* No role of T changes before the leader's gateways do what they were told. */
static void check_gate_first(const struct world *w, const struct controller *c,
                             const struct effect *e)
{
    const struct view *v = &c->view;

    if (w->now_us >= v->work.recorded_at + second)
        return; /* a worker that is stuck must not stand in the way for ever */
    if (e->pod != w->record.target || (e->kind != EFFECT_DEMOTE && e->kind != EFFECT_PROMOTE))
        return;
    if (v->gate_in_force == GATE_OPEN || !v->gate_settled ||
        (v->gate_in_force == GATE_HOLD && !v->gate_drained))
        check_fail(w, "%s of T, and the gateways are not closed yet", effect_kind_name(e->kind));
}

void check_command(const struct world *w, int id, const struct effect *e)
{
    const struct controller *c = &w->controllers[id];
    const struct record *r = &w->record;
    bool compares;

    if (id != w->leader || !c->view.leader || w->now_us >= c->view.leader_until_us)
        check_fail(w, "controller %d, which does not lead, sends %s", id,
                   effect_kind_name(e->kind));
    if (!w->record_exists)
        check_fail(w, "%s without a record", effect_kind_name(e->kind));
    check_gate_first(w, c, e);
    if (e->kind == EFFECT_DEMOTE) {
        check_demotion(w, e);
        return;
    }
    /* After T's restart, before its new epoch: S is registered anew, to compare. */
    compares = e->rule == RULE_O6 && e->target == 1 - r->target &&
               (r->transition == EPOCH_NONE || strcmp(e->run, r->main_run) != 0);
    if (e->pod != r->target || (strcmp(e->run, r->main_run) != 0 && !compares))
        check_fail(w, "%s to pod %d %s, the record names %d %s", effect_kind_name(e->kind), e->pod,
                   e->run, r->target, r->main_run);
    if (e->kind == EFFECT_PROMOTE && r->transition == EPOCH_NONE)
        check_fail(w, "promotion of pod %d without a transition", e->pod);
    if (e->kind == EFFECT_PROMOTE && w->acked & ~w->pods[e->pod].data)
        check_fail(w, "promotion of pod %d, which lacks acknowledged writes", e->pod);
    if (e->kind == EFFECT_REGISTER && e->mode != MODE_ASYNC && r->transition == EPOCH_NONE &&
        !compares)
        check_fail(w, "a SYNC registration outside of an epoch's beginning");
    if (e->kind == EFFECT_DROP)
        check_drop(w, e);
}

/* ---- the record ---- */

struct strings {
    unsigned n;
    struct record_field fields[16];
    char keys[16][24];
    char values[16][HISTORY_MAX * (HISTORY_SIZE + 1)];
};

static void keep(void *arg, const char *key, const char *value)
{
    struct strings *s = arg;
    unsigned i = s->n++;

    assert_true(str_copy(s->keys[i], sizeof s->keys[i], key));
    assert_true(str_copy(s->values[i], sizeof s->values[i], value));
    s->fields[i] = (struct record_field){s->keys[i], s->values[i]};
}

static void check_round_trip(const struct world *w, const struct record *next)
{
    static struct strings a, b;
    struct record back;
    struct fail f;

    a.n = b.n = 0;
    record_encode(next, "mg", keep, &a);
    f = record_decode(&back, a.fields, a.n);
    if (f.kind != FAIL_NONE)
        check_fail(w, "the record does not read back: %s", f.text);
    back.history_n = next->history_n;
    memcpy(back.history, next->history, sizeof back.history);
    record_encode(&back, "mg", keep, &b);
    for (unsigned i = 0; i < a.n; i++)
        if (strcmp(a.values[i], b.values[i]) != 0)
            check_fail(w, "%s was '%s' and reads back as '%s'", a.keys[i], a.values[i],
                       b.values[i]);
}

static void check_armed(const struct world *w, const struct record *next)
{
    const struct fake_pod *s = &w->pods[1 - next->target];

    if (next->sync == SYNC_READY && strcmp(s->run, next->sync_run) == 0 && w->acked & ~s->data)
        check_fail(w, "sync is ready, and pod %d lacks acknowledged writes", 1 - next->target);
}

static void check_epoch(const struct world *w, const struct record *next)
{
    const struct record *now = &w->record;
    bool moves = w->record_exists && next->target != now->target;

    if (next->epoch < now->epoch || next->epoch > now->epoch + 1)
        check_fail(w, "epoch %lld after %lld", (long long)next->epoch, (long long)now->epoch);
    if (moves && next->epoch == now->epoch)
        check_fail(w, "another target in the same epoch");
    if (next->epoch == now->epoch)
        return;
    if (next->transition == EPOCH_NONE || next->sync == SYNC_READY)
        check_fail(w, "an epoch that begins with sync or without a transition");
    /* Another process than that would get no command. */
    if (strcmp(next->main_run, w->pods[next->target].run) == 0 &&
        next->promoted != PROMOTED_FORCED && w->acked & ~w->pods[next->target].data)
        check_fail(w, "an epoch on pod %d, which lacks acknowledged writes", next->target);
}

void check_write(const struct world *w, int id, const struct record *next)
{
    const struct controller *c = &w->controllers[id];

    if (c->alive && (id != w->leader || w->now_us >= c->view.leader_until_us + second))
        check_fail(w, "controller %d writes the record and does not lead", id);
    check_round_trip(w, next);
    check_epoch(w, next);
    check_armed(w, next);
}
