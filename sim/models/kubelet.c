#include "models/kube_cluster_impl.h"

static void ready_lose(struct kube_cluster *c, struct kubelet_pod *p)
{
    if (p->seen.ready)
        kube_cluster_stamp(c, p->ready_since);
    p->seen.ready = false;
}

void kubelet_look(struct kube_cluster *c, struct kubelet_pod *p)
{
    const json_t *metadata = json_object_get(kube_cluster_object(c, p), "metadata");
    bool down = kube_cluster_slot(c, p)->down;

    /* What never ran needs no kubelet to end. */
    if (!metadata && (!down || !p->alive))
        p->seen.removed = true;
    if (down)
        return;
    if (!metadata)
        kubelet_stop_begin(c, p, FORCED_GRACE_US);
    else if (json_object_get(metadata, "deletionTimestamp"))
        kubelet_stop_begin(
            c, p,
            1000000 * json_integer_value(json_object_get(metadata, "deletionGracePeriodSeconds")));
}

static void bind_to_node(struct kube_cluster *c, struct kubelet_pod *p)
{
    struct kube_key key = {KUBE_PODS, c->ns, p->seen.name};
    const struct kube_slot *slot = kube_cluster_slot(c, p);
    json_t *patch;

    if (p->bound || c->api_down || slot->cordoned || slot->down || !kube_cluster_object(c, p))
        return;
    p->bound = true;
    kube_cluster_stamp(c, p->bound_since);
    patch = kube_objects_binding(p);
    json_decref(kube_store_patch(c->config.store, &key, KUBE_PART_WHOLE, patch).body);
    json_decref(patch);
    p->dirty = true;
}

static int64_t backoff_next_us(const struct kube_cluster *c, struct kubelet_pod *p)
{
    const struct kube_cluster_config *config = &c->config;
    int64_t delay_us = 0;

    if (c->now_us - p->launched_us >= config->backoff_over_us)
        p->deaths = 0;
    for (unsigned i = 0; i < p->deaths && delay_us < config->backoff_max_us; i++)
        delay_us = delay_us ? 2 * delay_us : config->backoff_us;
    p->deaths++;
    delay_us = earlier(delay_us, config->backoff_max_us);
    return delay_us < config->restart_us ? config->restart_us : delay_us;
}

static void start_later(struct kube_cluster *c, struct kubelet_pod *p)
{
    int64_t delay_us = backoff_next_us(c, p);

    p->start_at = c->now_us + delay_us;
    kube_cluster_tell(c, p, "backoff", "starts again in %.1f s", (double)delay_us / 1e6);
}

/* A node that lost its power: the pod is the same, all that was of it there is new. */
static void reboot(struct kube_cluster *c, struct kubelet_pod *p)
{
    p->rebooted = false;
    p->initialized = false;
    p->seen.ip[0] = 0;
    p->seen.phase = KUBE_CLUSTER_PENDING;
    p->start_at = c->now_us + c->config.start_us;
}

static void init_ended(struct kube_cluster *c, struct kubelet_pod *p)
{
    if (p->exit_code == 0) {
        p->initialized = true;
        p->deaths = 0;
        p->start_at = c->now_us;
        kube_cluster_stamp(c, p->initialized_since);
        return;
    }
    kube_cluster_tell(c, p, "init-failed", "init container: exit status %d", p->exit_code);
    p->init_restarts++;
    start_later(c, p);
}

static void exit_take(struct kube_cluster *c, struct kubelet_pod *p)
{
    if (!p->exited)
        return;
    p->exited = false;
    p->dirty = true;
    p->kill_at = NEVER;
    kubelet_probe_end(p);
    ready_lose(c, p);
    if (p->seen.phase == KUBE_CLUSTER_RUNNING) {
        p->has_last = true;
        p->last_code = p->exit_code;
        (void)str_copy(p->last_started, sizeof p->last_started, p->started);
        kube_cluster_stamp(c, p->last_finished);
    }
    if (p->seen.terminating) {
        p->seen.phase = KUBE_CLUSTER_ENDED;
    } else if (p->rebooted) {
        reboot(c, p);
    } else if (p->seen.phase == KUBE_CLUSTER_INIT) {
        init_ended(c, p);
    } else {
        p->seen.phase = KUBE_CLUSTER_BACKOFF;
        start_later(c, p);
    }
}

