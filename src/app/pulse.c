#include "app/pulse.h"

#include "base/alloc.h"

static const int64_t beat_most_us = 1000LL * 1000;

struct pulse {
    struct controller *c;
    struct timer *timer;
    int64_t beat_us, due_us;
    struct metric_histogram lateness;
};

static void start(struct pulse *p)
{
    p->due_us = loop_now_us(p->c->loop) + p->beat_us;
    timer_start(p->timer, p->beat_us);
}

static void on_beat(void *arg)
{
    struct pulse *p = arg;
    int64_t late_us = loop_now_us(p->c->loop) - p->due_us;

    metric_observe(&p->lateness, late_us > 0 ? late_us : 0);
    start(p);
    (void)controller_view(p->c);
    if (p->c->stalled)
        controller_step(p->c);
}

struct pulse *pulse_new(struct controller *c)
{
    struct pulse *p = xcalloc(1, sizeof *p);
    int64_t limit_us = config_stall_limit_ms(&c->config) * 1000;

    p->c = c;
    p->beat_us = limit_us / 4 < beat_most_us ? limit_us / 4 : beat_most_us;
    p->timer = timer_new(c->loop, on_beat, p);
    start(p);
    return p;
}

void pulse_free(struct pulse *p)
{
    if (!p)
        return;
    timer_free(p->timer);
    free(p);
}

const struct metric_histogram *pulse_lateness(const struct pulse *p)
{
    return &p->lateness;
}
