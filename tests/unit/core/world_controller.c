#include "world.h"

#include "../cmocka_test.h"

static int64_t takes_us(const struct world *w, const struct effect *e)
{
    const struct fake_pod *p = &w->pods[e->pod];

    if (!fake_answers(w, e->pod) || w->unreachable[e->pod])
        return 5 * second;
    switch (e->kind) {
    case EFFECT_DEMOTE:
        for (unsigned i = 0; i < p->rows_n; i++)
            if (w->pods[p->rows[i].pod].mute)
                return 4 * second;
        return 3 * ms;
    case EFFECT_PROMOTE:
        return 4 * ms;
    case EFFECT_REGISTER:
        return w->pods[e->target].mute || w->cut[e->pod][e->target] ? 5 * second : 2 * ms;
    case EFFECT_TOUCH:
        return 3 * ms;
    case EFFECT_NONE:
    case EFFECT_ASK_ROLE:
    case EFFECT_ASK_STORAGE:
    case EFFECT_ASK_ROWS:
    case EFFECT_WRITE_RECORD:
    case EFFECT_ENSURE_USERS:
    case EFFECT_DROP:
    case EFFECT_DELETE_POD:
    case EFFECT_EVENT:
    case EFFECT_EXIT:
        break;
    }
    return ms;
}

/* ---- what goes out ---- */

static void trace_effect(struct world *w, const struct controller *c, const struct effect *e)
{
    const struct record *r = &c->plan.record;
    char sync[RUN_SIZE + 40];

    if (e->kind == EFFECT_WRITE_RECORD)
        world_trace(w, "%s record %lld %s %s", rule_name(e->rule), (long long)r->epoch,
                    r->transition == EPOCH_NONE ? "-" : epoch_kind_name(r->transition),
                    record_sync_text(r, sync, sizeof sync));
    else if (e->kind == EFFECT_REGISTER)
        world_trace(w, "%s register %d %d %s", rule_name(e->rule), e->pod, e->target,
                    mode_name(e->mode));
    else if (e->kind == EFFECT_DROP)
        world_trace(w, "%s drop %d %d", rule_name(e->rule), e->pod, e->target);
    else if (e->kind == EFFECT_EVENT)
        world_trace(w, "%s event %s", rule_name(e->rule), e->event);
    else if (e->kind == EFFECT_EXIT)
        world_trace(w, "%s exit", rule_name(e->rule));
    else
        world_trace(w, "%s %s %d", rule_name(e->rule), effect_kind_name(e->kind), e->pod);
}

static bool is_asking(const struct world *w, int id, enum effect_kind kind, int pod)
{
    for (unsigned i = 0; i < WORLD_OPS; i++)
        if (w->ops[i].kind == OP_ASK && w->ops[i].controller == id &&
            w->ops[i].life == w->controllers[id].life && w->ops[i].effect.kind == kind &&
            w->ops[i].effect.pod == pod)
            return true;
    return false;
}

static bool ask(struct world *w, int id, enum effect_kind kind, int pod)
{
    bool silent = w->pods[pod].mute || w->unreachable[pod];
    struct op *op;

    if (is_asking(w, id, kind, pod) || !pod_up(&w->controllers[id].view.pods[pod]))
        return false;
    op = world_begin(w, OP_ASK, id, silent ? second : 300);
    op->effect = (struct effect){.kind = kind, .pod = pod};
    return true;
}

static void send_command(struct world *w, int id, const struct effect *e)
{
    struct controller *c = &w->controllers[id];
    bool sent = pod_up(&c->view.pods[e->pod]) && strcmp(c->link_run[e->pod], e->run) == 0;
    struct op *op = world_begin(w, OP_COMMAND, id, sent ? takes_us(w, e) : 10);

    op->effect = *e;
    op->sent = sent;
    check_command(w, id, e);
    command_started(&c->view, e);
}

static void write_record(struct world *w, int id)
{
    struct controller *c = &w->controllers[id];
    struct op *op = world_begin(w, OP_WRITE, id, 2 * ms);

    op->record = c->plan.record;
    op->version = c->version;
    view_write_started(&c->view);
}

static void delete_pod(struct world *w, int id, int pod)
{
    view_delete_started(&w->controllers[id].view, pod);
    world_delete(w, pod, w->pods[pod].mute ? second : 30 * second);
}

