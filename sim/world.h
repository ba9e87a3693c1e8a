/* world: one simulated cluster: a StatefulSet of Memgraph pods (models/kube_cluster on the virtual
 * network), controllers (the program's own src/app, each a process of its own), the API server, and
 * the clock that drives them all.
 *
 * One world at a time in a process of the operating system. Everything follows from its config. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "app/controller.h"
#include "models/kube_cluster.h"
#include "sim/api.h"
#include "sim/clock.h"
#include "sim/host_memgraph.h"
#include "sim/net.h"

enum {
    WORLD_PODS_MAX = 5,
    WORLD_CONTROLLERS_MAX = 3,
    WORLD_SETTINGS_MAX = 32,
    GATEWAY_PORT = 7687
};

struct world_setting {
    const char *name, *value;
};

struct world_config {
    uint64_t seed;
    unsigned pods, controllers;
    struct world_setting settings[WORLD_SETTINGS_MAX]; /* the controllers' environment */
    unsigned settings_n;
    struct kube_cluster_config cluster; /* store, names, network and replicas are set here */
    struct mg_config model;
    int64_t latency_us;
    int64_t load_us; /* a Memgraph's start, until its Bolt port is open */
    int64_t controller_restart_us;
    bool silent_gone;
    bool init, prestop; /* pods have the init container, and the preStop hook */
    const char *basic;  /* the value of an HTTP Basic header; NULL: none is wanted */
    bool trace;         /* in words, on standard output */
};

/* One Memgraph pod, by ordinal: what lasts over its incarnations, and the newest one. */
struct world_pod {
    struct world *world;
    struct volume volume;
    struct memgraph_host *process; /* NULL: none runs */
    struct host *host;             /* NULL: no pod has an address */
    uint64_t id;                   /* of the incarnation that the process belongs to */
    unsigned crashed;              /* its machine died so often */
};

struct world_controller {
    struct world *world;
    char name[32];
    struct host *host;
    struct loop *process; /* NULL: it does not run */
    struct controller *controller;
    struct api *api;
    struct happening restart;
    int64_t frozen_at_us; /* when it froze last */
    bool held;            /* not started again */
    bool leaving;         /* it was told to stop */
    int exit_status;      /* of the last one that ended by itself */
    unsigned starts;
};

struct world {
    struct world_config config;
    struct kube_store *store;
    struct kube_cluster *cluster;
    struct happening cluster_due;
    struct host *api_host;
    struct world_pod pods[KUBE_CLUSTER_PODS_MAX];
    struct world_controller controllers[WORLD_CONTROLLERS_MAX];
    struct random random;
    /* The record as it stands in the store, decoded once a version. */
    uint64_t record_version;
    bool record_good;
    struct record record;
    /* Called after everything that happens; true: stop running. May be NULL. */
    bool (*watch)(void *arg);
    void *watch_arg;
    bool ending;
};

/* Defaults: 3 pods, 1 controller, times of a quick cluster. */
void world_config_init(struct world_config *config, uint64_t seed);
void world_set(struct world_config *config, const char *name, const char *value);

struct world *world_new(const struct world_config *config);
void world_free(struct world *w); /* NULL is fine */

/* Runs for so long. False: the watch stopped it. */
bool world_run(struct world *w, int64_t for_us);
/* Runs until the condition holds, at most so long. False: it did not, or the watch stopped it. */
typedef bool world_condition_fn(struct world *w);
bool world_until(struct world *w, world_condition_fn *condition, int64_t limit_us);
/* A line of the trace. */
void world_say(const struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Controllers. */
void world_controller_kill(struct world *w, unsigned i);
/* As SIGTERM. */
void world_controller_stop(struct world *w, unsigned i);
void world_controller_freeze(struct world *w, unsigned i, bool frozen);
/* Held: it is not started again when it ends. */
void world_controller_hold(struct world *w, unsigned i, bool held);
/* The one whose lease is certain; -1: none. */
int world_leader(const struct world *w);

/* Pods. signo as for memgraph_host_signal. */
void world_pod_signal(struct world *w, unsigned ordinal, int signo);
/* The machine under the pod dies: silence, processes gone, the log's tail perhaps; and comes back.
 */
void world_node_crash(struct world *w, unsigned ordinal);
void world_node_return(struct world *w, unsigned ordinal);
/* kubectl rollout restart; and whether every pod is of the newest revision and Ready. */
void world_rollout(struct world *w);
bool world_is_rolled_out(const struct world *w);
const struct mg *world_model(const struct world *w, unsigned ordinal); /* NULL: it does not run */
/* The record, as it stands in the store, without its history; borrowed. NULL: none, or it makes no
 * sense. */
const struct record *world_record(struct world *w);

/* Conditions. */
bool world_is_serving(struct world *w); /* bootstrapped, S ready, no transition */

#endif
