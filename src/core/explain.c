#include "core/explain.h"

#include "core/gate.h"
#include "core/rebuild.h"
#include "core/request.h"
#include "core/rules.h"

#include <stdarg.h>

static void add(struct explanation *out, const char *name, bool holds, int64_t age_us,
                const char *fmt, ...) PRINTF_LIKE(5, 6);

static void add(struct explanation *out, const char *name, bool holds, int64_t age_us,
                const char *fmt, ...)
{
    struct condition *c = &out->conditions[out->conditions_n++];
    va_list args;

    (void)str_copy(c->name, sizeof c->name, name);
    c->holds = holds;
    c->age_us = age_us;
    va_start(args, fmt);
    (void)vsnprintf(c->value, sizeof c->value, fmt, args);
    va_end(args);
}

static int64_t age(const struct view *v, int64_t at)
{
    return at ? v->now_us - at : -1;
}

/* What the rules would decide, were this controller the leader: the view is the caller's copy. */
static void ask_rules(struct view *v, struct plan *plan)
{
    v->leader = true;
    v->leader_until_us = INT64_MAX;
    v->writing = false;
    v->write_retry_at = 0;
    v->roles_since = 0;
    view_derive(v);
    rules_decide(v, plan);
}

static const char *reason_of(const struct plan *plan)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->effects[i].kind == EFFECT_WRITE_RECORD)
            return plan->effects[i].why;
    return plan->reason;
}

static bool begins(const struct plan *plan, enum epoch_kind kind)
{
    return plan_has_write(plan) && plan->record.transition == kind;
}

static bool has_record(const struct view *v, struct explanation *out)
{
    memset(out, 0, sizeof *out);
    if (v->record_known && !v->record_broken && v->record_exists)
        return true;
    (void)str_copy(out->answer, sizeof out->answer,
                   v->record_broken ? "nothing is decided: the record makes no sense"
                                    : "nothing is decided: there is no record of a main yet");
    return false;
}

/* Who does not hear of the API server any more does not see the lease renewed, either. */
static bool is_led(const struct view *v)
{
    return view_leading(v) || v->now_us < v->led_until_us;
}

static void add_common(const struct view *v, struct explanation *out)
{
    bool paused = record_paused(&v->record, v->wall_us, NULL);
    char pause[NOTE_SIZE];

    add(out, "decisions are not paused", !paused, -1, "%s%s", paused ? "paused " : "no pause",
        paused ? record_pause_words(&v->record, pause) : "");
    add(out, "somebody leads", is_led(v), -1, "%s",
        view_leading(v) ? "this controller"
        : is_led(v)     ? "another controller, as its lease says"
                        : "no lease was seen to be renewed");
    if (is_led(v) || !out->possible)
        return;
    out->possible = false;
    (void)str_copy(out->answer, sizeof out->answer,
                   "no controller leads: the API server is away, or all have just started");
}

/* A registration by its pod's name, where it is one of ours. */
static const char *registered_name(const struct view *v, const struct row *row,
                                   char out[NAME_SIZE + 8])
{
    return row->pod >= 0 ? view_pod_name(v, row->pod, out) : row->name;
}

static void add_row(struct explanation *out, const struct view *v, const struct row *row)
{
    char name[NAME_SIZE + 8];

    add(out, "the SYNC replica confirms", row_serves(row), age(v, v->rows_at),
        "%s is registered as %s and %s", registered_name(v, row, name), mode_name(row->mode),
        row_status_name(row->status));
}

static void add_confirmation(const struct view *v, struct explanation *out)
{
    const struct row *bad = view_unconfirming(v);
    const struct row *s = view_row(v, view_s(v));
    char name[NAME_SIZE + 8];

    if (bad)
        add_row(out, v, bad);
    else if (s && s->has_data && s->mode != MODE_ASYNC)
        add_row(out, v, s);
    else
        add(out, "the SYNC replica confirms", v->record.sync == SYNC_NONE, -1, "%s",
            v->record.sync == SYNC_NONE ? "none takes part: the main serves alone"
                                        : "it is not seen in the main's list");
    if (!bad || !out->possible)
        return;
    out->possible = false;
    (void)str_format(out->answer, sizeof out->answer, "%s does not confirm them (it is %s)",
                     registered_name(v, bad, name), row_status_name(bad->status));
}