static bool is_news(struct controller *c, const struct effect *e)
{
    for (unsigned i = 0; i < EVENTS_KEPT; i++)
        if (strcmp(c->events[i], e->why) == 0)
            return false;
    (void)str_copy(c->events[c->events_n++ % EVENTS_KEPT], WHY_SIZE, e->why);
    return true;
}

const char *world_event(const struct controller *c)
{
    return c->events_n ? c->events[(c->events_n - 1) % EVENTS_KEPT] : "";
}

/* Begins one effect; false when there was nothing to begin. */
static bool begin_effect(struct world *w, int id, const struct effect *e)
{
    struct controller *c = &w->controllers[id];

    if (e->kind == EFFECT_ASK_ROLE || e->kind == EFFECT_ASK_STORAGE || e->kind == EFFECT_ASK_ROWS)
        return ask(w, id, e->kind, e->pod);
    if (e->kind == EFFECT_EVENT) {
        if (is_news(c, e))
            trace_effect(w, c, e);
        return false;
    }
    trace_effect(w, c, e);
    if (e->kind == EFFECT_EXIT) {
        c->exited = true;
        controller_stop(w, id);
        return false;
    }
    if (e->kind == EFFECT_WRITE_RECORD)
        write_record(w, id);
    else if (e->kind == EFFECT_DELETE_POD)
        delete_pod(w, id, e->pod);
    else
        send_command(w, id, e);
    if (++w->effects_n == w->crash_at)
        controller_stop(w, id);
    return true;
}

/* The gateways do what the gate asks for, a little later. */
static void follow_gate(struct world *w, int id)
{
    struct controller *c = &w->controllers[id];
    struct view *v = &c->view;

    plan_init(&c->plan, v);
    gate_decide(v, &c->plan);
    if (c->plan.gate.state > c->worst_gate)
        c->worst_gate = c->plan.gate.state;
    if (c->plan.gate.state == v->gate_in_force)
        return;
    for (unsigned i = 0; i < WORLD_OPS; i++)
        if (w->ops[i].controller == id &&
            (w->ops[i].kind == OP_SETTLE || w->ops[i].kind == OP_DRAIN))
            w->ops[i].kind = OP_NONE;
    (void)str_append(c->gates, sizeof c->gates, " %s", gate_state_name(c->plan.gate.state));
    v->gate_in_force = c->plan.gate.state;
    v->gate_settled = v->gate_drained = false;
    (void)world_begin(w, OP_SETTLE, id, w->settle_us);
    if (v->gate_in_force == GATE_HOLD)
        (void)world_begin(w, OP_DRAIN, id, w->settings.hold_drain_us);
}

static void decide(struct world *w, int id)
{
    struct controller *c = &w->controllers[id];

    for (unsigned round = 0; c->alive; round++) {
        bool began = false;

        if (round == 50)
            check_fail(w, "controller %d does not come to rest", id);
        c->view.now_us = w->now_us;
        c->view.wall_us = w->now_us;
        view_derive(&c->view);
        follow_gate(w, id);
        rules_decide(&c->view, &c->plan);
        check_plan(w, id);
        for (unsigned i = 0; i < c->plan.n && c->alive; i++)
            began |= begin_effect(w, id, &c->plan.effects[i]);
        if (!began)
            return;
    }
}

/* ---- links and probes ---- */

static bool is_connecting(const struct world *w, int id, int pod)
{
    for (unsigned i = 0; i < WORLD_OPS; i++)
        if (w->ops[i].kind == OP_CONNECT && w->ops[i].controller == id &&
            w->ops[i].life == w->controllers[id].life && w->ops[i].effect.pod == pod)
            return true;
    return false;
}

static void keep_link(struct world *w, int id, int pod)
{
    struct controller *c = &w->controllers[id];
    const struct fake_pod *p = &w->pods[pod];
    bool silent = p->mute || w->unreachable[pod];

    if (pod_up(&c->view.pods[pod]) && !w->unreachable[pod] &&
        (!p->exists || !p->running || strcmp(p->run, c->link_run[pod]) != 0)) {
        view_link_down(&c->view, pod, FAIL_REFUSED, "connection reset");
        c->tries[pod] = 0;
        c->connect_at[pod] = w->now_us;
    }
    if (!p->exists || pod_up(&c->view.pods[pod]) || w->now_us < c->connect_at[pod] ||
        is_connecting(w, id, pod))
        return;
    world_begin(w, OP_CONNECT, id, silent ? second : 500)->effect.pod = pod;
}

