/* pods: the StatefulSet controller of the sandbox: keeps as many pods as the StatefulSet's object
 * asks for, all started at once (podManagementPolicy Parallel), each with its own volume and, at
 * each incarnation, a new uid and a new address 127.NET.1.x.
 *
 * It follows the store: a pod that somebody deletes through the API is stopped and replaced, a
 * change of spec.replicas is followed. Tell it of changes with pods_wake. */
#ifndef SANDBOX_PODS_H
#define SANDBOX_PODS_H

#include "sandbox/pod.h"

enum { PODS_MAX = 16 };

struct pods;
/* config is borrowed for the life of the pods. */
struct pods *pods_start(const struct pod_config *config, unsigned net, unsigned replicas);
/* Kills every process and frees. NULL is fine. */
void pods_free(struct pods *ps);
/* The store has changed; looks at it in the next turn of the loop. */
void pods_wake(struct pods *ps);
/* NULL: none there at the moment. */
struct pod *pods_at(const struct pods *ps, unsigned ordinal);
struct pod *pods_find(const struct pods *ps, struct str name);
/* Changes spec.replicas. */
void pods_scale(struct pods *ps, unsigned replicas);
/* Nothing is started again, every process gets SIGTERM. */
void pods_stop_all(struct pods *ps);
bool pods_any_running(const struct pods *ps);

#endif
