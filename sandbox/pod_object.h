/* pod_object: Pod and StatefulSet objects as the cluster's own parts (StatefulSet controller,
 * kubelet) write them.
 *
 * Source: Kubernetes API reference, captured objects of a real cluster. Makers return a new
 * reference. */
#ifndef SANDBOX_POD_OBJECT_H
#define SANDBOX_POD_OBJECT_H

#include "base/str.h"

#include <jansson.h>

/* What a kubelet knows of one pod with one container. */
struct pod_status {
    const char *ip;      /* empty: none yet */
    const char *started; /* RFC 3339; when the running process started, or NULL: none runs */
    const char *waiting; /* reason why none runs, such as CrashLoopBackOff; NULL */
    const char *since;   /* last change of `ready` */
    bool initialized, ready;
    unsigned restarts;
    bool has_last; /* a process ended before */
    int last_code, last_signal;
    long pid;
};

json_t *pod_object_make(const char *name, const char *statefulset, const char *app,
                        const char *owner_uid, const char *node, int64_t grace_s);
/* The value of `status`. */
json_t *pod_object_status(const struct pod_status *status);
json_t *pod_object_statefulset(const char *name, const char *app, unsigned replicas);

#endif
