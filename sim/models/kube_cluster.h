/* kube_cluster: a model of what makes, runs and ends pods in a Kubernetes cluster: one StatefulSet
 * with its controller, a scheduler, a kubelet on each node, the node controller, a disruption
 * budget, and what kubectl does with them. Everything that it shows stands in a kube_store.
 *
 * Pure: no sockets, clock, threads or random numbers; the simulator and the sandbox share it.
 * Inputs are the functions below, each with the time (microseconds, any origin, never backwards);
 * outputs are the functions of struct kube_cluster_host, called from within the inputs. A host may
 * report back from within them. After every input, and after the store changed (kube_cluster_wake),
 * ask kube_cluster_deadline and call kube_cluster_tick when it has come.
 *
 * Follows kube-controller-manager and kubelet 1.20 (captured exchanges, their source): OrderedReady
 * or Parallel as the object says, RollingUpdate from the highest ordinal down. Each pod has a node
 * of its own, "node-<ordinal>", and its volume stays there: a new incarnation waits for the node
 * and for the end of the old one's process. Liveness probes and more than one container are left
 * out. */
#ifndef MODELS_KUBE_CLUSTER_H
#define MODELS_KUBE_CLUSTER_H

#include "models/kube_store.h"

enum { KUBE_CLUSTER_PODS_MAX = 16 };

enum kube_cluster_phase {
    KUBE_CLUSTER_PENDING, /* nothing was started: no node yet, or the volume is still in use */
    KUBE_CLUSTER_INIT,    /* the init container runs, or will be tried again */
    KUBE_CLUSTER_RUNNING, /* the process runs */
    KUBE_CLUSTER_BACKOFF, /* it ended, and is started again later */
    KUBE_CLUSTER_ENDED    /* it ended, and the pod with it; its object goes soon, or has gone */
};

/* One incarnation of a pod. Hosts read it, and may keep the pointer until `closed`. */
struct kube_cluster_pod {
    uint64_t id; /* never used again */
    unsigned ordinal;
    char name[KUBE_NAME_SIZE], uid[KUBE_UID_SIZE], ip[40], revision[KUBE_NAME_SIZE];
    enum kube_cluster_phase phase;
    bool ready;
    bool terminating; /* the kubelet stops it */
    bool removed;     /* no object any more (deleted by force); its process is still to end */
    unsigned restarts;
    void *host; /* the host's own */
};

struct kube_cluster_host {
    void *arg;
    int64_t (*wall_us)(void *arg); /* microseconds since 1970, for timestamps */
    /* Starts the init container; kube_cluster_exited follows. NULL: pods have none. */
    void (*init)(void *arg, struct kube_cluster_pod *pod);
    /* Starts the pod's process on its volume; kube_cluster_exited follows when it ends. */
    void (*start)(void *arg, struct kube_cluster_pod *pod);
    /* Asks whether it is ready; kube_cluster_probed follows. */
    void (*probe)(void *arg, struct kube_cluster_pod *pod);
    /* Begins the preStop hook; kube_cluster_prestopped follows, or the grace runs out. NULL: none.
     */
    void (*prestop)(void *arg, struct kube_cluster_pod *pod);
    /* SIGTERM or SIGKILL to what runs, init container or process. */
    void (*kill)(void *arg, struct kube_cluster_pod *pod, int signo);
    /* The volume of this ordinal was lost: empty from now on. Nothing runs on it. */
    void (*wipe)(void *arg, unsigned ordinal);
    /* The pod is over and nothing of it runs; a hook that still does is of no interest. The pointer
     * ends here. May be NULL. */
    void (*closed)(void *arg, struct kube_cluster_pod *pod);
    /* For people: what happens to a pod. `what` is one word. May be NULL. */
    void (*tell)(void *arg, const struct kube_cluster_pod *pod, const char *what, const char *text);
};

/* Which address a new incarnation gets. */
enum kube_cluster_address {
    KUBE_CLUSTER_ADDRESS_FRESH, /* the next one, round about, that no pod has */
    KUBE_CLUSTER_ADDRESS_KEEP,  /* that of the pod of this name before it */
    KUBE_CLUSTER_ADDRESS_REUSE  /* the lowest that no pod has: it may have been another pod's */
};

/* Times in microseconds. */
struct kube_cluster_config {
    struct kube_store *store; /* outlives the cluster */
    const char *ns, *statefulset, *app;
    unsigned replicas;
    bool parallel;       /* podManagementPolicy */
    const char *network; /* addresses are this and a number from 1 to 254, such as "10.0.1." */
    enum kube_cluster_address address;
    int64_t grace_s;         /* terminationGracePeriodSeconds */
    int64_t notice_us;       /* from a change in the store until controller or kubelet see it */
    int64_t start_us;        /* from a pod's binding to its first container */
    int64_t restart_us;      /* before each start after the first */
    int64_t backoff_us;      /* at least this after a second death, doubled with each; 0: never */
    int64_t backoff_max_us;  /* at most */
    int64_t backoff_over_us; /* a life as long as this makes it begin anew */
    int64_t status_delay_us; /* from a change of a pod until its kubelet reports it */
    int64_t probe_delay_us;  /* after the start of the process */
    int64_t probe_unready_us, probe_ready_us; /* between two, while it is not ready, and is */
    int64_t probe_timeout_us;
    unsigned probe_failures;   /* in a row, to be not ready */
    int64_t node_monitor_us;   /* silence of a node until its pods are not Ready */
    int64_t node_eviction_us;  /* and from then until they are deleted; below 0: never */
    int max_unavailable;       /* of the disruption budget; below 0: no budget */
    int64_t eviction_retry_us; /* between two tries of a drain */
};

