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

/* world_controllers.c */
void world_controllers_init(struct world *w);
void world_controllers_done(struct world *w);

#endif
