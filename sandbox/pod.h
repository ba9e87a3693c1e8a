/* pod: what runs of one incarnation of a pod: the init container, the server and the preStop hook
 * as processes, on the volume of its ordinal.
 *
 * When something starts, restarts and ends is decided by the model of a kubelet (kube_cluster);
 * this does it, and reports back. Everything happens on the loop. */
#ifndef SANDBOX_POD_H
#define SANDBOX_POD_H

#include "io/loop.h"
#include "sandbox/network.h"
#include "sandbox/process.h"

enum { POD_PATH_SIZE = 512, POD_BOLT_PORT = 7687, POD_ENV_MAX = 32 };

/* The same for all pods of the set; outlives them. */
struct pod_config {
    struct loop *loop;
    const char *directory;       /* volumes/ and logs/ are in it */
    const char *memgraph;        /* the server's program */
    const char *controller;      /* its program, for init and prestop */
    const char *init_hook;       /* sh -c, as the init container; empty: see init */
    const char *stop_hook;       /* sh -c, as the preStop hook; empty: see prestop */
    bool init, prestop;          /* the controller's sub-commands do it; false: nobody does */
    const char *controllers;     /* URLs of the controllers, with commas between */
    const char *const *env;      /* more of KEY=VALUE for these, ended by NULL */
    struct network *network;     /* NULL: pods live in our own */
    const char *kubelet;         /* the address that probes come from; NULL: any */
    void (*reported)(void *arg); /* after each report to the cluster */
    void *arg;
};

struct pod {
    const struct pod_config *config;
    struct kube_cluster *cluster;
    struct kube_cluster_pod *seen; /* what the kubelet knows */
    char volume[POD_PATH_SIZE], log[POD_PATH_SIZE];
    bool frozen;
    struct network_pod *place; /* from its first process on, where there is a network */
    struct process *process;   /* the server or the init container */
    struct process *hook;      /* the preStop hook */
    struct probe *probe;
};

struct pod *pod_new(const struct pod_config *config, struct kube_cluster *cluster,
                    struct kube_cluster_pod *seen);
/* Kills what runs, and reports nothing. NULL is fine. */
void pod_free(struct pod *pod);

/* What the kubelet asks for. */
void pod_init(struct pod *pod);
void pod_start(struct pod *pod);
void pod_ask(struct pod *pod); /* whether it is ready */
void pod_prestop(struct pod *pod);
void pod_signal(struct pod *pod, int signo);

/* Commands. False: not possible now (no process, or it is so already). */
bool pod_kill(struct pod *pod);
bool pod_freeze(struct pod *pod, bool frozen);

#endif
