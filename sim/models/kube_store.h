/* kube_store: the objects of a simulated Kubernetes API server: what is stored, in which version,
 * and what changed lately.
 *
 * Pure: no sockets, and time comes from the caller, so that the sandbox and the simulator share it.
 * Rules of versions and conflicts follow a real kube-apiserver 1.20 (captured exchanges): every
 * change takes the next number of one counter; a PUT with a resourceVersion fails with 409 when the
 * object has moved on; a ConfigMap without one is overwritten, a Lease is refused (422); a PUT of a
 * missing Lease creates it; a PUT that changes nothing takes no new version; a pod with a node is
 * deleted with grace.
 *
 * Objects are never changed once stored: whoever holds a reference sees one version for ever. What
 * finders return is borrowed until the next change; replies own their body. */
#ifndef MODELS_KUBE_STORE_H
#define MODELS_KUBE_STORE_H

#include "models/kube_status.h"
#include "proto/kube.h"

enum kube_resource {
    KUBE_PODS,
    KUBE_CONFIGMAPS,
    KUBE_EVENTS,
    KUBE_LEASES,
    KUBE_STATEFULSETS,
    KUBE_RESOURCE_COUNT
};

struct kube_resource_info {
    const char *plural, *kind, *group, *api_version; /* group: empty for the core */
};
extern const struct kube_resource_info kube_resources[KUBE_RESOURCE_COUNT];

struct kube_key {
    enum kube_resource resource;
    const char *ns, *name; /* a list's name is NULL; its namespace NULL means all */
};

/* One entry of the history. */
struct kube_change {
    uint64_t version;
    enum kube_event_type type; /* ADDED, MODIFIED, DELETED */
    enum kube_resource resource;
    json_t *object;
    json_t *before; /* NULL when added */
};

struct kube_store_config {
    int64_t (*wall_us)(void *arg); /* microseconds since 1970 */
    void (*on_change)(void *arg);  /* after each change; may read, must not write; may be NULL */
    void *arg;
    uint64_t seed;      /* of uids and generated names */
    size_t history_max; /* changes kept for watches; 0: 4096 */
};

struct kube_store;
struct kube_store *kube_store_new(const struct kube_store_config *config);
void kube_store_free(struct kube_store *s); /* NULL is fine */

uint64_t kube_store_version(const struct kube_store *s);
/* Version of the last change of this resource; 0: none yet. */
uint64_t kube_store_last(const struct kube_store *s, enum kube_resource resource);
/* The first change after `version`; NULL: none. *expired: the history begins later than that. */
const struct kube_change *kube_store_after(const struct kube_store *s, uint64_t version,
                                           bool *expired);
/* Forgets the history, as etcd's compaction does: watches from older versions answer 410. */
void kube_store_compact(struct kube_store *s);

/* Borrowed; NULL when there is none. */
json_t *kube_store_find(const struct kube_store *s, const struct kube_key *key);
/* New array of the objects of a namespace (or of all), sorted by namespace and name. */
json_t *kube_store_items(const struct kube_store *s, const struct kube_key *key);

/* Which part of an object a write may change: the API keeps status out of the main resource and
 * everything else out of /status (of pods and stateful sets). WHOLE is for the cluster's own parts.
 */
enum kube_part { KUBE_PART_MAIN, KUBE_PART_STATUS, KUBE_PART_WHOLE };

struct kube_delete {
    int64_t grace_s;           /* below 0: the pod's own */
    const char *uid, *version; /* preconditions; NULL: none */
};

/* The objects and patches handed in are borrowed. A key's name is ignored by create. */
struct kube_reply kube_store_create(struct kube_store *s, const struct kube_key *key,
                                    const json_t *object);
struct kube_reply kube_store_update(struct kube_store *s, const struct kube_key *key,
                                    enum kube_part part, const json_t *object);
/* JSON merge patch (RFC 7386). */
struct kube_reply kube_store_patch(struct kube_store *s, const struct kube_key *key,
                                   enum kube_part part, const json_t *patch);
struct kube_reply kube_store_delete(struct kube_store *s, const struct kube_key *key,
                                    const struct kube_delete *how);

#endif
