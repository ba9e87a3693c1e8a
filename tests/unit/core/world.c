#include "world.h"
#include "steady.h"

#include "../cmocka_test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void world_trace(struct world *w, const char *fmt, ...)
{
    size_t at = strlen(w->trace);
    va_list args;

    if (at + 200 >= sizeof w->trace)
        check_fail(w, "the trace is too long");
    va_start(args, fmt);
    (void)vsnprintf(w->trace + at, sizeof w->trace - at, fmt, args);
    va_end(args);
    (void)str_append(w->trace, sizeof w->trace, "\n");
}

struct op *world_begin(struct world *w, enum op_kind kind, int controller, int64_t takes_us)
{
    for (unsigned i = 0; i < WORLD_OPS; i++) {
        if (w->ops[i].kind != OP_NONE)
            continue;
        w->ops[i] = (struct op){.kind = kind,
                                .due_us = w->now_us + takes_us,
                                .asked_us = w->now_us,
                                .controller = controller,
                                .life = w->controllers[controller].life};
        return &w->ops[i];
    }
    check_fail(w, "too much at once");
    return NULL;
}

/* ---- time ---- */

static int64_t next_time(const struct world *w, int64_t until_us)
{
    int64_t next = w->heartbeat_at < until_us ? w->heartbeat_at : until_us;

    for (unsigned i = 0; i < WORLD_OPS; i++)
        if (w->ops[i].kind != OP_NONE && w->ops[i].due_us < next)
            next = w->ops[i].due_us;
    if (kubelet_next(w) < next)
        next = kubelet_next(w);
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        if (w->controllers[i].alive && controller_next(w, i) < next)
            next = controller_next(w, i);
    return next > w->now_us ? next : w->now_us;
}

static void wake_all(struct world *w)
{
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        if (w->controllers[i].alive)
            controller_wake(w, i);
}

static void step(struct world *w, int64_t until_us)
{
    w->now_us = next_time(w, until_us);
    if (w->now_us >= w->heartbeat_at) {
        w->heartbeat_at = w->now_us + second;
        fake_heartbeats(w);
    }
    for (unsigned i = 0; i < WORLD_OPS; i++)
        if (w->ops[i].kind != OP_NONE && w->ops[i].due_us <= w->now_us)
            controller_end(w, &w->ops[i]);
    kubelet_wake(w);
    wake_all(w);
}

void world_run(struct world *w, int64_t us)
{
    int64_t until_us = w->now_us + us;

    while (w->now_us < until_us)
        step(w, until_us);
}

int64_t world_until(struct world *w, world_test_fn *test, int64_t limit_us, const char *what)
{
    int64_t start_us = w->now_us;

    wake_all(w);
    while (!test(w)) {
        if (w->now_us >= start_us + limit_us)
            check_fail(w, "not within the limit: %s (%s; gate %s: %s; sync %s)", what,
                       world_plan(w)->reason, gate_state_name(world_plan(w)->gate.state),
                       world_plan(w)->gate.why, world_sync(w));
        step(w, start_us + limit_us);
    }
    return w->now_us - start_us;
}

/* ---- making ---- */

struct world *world_new(unsigned pods_n)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->now_us = w->heartbeat_at = second;
    w->pods_n = pods_n;
    w->leader = -1;
    w->settle_us = 200;
    steady_settings(&w->settings);
    for (int i = 0; i < (int)pods_n; i++) {
        w->pods[i].exists = w->pods[i].ready = true;
        (void)str_format(w->pods[i].uid, sizeof w->pods[i].uid, "u%d.0", i);
        (void)str_format(w->pods[i].ip, sizeof w->pods[i].ip, "10.0.0.%d", i + 1);
        fake_wipe(w, i);
        fake_start(w, i);
    }
    controller_start(w, 0);
    world_lead(w, 0);
    return w;
}

void world_free(struct world *w)
{
    free(w);
}

struct world *world_formed(unsigned pods_n)
{
    struct world *w = world_new(pods_n);

    (void)world_until(w, world_is_ready, 10 * second, "the cluster is formed");
    for (int i = 0; i < 10; i++)
        assert_int_equal(world_write(w, 0), WRITTEN);
    world_run(w, 3 * second);
    world_forget(w);
    return w;
}

/* ---- what happens ---- */

void world_lead(struct world *w, int id)
{
    for (int i = 0; i < WORLD_CONTROLLERS; i++) {
        w->controllers[i].view.now_us = w->now_us;
        if (w->controllers[i].alive)
            view_leadership(&w->controllers[i].view, i == id, i == id ? INT64_MAX / 2 : 0);
    }
    w->leader = id;
}

