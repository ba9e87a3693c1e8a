/* world_impl: what the files of the world share. */
#ifndef SIM_WORLD_IMPL_H
#define SIM_WORLD_IMPL_H

#include "sim/process.h"
#include "sim/world.h"

#define WORLD_STATEFULSET "memgraph"
#define WORLD_NAMESPACE   "default"

/* world_pods.c: what the cluster's model asks of its machines. */
void world_pods_init(struct world *w);
void world_pods_done(struct world *w);
struct kube_cluster_host world_pods_host(struct world *w);
/* After any input to the cluster's model. */
void world_cluster_asked(struct world *w);

/* world_hooks.c: what a pod asks the controllers: before it starts, and before it stops. */
struct hook;
typedef void hook_done_fn(void *arg, bool well);
/* The init container: asks, and carries out the answer on the volume. Not well: it failed. */
struct hook *hook_init(struct world *w, struct host *host, unsigned ordinal, const char *uid,
                       hook_done_fn *done, void *arg);
struct hook *hook_prestop(struct world *w, struct host *host, unsigned ordinal, const char *uid,
                          hook_done_fn *done, void *arg);
/* done is not called. NULL is fine. */
void hook_free(struct hook *h);

/* world_controllers.c */
void world_controllers_init(struct world *w);
void world_controllers_done(struct world *w);

#endif
