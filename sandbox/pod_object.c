#include "sandbox/pod_object.h"

enum { BOLT_PORT = 7687 };

json_t *pod_object_make(const char *name, const char *statefulset, const char *app,
                        const char *owner_uid, const char *node, int64_t grace_s)
{
    json_t *metadata =
        json_pack("{s:s, s:o, s:{s:s, s:s}, s:[{s:s, s:s, s:s, s:s, s:b, s:b}]}", "name", name,
                  "generateName", json_sprintf("%s-", statefulset), "labels",
                  "app.kubernetes.io/name", app, "statefulset.kubernetes.io/pod-name", name,
                  "ownerReferences", "apiVersion", "apps/v1", "kind", "StatefulSet", "name",
                  statefulset, "uid", owner_uid, "controller", 1, "blockOwnerDeletion", 1);
    json_t *spec = json_pack(
        "{s:[{s:s, s:s, s:[{s:s, s:i, s:s}]}], s:s, s:I, s:s, s:s, s:s}", "containers", "name",
        "memgraph", "image", "memgraph-sim", "ports", "name", "bolt", "containerPort", BOLT_PORT,
        "protocol", "TCP", "restartPolicy", "Always", "terminationGracePeriodSeconds",
        (json_int_t)grace_s, "nodeName", node, "hostname", name, "subdomain", statefulset);

    return json_pack("{s:s, s:s, s:o, s:o, s:{s:s, s:s}}", "kind", "Pod", "apiVersion", "v1",
                     "metadata", metadata, "spec", spec, "status", "phase", "Pending", "qosClass",
                     "BestEffort");
}

static json_t *condition(const char *type, bool value, const char *since)
{
    return json_pack("{s:s, s:s, s:s}", "type", type, "status", value ? "True" : "False",
                     "lastTransitionTime", since);
}

static json_t *container(const struct pod_status *st)
{
    json_t *state, *last = json_object();

    if (st->started)
        state = json_pack("{s:{s:s}}", "running", "startedAt", st->started);
    else
        state = json_pack("{s:{s:s}}", "waiting", "reason", st->waiting);
    if (st->has_last)
        json_object_set_new(last, "terminated",
                            json_pack("{s:i, s:i, s:s}", "exitCode",
                                      st->last_signal ? 128 + st->last_signal : st->last_code,
                                      "signal", st->last_signal, "reason",
                                      st->last_code || st->last_signal ? "Error" : "Completed"));
    return json_pack("{s:s, s:o, s:o, s:b, s:b, s:i, s:s, s:s, s:o}", "name", "memgraph", "state",
                     state, "lastState", last, "ready", st->ready, "started", st->started != NULL,
                     "restartCount", (int)st->restarts, "image", "memgraph-sim", "imageID",
                     "memgraph-sim", "containerID", json_sprintf("process://%ld", st->pid));
}

json_t *pod_object_status(const struct pod_status *st)
{
    json_t *status = json_pack("{s:s, s:[o, o, o, o], s:s, s:[o], s:s}", "phase",
                               st->initialized ? "Running" : "Pending", "conditions",
                               condition("Initialized", st->initialized, st->since),
                               condition("Ready", st->ready, st->since),
                               condition("ContainersReady", st->ready, st->since),
                               condition("PodScheduled", true, st->since), "hostIP", "127.0.0.1",
                               "containerStatuses", container(st), "qosClass", "BestEffort");

    if (*st->ip) {
        json_object_set_new(status, "podIP", json_string(st->ip));
        json_object_set_new(status, "podIPs", json_pack("[{s:s}]", "ip", st->ip));
    }
    return status;
}

json_t *pod_object_statefulset(const char *name, const char *app, unsigned replicas)
{
    return json_pack(
        "{s:s, s:s, s:{s:s}, s:{s:i, s:s, s:{s:{s:s}}, s:{s:{s:{s:s}}}}, s:{s:i, s:i}}", "kind",
        "StatefulSet", "apiVersion", "apps/v1", "metadata", "name", name, "spec", "replicas",
        (int)replicas, "serviceName", name, "selector", "matchLabels", "app.kubernetes.io/name",
        app, "template", "metadata", "labels", "app.kubernetes.io/name", app, "status", "replicas",
        0, "readyReplicas", 0);
}
