/* kube_cluster_impl: what the parts of the cluster model share; for sim/models/kube*.c alone. */
#ifndef MODELS_KUBE_CLUSTER_IMPL_H
#define MODELS_KUBE_CLUSTER_IMPL_H

#include "models/kube_cluster.h"

#define NEVER INT64_MAX

enum {
    INCARNATIONS_MAX = 2 *
                       KUBE_CLUSTER_PODS_MAX, /* of one ordinal: one that ends, one that waits */
    STAMP_SIZE = 32,
    FORCED_GRACE_US = 2 * 1000000 /* the kubelet's least: after a hook, for a pod without object */
};

/* What a kubelet knows of one incarnation. */
struct kubelet_pod {
    struct kube_cluster_pod seen; /* first: hosts have its address */
    bool bound;                   /* to its node */
    bool alive;                   /* init container or process runs */
    bool initialized;             /* the init container has done its work */
    bool launched;                /* the process was started once */
    bool exited;                  /* reported, and not dealt with yet */
    bool rebooted;                /* it ended with its node: all begins again there */
    bool hooking, hook_done;      /* the preStop hook runs; reported */
    bool probing, probe_answered, probe_answer;
    bool dirty;    /* the status in the store is not what we know */
    bool has_last; /* a process ended before */
    int exit_code, last_code;
    unsigned failures, deaths, init_restarts;
    int64_t launched_us;
    int64_t start_at, probe_at, probe_until, kill_at, status_at; /* NEVER: not due */
    /* RFC 3339 */
    char bound_since[STAMP_SIZE], initialized_since[STAMP_SIZE], ready_since[STAMP_SIZE];
    char started[STAMP_SIZE], last_started[STAMP_SIZE], last_finished[STAMP_SIZE];
};

/* What stays when pods come and go: the node, the volume. By ordinal. */
struct kube_slot {
    char ip[40]; /* of the last pod */
    bool held, volume_lost;
    bool cordoned, draining, down, marked, evicted;
    int64_t down_us, drain_us;
};

struct kube_revision {
    char name[KUBE_NAME_SIZE];
    json_t *pod_template;
};

struct kube_cluster {
    struct kube_cluster_config config;
    char ns[KUBE_NAME_SIZE], statefulset[KUBE_NAME_SIZE], app[KUBE_NAME_SIZE], network[32];
    struct kube_cluster_host host;
    int64_t now_us, look_us;
    bool busy, again, look_due, api_down;
    uint64_t pods_seen, sets_seen; /* versions of the store that were looked at */
    uint64_t next_id;
    unsigned next_address;
    struct kubelet_pod *pods[INCARNATIONS_MAX]; /* older ones first */
    size_t pods_n;
    struct kube_slot slots[KUBE_CLUSTER_PODS_MAX];
    struct kube_revision update, before; /* in force, and before that; empty: none yet */
    char current_revision[KUBE_NAME_SIZE];
};

static inline int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* kube_cluster.c */
void kube_cluster_stamp(const struct kube_cluster *c, char out[STAMP_SIZE]);
void kube_cluster_tell(const struct kube_cluster *c, const struct kubelet_pod *p, const char *what,
                       const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Of the set's object; borrowed. NULL: it was deleted. */
json_t *kube_cluster_set(const struct kube_cluster *c);
/* Of this incarnation; borrowed. NULL: it is gone, or another one has the name. */
json_t *kube_cluster_object(const struct kube_cluster *c, const struct kubelet_pod *p);
struct kube_slot *kube_cluster_slot(struct kube_cluster *c, const struct kubelet_pod *p);
/* A new incarnation, whose object stands in the store. */
void kube_cluster_add(struct kube_cluster *c, unsigned ordinal, json_t *object);
bool kube_cluster_has_older(const struct kube_cluster *c, const struct kubelet_pod *p);
void kube_cluster_address_next(struct kube_cluster *c, struct kubelet_pod *p);

/* kubelet.c */
/* Compares with the store. */
void kubelet_look(struct kube_cluster *c, struct kubelet_pod *p);
/* Does what is due. True: the pod is closed, and its owner removes it. */
bool kubelet_step(struct kube_cluster *c, struct kubelet_pod *p);
int64_t kubelet_deadline(const struct kube_cluster *c, const struct kubelet_pod *p);

/* kubelet_probe.c */
void kubelet_probe_begin(struct kube_cluster *c, struct kubelet_pod *p);
void kubelet_probe_end(struct kubelet_pod *p);
void kubelet_probe_step(struct kube_cluster *c, struct kubelet_pod *p);
int64_t kubelet_probe_deadline(const struct kubelet_pod *p);

/* kubelet_stop.c */
/* Again with less grace, too. */
void kubelet_stop_begin(struct kube_cluster *c, struct kubelet_pod *p, int64_t grace_us);
void kubelet_stop_step(struct kube_cluster *c, struct kubelet_pod *p);

/* kube_statefulset.c */
void kube_statefulset_step(struct kube_cluster *c);
unsigned kube_statefulset_replicas(const struct kube_cluster *c);
/* Takes note of the template that stands in the store. */
void kube_statefulset_revise(struct kube_cluster *c);

/* kube_nodes.c */
void kube_nodes_step(struct kube_cluster *c);
int64_t kube_nodes_deadline(const struct kube_cluster *c);

/* kube_objects.c: new references. */
json_t *kube_objects_statefulset(const struct kube_cluster *c);
json_t *kube_objects_pod(const struct kube_cluster *c, unsigned ordinal,
                         const struct kube_revision *revision, const char *set_uid);
json_t *kube_objects_binding(const struct kubelet_pod *p);
/* Of what a kubelet knows: a patch. */
json_t *kube_objects_status(const struct kube_cluster *c, const struct kubelet_pod *p);
/* Of a pod on a lost node: a patch. */
json_t *kube_objects_unready(const struct kube_cluster *c, const json_t *pod);

#endif