void world_take_over(struct world *w, int id)
{
    world_run(w, second);
    controller_start(w, id);
    world_lead(w, id);
}

static void tell_pod(struct world *w, int pod)
{
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        if (w->controllers[i].alive)
            controller_saw_pod(w, i, pod);
}

void world_kill(struct world *w, int pod)
{
    fake_stop(w, pod);
    world_ready(w, pod, false);
}

void world_start(struct world *w, int pod)
{
    fake_start(w, pod);
    world_ready(w, pod, true);
}

void world_ready(struct world *w, int pod, bool ready)
{
    w->pods[pod].ready = ready;
    tell_pod(w, pod);
}

void world_replace(struct world *w, int pod, const char *ip)
{
    if (w->pods[pod].running)
        fake_stop(w, pod);
    w->pods[pod].exists = w->pods[pod].ready = false;
    tell_pod(w, pod);
    world_run(w, 200 * ms);
    w->pods[pod].exists = true;
    (void)str_format(w->pods[pod].uid, sizeof w->pods[pod].uid, "u%d.%u", pod, ++w->pods[pod].pods);
    (void)str_copy(w->pods[pod].ip, sizeof w->pods[pod].ip, ip);
    tell_pod(w, pod);
    world_run(w, 200 * ms);
    world_start(w, pod);
}

enum written world_write(struct world *w, int id)
{
    const struct gate *g = &w->controllers[id].plan.gate;
    uint64_t bit;

    if (g->state != GATE_OPEN)
        return WRITE_PARKED;
    if (w->writes_n >= 63) {
        check_fail(w, "more writes than a pod has bits");
        return WRITE_FAILED;
    }
    bit = UINT64_C(1) << w->writes_n++;
    if (!fake_answers(w, g->pod) || w->unreachable[g->pod] ||
        strcmp(w->pods[g->pod].run, g->run) != 0 || fake_commit(w, g->pod, bit) != OUTCOME_OK)
        return WRITE_FAILED;
    w->acked |= bit;
    return WRITTEN;
}

/* ---- asking ---- */

void world_expect(struct world *w, const char *const *lines, size_t n)
{
    char expected[WORLD_TRACE] = "";

    for (size_t i = 0; i < n; i++)
        (void)str_append(expected, sizeof expected, "%s\n", lines[i]);
    if (strcmp(expected, w->trace) != 0)
        fail_msg("expected:\n%s\nseen:\n%s", expected, w->trace);
    world_forget(w);
}

void world_forget(struct world *w)
{
    w->trace[0] = '\0';
    for (int i = 0; i < WORLD_CONTROLLERS; i++) {
        w->controllers[i].worst_gate = GATE_OPEN;
        (void)str_copy(w->controllers[i].gates, sizeof w->controllers[i].gates,
                       gate_state_name(w->controllers[i].plan.gate.state));
    }
}

const struct plan *world_plan(const struct world *w)
{
    return &w->controllers[w->leader >= 0 ? w->leader : 0].plan;
}

const char *world_sync(const struct world *w)
{
    static char text[RUN_SIZE + 40];

    return record_sync_text(&w->record, text, sizeof text);
}

bool world_is_open(const struct world *w)
{
    return w->leader >= 0 && world_plan(w)->gate.state == GATE_OPEN;
}

bool world_is_closed(const struct world *w)
{
    return !world_is_open(w);
}

bool world_is_unproven(const struct world *w)
{
    return w->record.sync == SYNC_UNPROVEN && w->record.transition == EPOCH_NONE;
}

bool world_is_armed(const struct world *w)
{
    return world_is_open(w) && w->record.transition == EPOCH_NONE &&
           record_sync_is(&w->record, SYNC_READY, w->pods[1 - w->record.target].run);
}

bool world_is_ready(const struct world *w)
{
    const struct fake_pod *t = &w->pods[w->record.target];

    if (!world_is_open(w) || w->record.sync != SYNC_READY || w->record.fenced ||
        w->record.transition != EPOCH_NONE || t->rows_n != w->pods_n - 1)
        return false;
    for (int i = 0; i < (int)w->pods_n; i++)
        if (record_is_rebuilt(&w->record, i))
            return false;
    for (unsigned i = 0; i < t->rows_n; i++)
        if (t->rows[i].dead || t->rows[i].status != ROW_READY ||
            w->pods[t->rows[i].pod].data != t->data ||
            (t->rows[i].mode == MODE_ASYNC) != (t->rows[i].pod >= 2))
            return false;
    return true;
}
