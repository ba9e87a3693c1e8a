/* What people do with kubectl: writes to the store, which controllers and kubelets see. */
#include "models/kube_cluster_impl.h"

static struct kube_key set_key(const struct kube_cluster *c)
{
    return (struct kube_key){KUBE_STATEFULSETS, c->ns, c->statefulset};
}

/* The patch is used up. */
static struct kube_reply set_patch(struct kube_cluster *c, json_t *patch)
{
    struct kube_key key = set_key(c);
    struct kube_reply reply = kube_store_patch(c->config.store, &key, KUBE_PART_MAIN, patch);

    json_decref(patch);
    return reply;
}

struct kube_reply kube_cluster_scale(struct kube_cluster *c, unsigned replicas)
{
    return set_patch(c, json_pack("{s:{s:i}}", "spec", "replicas", (int)replicas));
}

struct kube_reply kube_cluster_annotate(struct kube_cluster *c, const char *name, const char *value)
{
    return set_patch(c, json_pack("{s:{s:{s:{s:{s:s}}}}}", "spec", "template", "metadata",
                                  "annotations", name, value));
}

struct kube_reply kube_cluster_rollout_restart(struct kube_cluster *c)
{
    static const char annotation[] = "kubectl.kubernetes.io/restartedAt";
    const json_t *at = json_object_get(kube_cluster_set(c), "spec");
    const char *last;
    char now[STAMP_SIZE];

    at = json_object_get(json_object_get(at, "template"), "metadata");
    last = json_string_value(json_object_get(json_object_get(at, "annotations"), annotation));
    kube_cluster_stamp(c, now);
    if (last && strcmp(last, now) == 0) /* it would change nothing */
        return kube_status_failure(409, "Conflict",
                                   "restarted within the past second: wait before another restart");
    return kube_cluster_annotate(c, annotation, now);
}

struct kube_reply kube_cluster_rollout_undo(struct kube_cluster *c)
{
    struct kube_key key = set_key(c);
    json_t *set = kube_cluster_set(c), *next;
    struct kube_reply reply;

    if (set)
        kube_statefulset_revise(c);
    if (!set || !c->before.pod_template)
        return kube_status_failure(404, "NotFound", "no last revision to roll back to");
    next = json_deep_copy(set);
    json_object_set(json_object_get(next, "spec"), "template", c->before.pod_template);
    reply = kube_store_update(c->config.store, &key, KUBE_PART_MAIN, next);
    json_decref(next);
    return reply;
}

struct kube_reply kube_cluster_delete(struct kube_cluster *c, const char *name, int64_t grace_s)
{
    const struct kube_delete how = {.grace_s = grace_s};
    struct kube_key key = {KUBE_PODS, c->ns, name};

    return kube_store_delete(c->config.store, &key, &how);
}

static int healthy_count(const struct kube_cluster *c)
{
    int n = 0;

    for (size_t i = 0; i < c->pods_n; i++) {
        struct kube_pod pod;
        json_t *object = kube_cluster_object(c, c->pods[i]);

        if (object && kube_read_pod(object, &pod).kind == FAIL_NONE)
            n += pod.ready && !pod.terminating;
    }
    return n;
}

static struct kube_reply budget_refusal(const struct kube_cluster *c, int needed, int healthy)
{
    struct kube_reply reply =
        kube_status_failure(429, "TooManyRequests",
                            "Cannot evict pod as it would violate the pod's disruption budget.");
    json_t *message =
        json_sprintf("The disruption budget %s needs %d healthy pods and has %d currently",
                     c->statefulset, needed, healthy);

    json_object_set_new(
        reply.body, "details",
        json_pack("{s:[{s:s, s:o}]}", "causes", "reason", "DisruptionBudget", "message", message));
    return reply;
}

struct kube_reply kube_cluster_evict(struct kube_cluster *c, const char *name)
{
    struct kube_key key = {KUBE_PODS, c->ns, name};
    json_t *object = kube_store_find(c->config.store, &key);
    int needed = (int)kube_statefulset_replicas(c) - c->config.max_unavailable;
    int healthy = healthy_count(c);
    struct kube_reply reply;
    struct kube_pod pod;

    /* What does not run yet, or goes already, counts for no budget. */
    if (c->config.max_unavailable >= 0 && object && kube_read_pod(object, &pod).kind == FAIL_NONE &&
        pod.running && !pod.terminating && healthy - 1 < needed)
        return budget_refusal(c, needed, healthy);
    reply = kube_cluster_delete(c, name, -1);
    if (reply.status != 200)
        return reply;
    json_decref(reply.body);
    return (struct kube_reply){201, json_pack("{s:s, s:s, s:{}, s:s, s:i}", "kind", "Status",
                                              "apiVersion", "v1", "metadata", "status", "Success",
                                              "code", 201)};
}
