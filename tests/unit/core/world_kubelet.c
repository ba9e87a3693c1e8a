#include "world.h"

#include "core/rebuild.h"
#include "core/stopping.h"

#include "../cmocka_test.h"

static const int64_t gone_us = 300 * 1000; /* between the end of a pod and the start of the next */

static void tell(struct world *w, int pod)
{
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        if (w->controllers[i].alive)
            controller_saw_pod(w, i, pod);
}

void world_delete(struct world *w, int pod, int64_t grace_us)
{
    struct fake_pod *p = &w->pods[pod];

    if (!p->exists || p->terminating)
        return;
    p->terminating = true;
    p->kubelet_at = w->now_us + grace_us;
    tell(w, pod);
}

/* Its preStop hook is answered by a controller that lives: the leader, if there is one. */
static bool hook_is_done(const struct world *w, int pod)
{
    int id = w->leader;
    char why[WHY_SIZE];

    for (int i = 0; id < 0 && i < WORLD_CONTROLLERS; i++)
        if (w->controllers[i].alive)
            id = i;
    return id >= 0 && w->controllers[id].view.record_known &&
           stopping_may(&w->controllers[id].view, pod, why);
}

static void end_pod(struct world *w, int pod)
{
    struct fake_pod *p = &w->pods[pod];

    if (p->running)
        fake_stop(w, pod);
    p->exists = p->ready = p->terminating = false;
    p->kubelet_at = w->now_us + gone_us;
    tell(w, pod);
}

/* The init container, and then the server. */
static void begin_pod(struct world *w, int pod)
{
    struct fake_pod *p = &w->pods[pod];
    struct rebuild_order order;

    p->exists = true;
    p->kubelet_at = 0;
    p->pods++;
    (void)str_format(p->uid, sizeof p->uid, "u%d.%u", pod, p->pods);
    rebuild_order(&w->record, pod, p->uid, &order);
    if (order.move_data)
        fake_wipe(w, pod);
    else if (order.move_replication)
        fake_lose_list(w, pod);
    tell(w, pod);
    world_start(w, pod);
}

void kubelet_wake(struct world *w)
{
    for (int i = 0; i < (int)w->pods_n; i++) {
        struct fake_pod *p = &w->pods[i];

        if (p->terminating && (hook_is_done(w, i) || w->now_us >= p->kubelet_at))
            end_pod(w, i);
        else if (!p->exists && p->kubelet_at && w->now_us >= p->kubelet_at)
            begin_pod(w, i);
    }
}

int64_t kubelet_next(const struct world *w)
{
    int64_t next = INT64_MAX;

    for (unsigned i = 0; i < w->pods_n; i++) {
        const struct fake_pod *p = &w->pods[i];

        if ((p->terminating || !p->exists) && p->kubelet_at && p->kubelet_at < next)
            next = p->kubelet_at;
    }
    return next;
}

static void rewrite(struct world *w)
{
    w->version++;
    for (int i = 0; i < WORLD_CONTROLLERS; i++)
        if (w->controllers[i].alive)
            controller_saw_record(w, i);
}

void world_request(struct world *w, const char *text)
{
    (void)str_copy(w->record.request, sizeof w->record.request, text);
    rewrite(w);
}

void world_pause(struct world *w, const char *text)
{
    (void)str_copy(w->record.paused, sizeof w->record.paused, text);
    rewrite(w);
}
