#include "app/pulse.h"

#include "base/alloc.h"

static const int64_t beat_us = 1000LL * 1000;

struct pulse {
    struct loop *loop;
    struct timer *timer;
    int64_t due_us;
    struct metric_histogram lateness;
};

static void start(struct pulse *p)
{
    p->due_us = loop_now_us(p->loop) + beat_us;
    timer_start(p->timer, beat_us);
}

static void on_beat(void *arg)
{
    struct pulse *p = arg;
    int64_t late_us = loop_now_us(p->loop) - p->due_us;

    metric_observe(&p->lateness, late_us > 0 ? late_us : 0);
    start(p);
}

struct pulse *pulse_new(struct loop *loop)
{
    struct pulse *p = xcalloc(1, sizeof *p);

    p->loop = loop;
    p->timer = timer_new(loop, on_beat, p);
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
