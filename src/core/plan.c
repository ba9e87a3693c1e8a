#include "core/plan.h"

#include <assert.h>
#include <stdarg.h>

void plan_init(struct plan *plan, const struct view *v)
{
    memset(plan, 0, sizeof *plan);
    plan->gate.pod = -1;
    plan->now_us = v->now_us;
    plan->wake_us = v->now_us + v->settings.reconcile_us;
}

static bool is_question(enum effect_kind kind)
{
    return kind == EFFECT_ASK_ROLE || kind == EFFECT_ASK_STORAGE || kind == EFFECT_ASK_ROWS;
}

/* One command a pod a round, and none while one is under way or its retry is not due. Questions go
 * over a connection of their own; each is asked once a round. */
static bool spoken_for(struct plan *plan, const struct view *v, enum effect_kind kind, int pod)
{
    if (pod < 0)
        return false;
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->effects[i].pod == pod &&
            (is_question(kind) ? plan->effects[i].kind == kind
                               : !is_question(plan->effects[i].kind)))
            return true;
    if (is_question(kind))
        return false;
    if (v->pods[pod].retry_at > v->now_us)
        plan_wake(plan, v->pods[pod].retry_at);
    return v->pods[pod].command != EFFECT_NONE || v->pods[pod].retry_at > v->now_us;
}

static struct effect *add(struct plan *plan, const struct view *v, enum effect_kind kind,
                          enum rule rule, int pod, const char *fmt, va_list args) PRINTF_LIKE(6, 0);

static struct effect *add(struct plan *plan, const struct view *v, enum effect_kind kind,
                          enum rule rule, int pod, const char *fmt, va_list args)
{
    struct effect *e;

    assert(fmt);
    if (plan->n == EFFECTS_MAX || spoken_for(plan, v, kind, pod))
        return NULL;
    e = &plan->effects[plan->n++];
    *e = (struct effect){.kind = kind, .rule = rule, .pod = pod, .target = -1, .about = -1};
    if (pod >= 0)
        (void)str_copy(e->run, sizeof e->run, v->pods[pod].run);
    (void)vsnprintf(e->why, sizeof e->why, fmt, args);
    return e;
}

struct effect *plan_add(struct plan *plan, const struct view *v, enum effect_kind kind,
                        enum rule rule, int pod, const char *fmt, ...)
{
    struct effect *e;
    va_list args;

    va_start(args, fmt);
    e = add(plan, v, kind, rule, pod, fmt, args);
    va_end(args);
    return e;
}

static void tell(struct plan *plan, const struct view *v, enum rule rule, const char *event,
                 int about, bool warning, const char *fmt, va_list args) PRINTF_LIKE(7, 0);

static void tell(struct plan *plan, const struct view *v, enum rule rule, const char *event,
                 int about, bool warning, const char *fmt, va_list args)
{
    struct effect *e = add(plan, v, EFFECT_EVENT, rule, -1, fmt, args);

    if (!e)
        return;
    e->event = event;
    e->about = about;
    e->warning = warning;
}

void plan_tell(struct plan *plan, const struct view *v, enum rule rule, const char *event,
               int about, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tell(plan, v, rule, event, about, false, fmt, args);
    va_end(args);
}

void plan_warn(struct plan *plan, const struct view *v, enum rule rule, const char *event,
               int about, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    tell(plan, v, rule, event, about, true, fmt, args);
    va_end(args);
}

bool plan_has_write(const struct plan *plan)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->effects[i].kind == EFFECT_WRITE_RECORD)
            return true;
    return false;
}

struct record *plan_write(struct plan *plan, const struct view *v, enum rule rule, const char *fmt,
                          ...)
{
    struct effect *e;
    va_list args;

    if (v->writing || plan_has_write(plan))
        return NULL;
    if (v->write_retry_at > v->now_us) {
        plan_wake(plan, v->write_retry_at);
        return NULL;
    }
    va_start(args, fmt);
    e = add(plan, v, EFFECT_WRITE_RECORD, rule, -1, fmt, args);
    va_end(args);
    if (!e)
        return NULL;
    plan->record = v->record;
    if (!v->record_exists)
        plan->record = (struct record){.from = -1};
    return &plan->record;
}

void plan_wake(struct plan *plan, int64_t at_us)
{
    if (at_us > plan->now_us && at_us < plan->wake_us)
        plan->wake_us = at_us;
}

void plan_reason(struct plan *plan, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(plan->reason, sizeof plan->reason, fmt, args);
    va_end(args);
}
