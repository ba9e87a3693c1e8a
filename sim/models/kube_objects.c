/* Objects as the cluster's own parts write them. Source: captured objects of a real cluster. */
#include "models/kube_cluster_impl.h"

enum { BOLT_PORT = 7687 };

static const char CONTAINER[] = "memgraph", IMAGE[] = "memgraph-sim";

json_t *kube_objects_statefulset(const struct kube_cluster *c)
{
    json_t *container = json_pack("{s:s, s:s, s:[{s:s, s:i, s:s}]}", "name", CONTAINER, "image",
                                  IMAGE, "ports", "name", "bolt", "containerPort", BOLT_PORT,
                                  "protocol", "TCP");
    json_t *pod_template = json_pack(
        "{s:{s:{s:s}}, s:{s:[o], s:s, s:I}}", "metadata", "labels", "app.kubernetes.io/name",
        c->app, "spec", "containers", container, "restartPolicy", "Always",
        "terminationGracePeriodSeconds", (json_int_t)c->config.grace_s);
    json_t *spec = json_pack(
        "{s:i, s:s, s:s, s:{s:s, s:{s:i}}, s:{s:{s:s}}, s:o, s:i}", "replicas",
        (int)c->config.replicas, "serviceName", c->statefulset, "podManagementPolicy",
        c->config.parallel ? "Parallel" : "OrderedReady", "updateStrategy", "type", "RollingUpdate",
        "rollingUpdate", "partition", 0, "selector", "matchLabels", "app.kubernetes.io/name",
        c->app, "template", pod_template, "revisionHistoryLimit", 10);

    return json_pack("{s:s, s:s, s:{s:s}, s:o, s:{s:i, s:i}}", "kind", "StatefulSet", "apiVersion",
                     "apps/v1", "metadata", "name", c->statefulset, "spec", spec, "status",
                     "replicas", 0, "readyReplicas", 0);
}

json_t *kube_objects_pod(const struct kube_cluster *c, unsigned ordinal,
                         const struct kube_revision *revision, const char *set_uid)
{
    json_t *metadata = json_deep_copy(json_object_get(revision->pod_template, "metadata"));
    json_t *spec = json_deep_copy(json_object_get(revision->pod_template, "spec"));
    json_t *labels = json_object_get(metadata, "labels");
    char name[KUBE_NAME_SIZE];

    (void)str_format(name, sizeof name, "%s-%u", c->statefulset, ordinal);
    json_object_set_new(labels, "controller-revision-hash", json_string(revision->name));
    json_object_set_new(labels, "statefulset.kubernetes.io/pod-name", json_string(name));
    json_object_set_new(metadata, "name", json_string(name));
    json_object_set_new(metadata, "generateName", json_sprintf("%s-", c->statefulset));
    json_object_set_new(metadata, "ownerReferences",
                        json_pack("[{s:s, s:s, s:s, s:s, s:b, s:b}]", "apiVersion", "apps/v1",
                                  "kind", "StatefulSet", "name", c->statefulset, "uid", set_uid,
                                  "controller", 1, "blockOwnerDeletion", 1));
    json_object_set_new(spec, "hostname", json_string(name));
    json_object_set_new(spec, "subdomain", json_string(c->statefulset));
    return json_pack("{s:s, s:s, s:o, s:o, s:{s:s, s:s}}", "kind", "Pod", "apiVersion", "v1",
                     "metadata", metadata, "spec", spec, "status", "phase", "Pending", "qosClass",
                     "BestEffort");
}

static json_t *condition(const char *type, bool value, const char *reason, const char *since)
{
    json_t *c = json_pack("{s:s, s:s, s:s}", "type", type, "status", value ? "True" : "False",
                          "lastTransitionTime", since);

    if (!value)
        json_object_set_new(c, "reason", json_string(reason));
    return c;
}

json_t *kube_objects_binding(const struct kubelet_pod *p)
{
    return json_pack("{s:{s:o}, s:{s:[o]}}", "spec", "nodeName",
                     json_sprintf("node-%u", p->seen.ordinal), "status", "conditions",
                     condition("PodScheduled", true, "", p->bound_since));
}

static json_t *terminated(int code, const char *started, const char *finished)
{
    return json_pack("{s:{s:i, s:i, s:s, s:s, s:s}}", "terminated", "exitCode", code, "signal",
                     code > 128 ? code - 128 : 0, "reason", code ? "Error" : "Completed",
                     "startedAt", started, "finishedAt", finished);
}

