#include "app/election.h"

#include "app/state.h"
#include "base/alloc.h"
#include "core/lease.h"

struct election {
    struct controller *c;
    char name[KUBE_NAME_SIZE], path[512];
    struct kube_watch *watch;
    bool deaf, failing; /* the watch, our writes: said once */
    struct kube_request *request;
    bool unsure; /* the last write may have been done or not: its answer was lost */
    struct timer *due, *expiry;
    struct lease lease;
    struct kube_lease object; /* as last read or written */
    bool releasing;
    timer_fn *released;
    void *released_arg;
};

static void election_step(struct election *e);

static void publish(struct election *e)
{
    struct controller *c = e->c;
    int64_t until_us = e->releasing ? 0 : lease_until(&e->lease);
    bool leads = until_us > loop_now_us(c->loop);
    bool led = c->view.leader;

    view_leadership(controller_view(c), leads, until_us);
    view_lease(controller_view(c), lease_others_until(&e->lease));
    if (leads)
        timer_start(e->expiry, until_us - loop_now_us(c->loop));
    if (leads && !led) {
        log_event(LOG_INFO, "leader", "this controller leads", "identity", c->config.pod, NULL);
        state_read(c->state); /* what was decided meanwhile counts */
    } else if (!leads && led) {
        log_event(LOG_WARN, "leader", "this controller leads no more", "identity", c->config.pod,
                  "holder", e->object.holder, NULL);
    }
    controller_step(c);
}

static void on_expiry(void *arg)
{
    publish(arg);
}

/* ---- what was read ---- */

static void take(struct election *e, json_t *object)
{
    struct kube_lease seen;
    bool changed;

    if (kube_read_lease(object, &seen).kind != FAIL_NONE)
        return;
    changed = strcmp(seen.meta.version, e->object.meta.version) != 0;
    if (changed && strcmp(seen.holder, e->object.holder) != 0)
        log_event(LOG_INFO, "leader", "leader changed", "holder",
                  seen.holder[0] ? seen.holder : "nobody", NULL);
    e->object = seen;
    lease_seen(&e->lease, loop_now_us(e->c->loop), strcmp(seen.holder, e->c->config.pod) == 0,
               seen.holder[0] == '\0', changed, seen.duration_s * 1000 * 1000);
    publish(e);
}

static void on_list(void *arg, json_t *items)
{
    struct election *e = arg;
    json_t *object = json_array_get(items, 0);

    if (e->lease.writing || e->releasing)
        return;
    if (object) {
        take(e, object);
    } else {
        e->object = (struct kube_lease){0};
        lease_seen_absent(&e->lease);
        publish(e);
    }
    election_step(e);
}

static void on_event(void *arg, enum kube_event_type type, json_t *object)
{
    struct election *e = arg;

    if (e->lease.writing || e->releasing || type == KUBE_BOOKMARK || type == KUBE_ERROR)
        return;
    /* A watch may lag behind our own writes: while we hold the lease, the next renewal tells the
     * truth (409) sooner than an old event could. */
    if (e->lease.ours && e->lease.renewed_at)
        return;
    if (type == KUBE_DELETED)
        lease_seen_absent(&e->lease);
    else
        take(e, object);
    election_step(e);
}

static void on_state(void *arg, const struct fail *why)
{
    struct election *e = arg;

    controller_tell_watch("the lease", &e->deaf, why);
}

static void on_read(void *arg, const struct kube_answer *answer)
{
    struct election *e = arg;

    e->request = NULL;
    lease_write_done(&e->lease, loop_now_us(e->c->loop), false, false);
    if (answer->fail.kind == FAIL_NONE) {
        e->unsure = false;
        take(e, answer->body);
    } else if (answer->fail.kind == FAIL_GONE) {
        e->unsure = false;
        lease_seen_absent(&e->lease);
        publish(e);
    }
    election_step(e);
}

/* ---- what is written ---- */

static void on_written(void *arg, const struct kube_answer *answer)
{
    struct election *e = arg;
    bool ok = answer->fail.kind == FAIL_NONE;
    bool conflict = answer->fail.kind == FAIL_CONFLICT || answer->fail.kind == FAIL_GONE;

    e->request = NULL;
    if (!conflict)
        controller_tell_request("writing the lease", &e->failing, &answer->fail);
    lease_write_done(&e->lease, loop_now_us(e->c->loop), ok, conflict);
    e->unsure = !ok && !conflict;
    if (ok)
        (void)kube_read_lease(answer->body, &e->object);
    publish(e);
    election_step(e);
}

static void fill(struct election *e, struct kube_lease *next, const char *holder,
                 int64_t duration_s)
{
    char now[40];
    bool same = strcmp(e->object.holder, holder) == 0;

    *next = e->object;
    kube_format_time(loop_wall_us(e->c->loop), now, sizeof now);
    (void)str_copy(next->meta.name, sizeof next->meta.name, e->name);
    (void)str_copy(next->holder, sizeof next->holder, holder);
    next->duration_s = duration_s;
    (void)str_copy(next->renew_time, sizeof next->renew_time, now);
    if (same && e->object.acquire_time[0])
        return;
    (void)str_copy(next->acquire_time, sizeof next->acquire_time, now);
    if (e->object.meta.version[0] && holder[0])
        next->transitions++;
}

