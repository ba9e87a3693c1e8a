/* pods: the pods of the sandbox: the model of a cluster (kube_cluster) decides when they are made,
 * started and ended, struct pod does it with real processes.
 *
 * Each incarnation has an address of its own; each ordinal a volume that stays. Tell
 * it of changes of the store with pods_wake. */
#ifndef SANDBOX_PODS_H
#define SANDBOX_PODS_H

#include "sandbox/pod.h"

enum { PODS_MAX = KUBE_CLUSTER_PODS_MAX };

struct pods_config {
    struct pod_config pod;
    struct kube_store *store;
    const char *statefulset, *app;
    const char *addresses; /* of pods, but for the last number: "127.20.1." */
    unsigned replicas;
    bool parallel; /* podManagementPolicy */
    int64_t grace_s;
    int64_t restart_delay_us; /* doubled after quick deaths, unless no_backoff */
    bool no_backoff;
};

struct pods;
/* config is borrowed for the life of the pods. */
struct pods *pods_new(const struct pods_config *config);
/* Kills every process and frees. NULL is fine. */
void pods_free(struct pods *ps);
/* Starts what can be started at once. */
void pods_start(struct pods *ps);
/* The store has changed, or something was asked of the cluster. */
void pods_wake(struct pods *ps);
/* For what kubectl and nodes do; pods_wake afterwards. */
struct kube_cluster *pods_cluster(struct pods *ps);
/* The newest incarnation; NULL: none there at the moment. */
struct pod *pods_at(const struct pods *ps, unsigned ordinal);
struct pod *pods_find(const struct pods *ps, struct str name);
/* "running", "backoff", "down" (held) ... */
const char *pods_phase(const struct pods *ps, const struct pod *pod);
/* Not started again while held, or until it is let go. False: it is so already. */
bool pods_hold(struct pods *ps, struct pod *pod, bool held);
/* Nothing is started again, every process gets SIGTERM. */
void pods_stop_all(struct pods *ps);
bool pods_any_running(const struct pods *ps);

#endif
