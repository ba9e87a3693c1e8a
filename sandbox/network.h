/* network: what the pods of a sandbox with --netns live in: a network namespace each, all of them
 * on one switch, and the partitions between them.
 *
 * The switch is a bridge in a namespace of its own. No namespace has a name: descriptors of the
 * sandbox and the processes within hold them. Of all that, the machine sees one interface,
 * "sandboxB", whose other end is in the switch: so the kernel takes everything away as soon as the
 * sandbox and its processes are gone, however they end.
 *
 * Addresses of net B, of a range set aside for such things (RFC 2544): pods 198.18.B.x; on the
 * host's interface 198.19.B.1 to 8 for controllers, .100 for whoever asks from the host otherwise
 * (the controllers' links to the pods, too), .200 for kubelets, whom partitions do not touch. */
#ifndef SANDBOX_NETWORK_H
#define SANDBOX_NETWORK_H

#include "base/fail.h"
#include "models/kube_cluster.h"

/* Who can be cut off: pods by their ordinals, and the host with all controllers. */
enum {
    NETWORK_CONTROLLERS = KUBE_CLUSTER_PODS_MAX,
    NETWORK_NODES,
    NETWORK_ALL = (1 << NETWORK_NODES) - 1 /* as a set: a bit for each */
};

struct network;
/* Needs CAP_NET_ADMIN and CAP_SYS_ADMIN, and `ip` of iproute2. NULL: *why. */
struct network *network_new(unsigned net, struct fail *why);
/* After every process in it has ended. NULL is fine. */
void network_free(struct network *n);

/* The namespace of one incarnation of a pod. */
struct network_pod;
/* With the partitions of its ordinal. NULL: `ip` has said why on standard error. */
struct network_pod *network_join(struct network *n, unsigned ordinal, const char *ip);
void network_leave(struct network_pod *pod); /* NULL is fine */
/* Its descriptor, for setns. */
int network_namespace(const struct network_pod *pod);
const char *network_address(const struct network_pod *pod);

/* No packet passes between the nodes of set `a` and those of set `b`, either way, until they are
 * healed; connections stay open as far as their ends know. Nobody is cut off from itself. New pods
 * of the same ordinals are included. False: not everywhere, as `ip` has said. */
bool network_partition(struct network *n, unsigned a, unsigned b) MUST_CHECK;
bool network_heal(struct network *n, unsigned a, unsigned b) MUST_CHECK;
bool network_is_cut(const struct network *n, unsigned a, unsigned b);

#endif