struct kube_cluster;

/* A real cluster's defaults; store, names and network are left to the caller. */
void kube_cluster_config_init(struct kube_cluster_config *config);
/* Makes the StatefulSet's object. config is copied, texts too. The host is not called yet. */
struct kube_cluster *kube_cluster_new(const struct kube_cluster_config *config,
                                      const struct kube_cluster_host *host, int64_t now_us);
/* Nothing is signalled or told. NULL is fine. */
void kube_cluster_free(struct kube_cluster *c);
/* INT64_MAX: nothing is due. */
int64_t kube_cluster_deadline(const struct kube_cluster *c);
void kube_cluster_tick(struct kube_cluster *c, int64_t now_us);
/* The store has changed. Safe in kube_store's on_change: it only moves the deadline. */
void kube_cluster_wake(struct kube_cluster *c, int64_t now_us);

/* Reports of the host, by the pod's id; those of a pod that is closed are ignored. */
/* code: the exit status, or 128 and the number of the signal. */
void kube_cluster_exited(struct kube_cluster *c, int64_t now_us, uint64_t id, int code);
void kube_cluster_probed(struct kube_cluster *c, int64_t now_us, uint64_t id, bool ready);
void kube_cluster_prestopped(struct kube_cluster *c, int64_t now_us, uint64_t id);

/* The newest incarnation; NULL: none. */
struct kube_cluster_pod *kube_cluster_pod(const struct kube_cluster *c, unsigned ordinal);
/* Every incarnation that is not closed, older ones too, i = 0, 1, ...; NULL: no more. */
struct kube_cluster_pod *kube_cluster_each(const struct kube_cluster *c, size_t i);
const char *kube_cluster_phase_name(enum kube_cluster_phase phase);
/* Does an init container or the process run? */
bool kube_cluster_alive(const struct kube_cluster_pod *pod);

/* What kubectl does. Whether the answer is yes says its HTTP status; the caller owns its body. */
struct kube_reply kube_cluster_scale(struct kube_cluster *c, unsigned replicas);
/* A new revision of the template, with an annotation kubectl.kubernetes.io/restartedAt. 409: it was
 * restarted in this very second, as kubectl refuses, too. */
struct kube_reply kube_cluster_rollout_restart(struct kube_cluster *c);
/* Back to the revision before the latest, also midway. 404: there is none. */
struct kube_reply kube_cluster_rollout_undo(struct kube_cluster *c);
/* Merges into the template's annotations: a new revision, too. */
struct kube_reply kube_cluster_annotate(struct kube_cluster *c, const char *name,
                                        const char *value);
/* grace_s below 0: the pod's own; 0: by force, the object goes at once. */
struct kube_reply kube_cluster_delete(struct kube_cluster *c, const char *name, int64_t grace_s);
/* 429: the disruption budget does not allow it now. */
struct kube_reply kube_cluster_evict(struct kube_cluster *c, const char *name);

/* Nodes, by the ordinal of their pod. */
/* Cordons the node and evicts its pod, again and again until the budget allows it. */
void kube_cluster_drain(struct kube_cluster *c, int64_t now_us, unsigned node);
/* While it is cordoned a new pod stays Pending. */
void kube_cluster_uncordon(struct kube_cluster *c, int64_t now_us, unsigned node);
/* A lost node's kubelet does and says nothing. What runs there runs on, unless the host ends it. */
void kube_cluster_node_set(struct kube_cluster *c, int64_t now_us, unsigned node, bool up);

/* While the API server is away nothing is seen of the store, nothing written; kubelets go on. */
void kube_cluster_api_set(struct kube_cluster *c, int64_t now_us, bool up);
void kube_cluster_address_set(struct kube_cluster *c, enum kube_cluster_address address);

/* Troubles of one pod's newest incarnation. */
/* The volume is lost at the next start of a container; what runs on it runs on. */
void kube_cluster_volume_lose(struct kube_cluster *c, unsigned ordinal);
/* SIGTERM, SIGKILL after the grace, and a restart in place, without the preStop hook. False: no
 * process runs, or it is stopped already. */
bool kube_cluster_restart(struct kube_cluster *c, int64_t now_us, unsigned ordinal);
/* While held, no container of this ordinal is started. */
void kube_cluster_hold(struct kube_cluster *c, int64_t now_us, unsigned ordinal, bool held);

#endif