static json_t *waiting(const char *reason)
{
    return json_pack("{s:{s:s}}", "waiting", "reason", reason);
}

static json_t *state_of(const struct kube_cluster *c, const struct kubelet_pod *p)
{
    switch (p->seen.phase) {
    case KUBE_CLUSTER_RUNNING:
        return json_pack("{s:{s:s}}", "running", "startedAt", p->started);
    case KUBE_CLUSTER_BACKOFF:
        return waiting("CrashLoopBackOff");
    case KUBE_CLUSTER_PENDING:
    case KUBE_CLUSTER_INIT:
        return waiting(c->host.init ? "PodInitializing" : "ContainerCreating");
    case KUBE_CLUSTER_ENDED:
        break;
    }
    if (p->has_last)
        return terminated(p->last_code, p->last_started, p->last_finished);
    return waiting("PodInitializing");
}

static json_t *container(const struct kube_cluster *c, const struct kubelet_pod *p)
{
    bool runs = p->seen.phase == KUBE_CLUSTER_RUNNING;
    bool last = p->has_last && p->seen.phase != KUBE_CLUSTER_ENDED;
    char id[KUBE_NAME_SIZE] = "";

    if (p->launched)
        (void)str_format(id, sizeof id, "sim://%.36s-%u", p->seen.uid, p->seen.restarts);
    return json_pack("{s:s, s:o, s:o, s:b, s:b, s:i, s:s, s:s, s:s}", "name", CONTAINER, "state",
                     state_of(c, p), "lastState",
                     last ? terminated(p->last_code, p->last_started, p->last_finished)
                          : json_object(),
                     "ready", p->seen.ready, "started", runs, "restartCount", (int)p->seen.restarts,
                     "image", IMAGE, "imageID", IMAGE, "containerID", id);
}

static json_t *init_container(const struct kubelet_pod *p)
{
    json_t *state;

    if (p->initialized)
        state = json_pack("{s:{s:i, s:s}}", "terminated", "exitCode", 0, "reason", "Completed");
    else if (p->alive)
        state = json_pack("{s:{}}", "running");
    else
        state = waiting(p->init_restarts ? "CrashLoopBackOff" : "PodInitializing");
    return json_pack("{s:s, s:o, s:{}, s:b, s:i, s:s, s:s, s:s}", "name", "init", "state", state,
                     "lastState", "ready", p->initialized, "restartCount", (int)p->init_restarts,
                     "image", IMAGE, "imageID", IMAGE, "containerID", "");
}

json_t *kube_objects_status(const struct kube_cluster *c, const struct kubelet_pod *p)
{
    static const char not_ready[] = "ContainersNotReady";
    const char *since = p->ready_since;
    json_t *status = json_pack("{s:s, s:[o, o, o, o], s:s, s:[o], s:s, s:s}", "phase",
                               p->initialized ? "Running" : "Pending", "conditions",
                               condition("Initialized", p->initialized, "ContainersNotInitialized",
                                         p->initialized ? p->initialized_since : p->bound_since),
                               condition("Ready", p->seen.ready, not_ready, since),
                               condition("ContainersReady", p->seen.ready, not_ready, since),
                               condition("PodScheduled", true, "", p->bound_since), "hostIP",
                               "127.0.0.1", "containerStatuses", container(c, p), "startTime",
                               p->bound_since, "qosClass", "BestEffort");

    if (c->host.init)
        json_object_set_new(status, "initContainerStatuses", json_pack("[o]", init_container(p)));
    if (*p->seen.ip) {
        json_object_set_new(status, "podIP", json_string(p->seen.ip));
        json_object_set_new(status, "podIPs", json_pack("[{s:s}]", "ip", p->seen.ip));
    }
    return json_pack("{s:o}", "status", status);
}

json_t *kube_objects_unready(const struct kube_cluster *c, const json_t *pod)
{
    json_t *conditions =
               json_deep_copy(json_object_get(json_object_get(pod, "status"), "conditions")),
           *one;
    char now[STAMP_SIZE];
    size_t i;

    kube_cluster_stamp(c, now);
    json_array_foreach (conditions, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "type")), "Ready") == 0)
            json_array_set_new(conditions, i, condition("Ready", false, "NodeNotReady", now));
    }
    return json_pack("{s:{s:o}}", "status", "conditions", conditions);
}