void controller_wake(struct world *w, int id)
{
    struct controller *c = &w->controllers[id];
    int t = w->record_exists ? c->view.record.target : -1;

    c->view.now_us = w->now_us;
    for (int i = 0; i < (int)w->pods_n; i++)
        keep_link(w, id, i);
    if (w->now_us >= c->probe_at) {
        c->probe_at = w->now_us + second;
        for (int i = 0; i < (int)w->pods_n; i++)
            (void)ask(w, id, EFFECT_ASK_ROLE, i);
    }
    if (w->now_us >= c->rows_at) {
        c->rows_at = w->now_us + w->settings.sync_watch_us;
        if (t >= 0 && c->view.pods[t].role == ROLE_MAIN)
            (void)ask(w, id, EFFECT_ASK_ROWS, t);
    }
    decide(w, id);
}

int64_t controller_next(const struct world *w, int id)
{
    const struct controller *c = &w->controllers[id];
    int64_t next = c->plan.wake_us;

    if (c->probe_at < next)
        next = c->probe_at;
    if (c->rows_at < next)
        next = c->rows_at;
    for (unsigned i = 0; i < w->pods_n; i++)
        if (w->pods[i].exists && !pod_up(&c->view.pods[i]) && !is_connecting(w, id, (int)i) &&
            c->connect_at[i] < next)
            next = c->connect_at[i];
    return next > w->now_us ? next : w->now_us + 1;
}

/* ---- what comes in ---- */

static void end_connect(struct world *w, int id, int pod)
{
    static const int64_t pauses[] = {5 * 1000, 20 * 1000, 100 * 1000};
    struct controller *c = &w->controllers[id];
    const struct fake_pod *p = &w->pods[pod];
    struct view *v = &c->view;

    if (!p->exists)
        return;
    if (p->mute || w->unreachable[pod]) {
        view_link_down(v, pod, FAIL_TIMEOUT, "no answer");
        c->connect_at[pod] = w->now_us;
        return;
    }
    if (!p->running) {
        unsigned n = c->tries[pod] < 2 ? c->tries[pod] : 2;

        view_link_down(v, pod, FAIL_REFUSED, "connection refused");
        c->tries[pod]++;
        c->connect_at[pod] = w->now_us + pauses[n];
        return;
    }
    (void)str_copy(c->link_run[pod], RUN_SIZE, p->run);
    view_link_up(v, pod);
    view_role(v, pod, p->role, p->run, w->now_us);
    view_version(v, pod, "3.6.1", (struct abilities){true, true});
}

static void end_ask(struct world *w, int id, const struct op *op)
{
    struct controller *c = &w->controllers[id];
    int pod = op->effect.pod;
    const struct fake_pod *p = &w->pods[pod];
    struct row rows[WORLD_PODS];
    unsigned n;

    if (!pod_up(&c->view.pods[pod]))
        return;
    if (p->mute || w->unreachable[pod]) {
        view_link_down(&c->view, pod, FAIL_TIMEOUT, "no answer");
        c->connect_at[pod] = w->now_us;
        return;
    }
    if (!p->running || strcmp(p->run, c->link_run[pod]) != 0)
        return;
    if (op->effect.kind == EFFECT_ASK_ROLE) {
        view_role(&c->view, pod, p->role, p->run, op->asked_us);
    } else if (op->effect.kind == EFFECT_ASK_STORAGE) {
        view_storage(&c->view, pod, __builtin_popcountll(p->data), 0, p->database, op->asked_us);
    } else if (p->role == ROLE_MAIN) {
        n = fake_rows(w, pod, rows);
        view_rows(&c->view, pod, p->run, rows, n, op->asked_us);
    }
}

static bool is_injected(struct world *w, const struct effect *e, enum outcome *out)
{
    struct injection *i = &w->injection;

    if (i->count == 0 || i->kind != e->kind || i->pod != e->pod)
        return false;
    i->count--;
    *out = i->outcome;
    return true;
}

static void end_command(struct world *w, const struct op *op, bool heard)
{
    const struct effect *e = &op->effect;
    enum outcome outcome = OUTCOME_STALE;

    if (op->sent) {
        outcome = OUTCOME_FAILED;
        if (fake_answers(w, e->pod) && !w->unreachable[e->pod] &&
            strcmp(w->pods[e->pod].run, e->run) == 0 && !is_injected(w, e, &outcome))
            outcome = fake_command(w, e);
    }
    if (heard)
        command_done(&w->controllers[op->controller].view, e->pod, outcome);
}