static void send_lease(struct election *e, const struct kube_lease *next, bool create,
                       kube_done_fn *done)
{
    json_t *object = kube_make_lease(next, !create);
    char path[800];

    (void)str_format(path, sizeof path, create ? "%s" : "%s/%s", e->path, e->name);
    e->request = kube_client_send(e->c->kube, create ? "POST" : "PUT", path, NULL, object, done, e);
    json_decref(object);
}

/* A Lease counts whole seconds: rounded up, or others would take it over while we still act. */
static int64_t lease_seconds(const struct controller *c)
{
    return (c->config.lease_ms + 999) / 1000;
}

static void election_step(struct election *e)
{
    int64_t now_us = loop_now_us(e->c->loop), wake_us;
    enum lease_move move = lease_decide(&e->lease, now_us, &wake_us);
    struct kube_lease next;
    char path[800];

    if (e->releasing || e->request)
        return;
    timer_start(e->due, wake_us - now_us);
    if (move != LEASE_WAIT && e->unsure)
        move = LEASE_READ; /* or a renewal that was done would be refused as if by a stranger */
    switch (move) {
    case LEASE_WAIT:
        return;
    case LEASE_READ:
        (void)str_format(path, sizeof path, "%s/%s", e->path, e->name);
        lease_write_started(&e->lease, now_us);
        e->request = kube_client_send(e->c->kube, "GET", path, NULL, NULL, on_read, e);
        return;
    case LEASE_CREATE:
    case LEASE_TAKE:
    case LEASE_RENEW:
        fill(e, &next, e->c->config.pod, lease_seconds(e->c));
        lease_write_started(&e->lease, now_us);
        send_lease(e, &next, move == LEASE_CREATE, on_written);
        return;
    }
}

static void on_due(void *arg)
{
    election_step(arg);
}

/* ---- the end ---- */

static void finish_release(struct election *e)
{
    timer_fn *released = e->released;

    e->released = NULL;
    if (released)
        released(e->released_arg);
}

static void on_released(void *arg, const struct kube_answer *answer)
{
    struct election *e = arg;

    e->request = NULL;
    if (answer->fail.kind != FAIL_NONE)
        log_event(LOG_WARN, "leader", "the lease was not released", "error", answer->fail.text,
                  NULL);
    finish_release(e);
}

static void on_resigned(void *arg, const struct kube_answer *answer)
{
    struct election *e = arg;

    (void)answer; /* the lease is read next, whatever came */
    e->request = NULL;
    election_step(e);
}

void election_resign(struct election *e)
{
    int64_t now_us = loop_now_us(e->c->loop);
    struct kube_lease next;

    if (e->releasing || !e->lease.ours || lease_until(&e->lease) <= now_us)
        return;
    log_event(LOG_WARN, "leader", "no link to either of the pair: leadership is left to others",
              NULL);
    kube_request_cancel(e->request);
    lease_set_aside(&e->lease, now_us);
    fill(e, &next, "", 1);
    send_lease(e, &next, false, on_resigned);
    publish(e);
}

static void on_release_later(void *arg)
{
    finish_release(arg);
}

void election_release(struct election *e, timer_fn *done, void *arg)
{
    bool held = e->lease.ours && lease_until(&e->lease) > loop_now_us(e->c->loop);
    struct kube_lease next;

    e->releasing = true;
    e->released = done;
    e->released_arg = arg;
    kube_request_cancel(e->request);
    e->request = NULL;
    timer_stop(e->due);
    publish(e);
    if (held) {
        fill(e, &next, "", 1);
        send_lease(e, &next, false, on_released);
        return;
    }
    timer_free(e->due);
    e->due = timer_new(e->c->loop, on_release_later, e);
    timer_start(e->due, 0);
}

const char *election_holder(const struct election *e)
{
    return e->object.holder;
}

struct election *election_new(struct controller *c)
{
    static const struct kube_watch_events events = {on_list, on_event, on_state};
    struct election *e = xcalloc(1, sizeof *e);
    struct lease_times times = {.duration_us = c->config.lease_ms * 1000,
                                .renew_deadline_us = c->config.lease_renew_ms * 1000,
                                .retry_us = c->config.lease_retry_ms * 1000};
    char selector[KUBE_NAME_SIZE + 40];

    e->c = c;
    lease_init(&e->lease, &times);
    e->due = timer_new(c->loop, on_due, e);
    e->expiry = timer_new(c->loop, on_expiry, e);
    config_lease_name(&c->config, e->name, sizeof e->name);
    (void)str_format(e->path, sizeof e->path, "/apis/coordination.k8s.io/v1/namespaces/%s/leases",
                     c->config.namespace_);
    (void)str_format(selector, sizeof selector, "fieldSelector=metadata.name%%3D%s", e->name);
    e->watch = kube_watch_start(c->kube, e->path, selector, &events, e);
    return e;
}

void election_free(struct election *e)
{
    if (!e)
        return;
    kube_watch_stop(e->watch);
    kube_request_cancel(e->request);
    timer_free(e->due);
    timer_free(e->expiry);
    free(e);
}
