/* pod: one incarnation of a pod: its object in the store, its address, and the life of its server
 * process, as a kubelet leads it: started, found ready, restarted in place when it dies, stopped
 * with grace when the pod is deleted.
 *
 * The owner frees a pod after it is gone, or at any time (its process is killed then). Everything
 * happens on the loop; what happens is told on the console and written into the store. */
#ifndef SANDBOX_POD_H
#define SANDBOX_POD_H

#include "io/loop.h"
#include "models/kube_store.h"
#include "sandbox/process.h"

enum { POD_PATH_SIZE = 512, POD_BOLT_PORT = 7687 };

/* The same for all pods of the set; outlives them. */
struct pod_config {
    struct loop *loop;
    struct kube_store *store;
    const char *statefulset, *app;
    const char *directory; /* volumes/ and logs/ are in it */
    const char *memgraph;  /* the server's program */
    const char *init_hook; /* sh -c: before the first start of a new pod; empty: none */
    const char *stop_hook; /* sh -c: when the pod is deleted, before SIGTERM; empty: none */
    int64_t grace_s;
    int64_t restart_delay_us; /* doubled after quick deaths, unless no_backoff */
    bool no_backoff;
};

enum pod_phase {
    POD_INIT,    /* the init hook runs */
    POD_RUNNING, /* the server's process runs */
    POD_BACKOFF, /* it ended, and is started again soon */
    POD_DOWN,    /* it was stopped, and stays so */
    POD_GONE     /* the object is deleted and nothing runs */
};

struct pod {
    const struct pod_config *config;
    unsigned ordinal;
    char name[64], uid[KUBE_UID_SIZE], ip[32];
    char volume[POD_PATH_SIZE], log[POD_PATH_SIZE];
    enum pod_phase phase;
    bool ready, frozen, terminating;
    bool held;  /* not to be started again */
    bool empty; /* to be emptied before the next start */
    unsigned restarts;
    struct process *process; /* the server or the init hook */
    struct process *hook;    /* the stop hook */
    struct probe *probe;
    struct timer *timer; /* of the next start, or of SIGKILL */
    int64_t launched_us, grace_us;
    unsigned quick_deaths;
    char started[40], since[40]; /* RFC 3339 */
    int last_status;             /* of waitpid; -1: none yet */
};

/* Makes the object and starts. NULL: the object is there already, or *why. */
struct pod *pod_new(const struct pod_config *config, unsigned ordinal, const char *ip,
                    const char *owner_uid, struct fail *why);
void pod_free(struct pod *pod);
/* Its object has a deletionTimestamp; again with a shorter grace, too. */
void pod_terminate(struct pod *pod, int64_t grace_s);
const char *pod_phase_name(enum pod_phase phase);

/* Commands. False: not possible now (no process, or it is going already). */
bool pod_kill(struct pod *pod);
bool pod_freeze(struct pod *pod, bool frozen);
bool pod_restart(struct pod *pod);
bool pod_stop(struct pod *pod);
bool pod_start(struct pod *pod);
bool pod_wipe(struct pod *pod);

#endif