static void end_write(struct world *w, const struct op *op, bool heard)
{
    struct controller *c = &w->controllers[op->controller];
    enum fail_kind fail = w->api_down ? FAIL_TIMEOUT : FAIL_NONE;

    w->record_writes_n++;
    if (w->record_writes_n == w->conflict_at)
        w->version++; /* somebody else wrote */
    if (fail == FAIL_NONE && op->version != w->version)
        fail = FAIL_CONFLICT;
    if (fail == FAIL_NONE) {
        check_write(w, op->controller, &op->record);
        if (op->record.promoted == PROMOTED_FORCED && op->record.target != w->record.target)
            w->acked &= w->pods[op->record.target].data; /* the operator accepted the loss */
        w->record = op->record;
        w->record_exists = true;
        w->version++;
        if (w->record_writes_n == w->lost_answer_at)
            fail = FAIL_TIMEOUT;
        for (int i = 0; i < WORLD_CONTROLLERS; i++)
            if (i != op->controller && w->controllers[i].alive)
                (void)world_begin(w, OP_READ, i, ms);
    }
    if (!heard)
        return;
    if (fail == FAIL_NONE) {
        c->version = w->version;
        view_record(&c->view, &w->record);
        return;
    }
    view_write_failed(&c->view, fail);
    (void)world_begin(w, OP_READ, op->controller, ms);
}

void controller_end(struct world *w, struct op *op)
{
    struct controller *c = &w->controllers[op->controller];
    bool heard = c->alive && c->life == op->life;
    struct op ended = *op;

    op->kind = OP_NONE;
    c->view.now_us = w->now_us;
    if (ended.kind == OP_COMMAND)
        end_command(w, &ended, heard);
    else if (ended.kind == OP_WRITE)
        end_write(w, &ended, heard);
    if (!heard)
        return;
    if (ended.kind == OP_ASK)
        end_ask(w, ended.controller, &ended);
    else if (ended.kind == OP_CONNECT)
        end_connect(w, ended.controller, ended.effect.pod);
    else if (ended.kind == OP_READ)
        controller_saw_record(w, ended.controller);
    else if (ended.kind == OP_SETTLE)
        c->view.gate_settled = true;
    else if (ended.kind == OP_DRAIN)
        c->view.gate_drained = true;
}

void controller_saw_record(struct world *w, int id)
{
    struct controller *c = &w->controllers[id];

    if (c->view.writing)
        return; /* its answer says more */
    if (w->api_down) {
        (void)world_begin(w, OP_READ, id, 500 * ms);
        return;
    }
    c->version = w->version;
    view_record(&c->view, w->record_exists ? &w->record : NULL);
}

void controller_saw_pod(struct world *w, int id, int pod)
{
    struct controller *c = &w->controllers[id];
    const struct fake_pod *p = &w->pods[pod];
    const struct pod_kube seen = {
        .ready = p->ready, .terminating = p->terminating, .uid = p->uid, .ip = p->ip};
    bool moved = strcmp(c->view.pods[pod].ip, p->exists ? p->ip : "") != 0;

    c->view.now_us = w->now_us;
    view_kube_pod(&c->view, pod, p->exists ? &seen : NULL);
    if (moved)
        view_link_none(&c->view, pod);
}

void controller_start(struct world *w, int id)
{
    struct controller *c = &w->controllers[id];
    unsigned life = c->life + 1;

    *c = (struct controller){.alive = true, .life = life};
    view_init(&c->view, &w->settings);
    c->view.now_us = w->now_us;
    for (int i = 0; i < (int)w->pods_n; i++)
        controller_saw_pod(w, id, i);
    c->view.pods_known = true;
    (void)world_begin(w, OP_READ, id, 2 * ms);
}

/* It dies. Its commands are under way: they happen, unheard, or were never sent. */
void controller_stop(struct world *w, int id)
{
    w->controllers[id].alive = false;
    if (w->leader == id)
        w->leader = -1;
    for (unsigned i = 0; i < WORLD_OPS; i++)
        if (w->ops[i].controller == id && !w->crash_applies)
            w->ops[i].kind = OP_NONE;
}