void explain_writes(const struct view *v, struct explanation *out)
{
    struct plan plan;

    memset(out, 0, sizeof *out);
    plan_init(&plan, v);
    /* A record that makes no sense, or is not known now, stops decisions only. */
    gate_decide(v, &plan);
    out->possible = plan.gate.state == GATE_OPEN;
    (void)str_copy(out->answer, sizeof out->answer, plan.gate.why);
    add(out, "the write gateway forwards", out->possible, -1, "%s", plan.gate.why);
    if (v->record_exists)
        add_confirmation(v, out);
}

void explain_failover(const struct view *v, struct explanation *out)
{
    struct view copy;
    struct plan plan;
    struct pod *t;

    if (!has_record(v, out))
        return;
    copy = *v;
    t = &copy.pods[v->record.target];
    view_link_down(&copy, v->record.target, FAIL_REFUSED, "it is dead");
    t->refusals = REFUSED_IN_A_ROW;
    ask_rules(&copy, &plan);
    out->possible = begins(&plan, EPOCH_FAILOVER) || begins(&plan, EPOCH_SWITCHOVER);
    (void)str_copy(out->answer, sizeof out->answer, reason_of(&plan));
    out->conditions_n = eligibility_conditions(v, out->conditions);
    add_common(v, out);
}

/* It takes several steps, and the first one only closes the gate. */
void explain_switchover(const struct view *v, struct explanation *out)
{
    struct request r = {.kind = REQUEST_SWITCHOVER, .pod = -1};
    const struct pod *t;
    char why[WHY_SIZE];

    if (!has_record(v, out))
        return;
    t = &v->pods[v->record.target];
    out->possible = request_check(v, &r, why);
    if (out->possible)
        (void)str_format(out->answer, sizeof out->answer, "%s-%d would hand over to %s-%d",
                         v->settings.name, v->record.target, v->settings.name, view_s(v));
    else
        (void)str_copy(out->answer, sizeof out->answer, why);
    out->conditions_n = eligibility_conditions(v, out->conditions);
    add(out, "the main serves in its epoch",
        pod_role(t) == ROLE_MAIN && pod_runs(t, v->record.main_run), age(v, t->role_at),
        "%s-%d is %s", v->settings.name, v->record.target, role_name(pod_role(t)));
    add(out, "no epoch is being begun", v->record.transition == EPOCH_NONE, -1, "%s",
        v->record.transition == EPOCH_NONE ? "none" : epoch_kind_name(v->record.transition));
    add_common(v, out);
}

void explain_rebuild(const struct view *v, int pod, struct explanation *out)
{
    char needed[WHY_SIZE], allowed[WHY_SIZE], possible[WHY_SIZE];
    bool needs, may, can;

    if (!has_record(v, out))
        return;
    needs = rebuild_needed(v, pod, needed);
    may = rebuild_allowed(v, pod, allowed);
    can = rebuild_possible(v, pod, possible);
    out->possible = needs && may;
    (void)str_format(out->answer, sizeof out->answer, "%s-%d %s", v->settings.name, pod,
                     !needs ? "needs no rebuild"
                     : may  ? "would be rebuilt without a person"
                     : can  ? "waits for a person: request a rebuild"
                            : "cannot be rebuilt now");
    add(out, "its data do not fit the main", needs, age(v, v->rows_at), "%s", needed);
    add(out, "a rebuild is possible", can, -1, "%s", possible);
    add(out, "the policy allows it", may, -1, "%s", allowed);
    add_common(v, out);
}
