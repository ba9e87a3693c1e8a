/* The node controller (a node that is silent), and kubectl drain. */
#include "models/kube_cluster_impl.h"

static void pods_mark(struct kube_cluster *c, unsigned node)
{
    for (size_t i = 0; i < c->pods_n; i++) {
        const struct kubelet_pod *p = c->pods[i];
        struct kube_key key = {KUBE_PODS, c->ns, p->seen.name};
        json_t *object = kube_cluster_object(c, p), *patch;

        if (p->seen.ordinal != node || !p->bound || !object)
            continue;
        kube_cluster_tell(c, p, "node-lost", "is not Ready: its node is silent");
        patch = kube_objects_unready(c, object);
        json_decref(kube_store_patch(c->config.store, &key, KUBE_PART_WHOLE, patch).body);
        json_decref(patch);
    }
}

/* The pod that runs on a node, while its object is there. */
static const struct kubelet_pod *pod_on(const struct kube_cluster *c, unsigned node)
{
    const struct kubelet_pod *p = (const struct kubelet_pod *)kube_cluster_pod(c, node);

    return p && p->bound && kube_cluster_object(c, p) ? p : NULL;
}

static void pod_evict(struct kube_cluster *c, unsigned node)
{
    const struct kubelet_pod *p = pod_on(c, node);

    if (p)
        json_decref(kube_cluster_delete(c, p->seen.name, -1).body);
}

static void drain_step(struct kube_cluster *c, unsigned node)
{
    struct kube_slot *slot = &c->slots[node];
    const struct kubelet_pod *p = pod_on(c, node);
    struct kube_reply reply;

    if (!p) {
        slot->draining = false;
        return;
    }
    reply = kube_cluster_evict(c, p->seen.name);
    json_decref(reply.body);
    slot->draining = reply.status == 429;
    slot->drain_us = c->now_us + c->config.eviction_retry_us;
    kube_cluster_tell(c, p, "eviction", "drain: %s",
                      slot->draining ? "the disruption budget does not allow it now" : "evicted");
}

static int64_t mark_due(const struct kube_cluster *c, const struct kube_slot *slot)
{
    return slot->down && !slot->marked ? slot->down_us + c->config.node_monitor_us : NEVER;
}

static int64_t evict_due(const struct kube_cluster *c, const struct kube_slot *slot)
{
    if (!slot->marked || slot->evicted || c->config.node_eviction_us < 0)
        return NEVER;
    return slot->down_us + c->config.node_monitor_us + c->config.node_eviction_us;
}

void kube_nodes_step(struct kube_cluster *c)
{
    if (c->api_down)
        return;
    for (unsigned i = 0; i < KUBE_CLUSTER_PODS_MAX; i++) {
        struct kube_slot *slot = &c->slots[i];

        if (mark_due(c, slot) <= c->now_us) {
            slot->marked = true;
            pods_mark(c, i);
        }
        if (evict_due(c, slot) <= c->now_us) {
            slot->evicted = true;
            pod_evict(c, i);
        }
        if (slot->draining && slot->drain_us <= c->now_us)
            drain_step(c, i);
    }
}

int64_t kube_nodes_deadline(const struct kube_cluster *c)
{
    int64_t due_us = NEVER;

    for (unsigned i = 0; i < KUBE_CLUSTER_PODS_MAX && !c->api_down; i++) {
        const struct kube_slot *slot = &c->slots[i];

        due_us = earlier(due_us, earlier(mark_due(c, slot), evict_due(c, slot)));
        if (slot->draining)
            due_us = earlier(due_us, slot->drain_us);
    }
    return due_us;
}

void kube_cluster_drain(struct kube_cluster *c, int64_t now_us, unsigned node)
{
    c->slots[node].cordoned = c->slots[node].draining = true;
    c->slots[node].drain_us = now_us;
    kube_cluster_tick(c, now_us);
}

void kube_cluster_uncordon(struct kube_cluster *c, int64_t now_us, unsigned node)
{
    c->slots[node].cordoned = c->slots[node].draining = false;
    kube_cluster_tick(c, now_us);
}

void kube_cluster_node_set(struct kube_cluster *c, int64_t now_us, unsigned node, bool up)
{
    struct kube_slot *slot = &c->slots[node];

    if (slot->down == up) {
        slot->down = !up;
        slot->down_us = now_us;
        slot->marked = slot->evicted = false;
        /* A kubelet that is back looks at its pods, and says how they are. */
        for (size_t i = 0; i < c->pods_n; i++)
            c->pods[i]->dirty = c->pods[i]->dirty || c->pods[i]->seen.ordinal == node;
        c->look_due = true;
        c->look_us = now_us;
    }
    kube_cluster_tick(c, now_us);
}