static void process_start(struct kube_cluster *c, struct kubelet_pod *p)
{
    if (!p->initialized)
        kube_cluster_stamp(c, p->initialized_since);
    p->initialized = true;
    p->seen.phase = KUBE_CLUSTER_RUNNING;
    p->seen.restarts += p->launched;
    p->launched = true;
    kube_cluster_stamp(c, p->started);
    kubelet_probe_begin(c, p);
    c->host.start(c->host.arg, &p->seen);
}

static void start_step(struct kube_cluster *c, struct kubelet_pod *p)
{
    struct kube_slot *slot = kube_cluster_slot(c, p);

    /* The volume must be free before anything is prepared. */
    if (p->bound && p->seen.phase == KUBE_CLUSTER_PENDING && p->start_at == NEVER &&
        !kube_cluster_has_older(c, p))
        p->start_at = c->now_us + c->config.start_us;
    if (p->alive || p->exited || p->seen.terminating || slot->held || p->start_at > c->now_us)
        return;
    p->start_at = NEVER;
    p->alive = true;
    p->dirty = true;
    p->launched_us = c->now_us;
    if (!*p->seen.ip)
        kube_cluster_address_next(c, p);
    if (slot->volume_lost) {
        slot->volume_lost = false;
        kube_cluster_tell(c, p, "wiped", "volume is empty now");
        c->host.wipe(c->host.arg, p->seen.ordinal);
    }
    if (!c->host.init || p->initialized) {
        process_start(c, p);
        return;
    }
    p->seen.phase = KUBE_CLUSTER_INIT;
    c->host.init(c->host.arg, &p->seen);
}

static bool has_news(const struct kube_cluster *c, const struct kubelet_pod *p)
{
    return p->dirty && p->bound && !c->api_down && kube_cluster_object(c, p);
}

static void status_write(struct kube_cluster *c, struct kubelet_pod *p)
{
    struct kube_key key = {KUBE_PODS, c->ns, p->seen.name};
    json_t *patch;

    if (!has_news(c, p))
        return;
    if (p->status_at == NEVER)
        p->status_at = c->now_us + c->config.status_delay_us;
    if (p->status_at > c->now_us)
        return;
    p->status_at = NEVER;
    p->dirty = false;
    patch = kube_objects_status(c, p);
    json_decref(kube_store_patch(c->config.store, &key, KUBE_PART_WHOLE, patch).body);
    json_decref(patch);
}

/* The end of a pod's object, when nothing of the pod runs any more. */
static bool finish(struct kube_cluster *c, struct kubelet_pod *p)
{
    struct kube_key key = {KUBE_PODS, c->ns, p->seen.name};
    const struct kube_delete now = {.grace_s = 0, .uid = p->seen.uid};

    if (c->api_down)
        return false;
    kube_cluster_tell(c, p, "gone", "is gone (uid %.8s)", p->seen.uid);
    json_decref(kube_store_delete(c->config.store, &key, &now).body);
    return true;
}

bool kubelet_step(struct kube_cluster *c, struct kubelet_pod *p)
{
    if (p->seen.removed && !p->alive) {
        kube_cluster_tell(c, p, "gone", "was deleted by force (uid %.8s)", p->seen.uid);
        return true;
    }
    bind_to_node(c, p);
    if (kube_cluster_slot(c, p)->down)
        return false;
    exit_take(c, p);
    kubelet_stop_step(c, p);
    status_write(c, p);
    start_step(c, p);
    kubelet_probe_step(c, p);
    status_write(c, p);
    return p->seen.phase == KUBE_CLUSTER_ENDED && finish(c, p);
}

int64_t kubelet_deadline(const struct kube_cluster *c, const struct kubelet_pod *p)
{
    const struct kube_slot *slot = &c->slots[p->seen.ordinal];
    int64_t due_us = p->kill_at;

    if (slot->down)
        return NEVER;
    if (!slot->held && !p->seen.terminating)
        due_us = earlier(due_us, p->start_at);
    if (has_news(c, p))
        due_us = earlier(due_us, p->status_at);
    return earlier(due_us, kubelet_probe_deadline(p));
}
