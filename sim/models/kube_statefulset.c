/* The StatefulSet controller, as kube-controller-manager 1.20 has it (pkg/controller/statefulset):
 * one step after each change of the store. */
#include "models/kube_cluster_impl.h"

#include <inttypes.h>

struct member {
    bool exists, ready, terminating;
    char revision[KUBE_NAME_SIZE];
};

unsigned kube_statefulset_replicas(const struct kube_cluster *c)
{
    json_int_t n = json_integer_value(
        json_object_get(json_object_get(kube_cluster_set(c), "spec"), "replicas"));

    return n < 0 ? 0 : n > KUBE_CLUSTER_PODS_MAX ? KUBE_CLUSTER_PODS_MAX : (unsigned)n;
}

/* FNV-1a of the template's text: the same template has the same name. */
static void revision_name(const struct kube_cluster *c, const json_t *pod_template,
                          char out[KUBE_NAME_SIZE])
{
    char *text = json_dumps(pod_template, JSON_COMPACT | JSON_SORT_KEYS);
    uint32_t hash = 2166136261;

    for (const char *p = text; p && *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619;
    free(text);
    (void)str_format(out, KUBE_NAME_SIZE, "%s-%" PRIx32, c->statefulset, hash);
}

static void revision_drop(struct kube_cluster *c, size_t i)
{
    json_decref(c->revisions[i].pod_template);
    c->revisions_n--;
    for (; i < c->revisions_n; i++)
        c->revisions[i] = c->revisions[i + 1];
}

void kube_statefulset_revise(struct kube_cluster *c)
{
    json_t *pod_template = json_object_get(json_object_get(kube_cluster_set(c), "spec"),
                                           "template");
    struct kube_revision revision;

    revision_name(c, pod_template, revision.name);
    if (c->revisions_n && strcmp(c->revisions[c->revisions_n - 1].name, revision.name) == 0)
        return;
    for (size_t i = 0; i < c->revisions_n; i++)
        if (strcmp(c->revisions[i].name, revision.name) == 0)
            revision_drop(c, i);
    if (c->revisions_n == REVISIONS_MAX)
        revision_drop(c, 0);
    revision.pod_template = json_incref(pod_template);
    c->revisions[c->revisions_n++] = revision;
    if (!*c->current_revision)
        (void)str_copy(c->current_revision, sizeof c->current_revision, revision.name);
}

static const struct kube_revision *update_revision(const struct kube_cluster *c)
{
    return &c->revisions[c->revisions_n - 1];
}

static struct kube_key pod_key(const struct kube_cluster *c, unsigned ordinal,
                               char name[KUBE_NAME_SIZE])
{
    (void)str_format(name, KUBE_NAME_SIZE, "%s-%u", c->statefulset, ordinal);
    return (struct kube_key){KUBE_PODS, c->ns, name};
}

static struct member member_read(const struct kube_cluster *c, unsigned ordinal)
{
    char name[KUBE_NAME_SIZE];
    struct kube_key key = pod_key(c, ordinal, name);
    json_t *object = kube_store_find(c->config.store, &key);
    const json_t *labels = json_object_get(json_object_get(object, "metadata"), "labels");
    struct member m = {0};
    struct kube_pod pod;

    if (!object || kube_read_pod(object, &pod).kind != FAIL_NONE)
        return m;
    m.exists = true;
    m.ready = pod.running && pod.ready;
    m.terminating = pod.terminating;
    (void)str_copy(m.revision, sizeof m.revision,
                   json_string_value(json_object_get(labels, "controller-revision-hash")));
    return m;
}

static void member_create(struct kube_cluster *c, unsigned ordinal)
{
    char name[KUBE_NAME_SIZE];
    struct kube_key key = pod_key(c, ordinal, name);
    struct kube_meta set = {0};
    struct kube_reply reply;
    json_t *object;

    (void)kube_read_meta(kube_cluster_set(c), &set);
    object = kube_objects_pod(c, ordinal, update_revision(c), set.uid);
    reply = kube_store_create(c->config.store, &key, object);
    json_decref(object);
    if (reply.status == 201)
        kube_cluster_add(c, ordinal, reply.body);
    json_decref(reply.body);
}

static void member_delete(struct kube_cluster *c, unsigned ordinal)
{
    const struct kube_delete how = {.grace_s = -1};
    char name[KUBE_NAME_SIZE];
    struct kube_key key = pod_key(c, ordinal, name);

    json_decref(kube_store_delete(c->config.store, &key, &how).body);
}

/* Makes what is missing, from the lowest ordinal. True: it is not yet time for anything else. */
static bool fill(struct kube_cluster *c, const struct member *m, unsigned replicas, bool ordered)
{
    bool waits = false;

    for (unsigned i = 0; i < replicas; i++) {
        if (!m[i].exists)
            member_create(c, i);
        if (m[i].exists && m[i].ready && !m[i].terminating)
            continue;
        waits = true;
        if (ordered)
            return true;
    }
    return ordered && waits;
}

/* Removes what is too much, from the highest ordinal; one at a time when ordered, and then only
 * while the others are Ready, or the one itself is the first that is not. True: as above. */
static bool shrink(struct kube_cluster *c, const struct member *m, unsigned replicas, bool ordered)
{
    unsigned unhealthy = 0;
    bool any = false;

    while (unhealthy < KUBE_CLUSTER_PODS_MAX &&
           (!m[unhealthy].exists || (m[unhealthy].ready && !m[unhealthy].terminating)))
        unhealthy++;
    for (unsigned i = KUBE_CLUSTER_PODS_MAX; i-- > replicas;) {
        if (!m[i].exists)
            continue;
        any = true;
        if (m[i].terminating && ordered)
            return true;
        if (!m[i].ready && ordered && i != unhealthy)
            return true;
        if (!m[i].terminating)
            member_delete(c, i);
        if (ordered)
            return true;
    }
    return ordered && any;
}

/* RollingUpdate: the highest ordinal with another revision goes, when all above it are Ready. */
static void roll(struct kube_cluster *c, const struct member *m, unsigned replicas)
{
    for (unsigned i = replicas; i-- > 0;) {
        if (m[i].exists && !m[i].terminating &&
            strcmp(m[i].revision, update_revision(c)->name) != 0) {
            member_delete(c, i);
            return;
        }
        if (!m[i].exists || !m[i].ready || m[i].terminating)
            return;
    }
}

static void status_write(struct kube_cluster *c)
{
    struct kube_key key = {KUBE_STATEFULSETS, c->ns, c->statefulset};
    const char *update = update_revision(c)->name;
    int there = 0, ready = 0, current = 0, updated = 0;
    json_t *patch;

    for (unsigned i = 0; i < KUBE_CLUSTER_PODS_MAX; i++) {
        struct member m = member_read(c, i);

        there += m.exists;
        ready += m.ready;
        current += m.exists && !m.terminating && strcmp(m.revision, c->current_revision) == 0;
        updated += m.exists && !m.terminating && strcmp(m.revision, update) == 0;
    }
    if (updated == there && ready == there) {
        (void)str_copy(c->current_revision, sizeof c->current_revision, update);
        current = updated;
    }
    patch = json_pack("{s:{s:i, s:i, s:i, s:i, s:s, s:s, s:i}}", "status", "replicas", there,
                      "readyReplicas", ready, "currentReplicas", current, "updatedReplicas",
                      updated, "currentRevision", c->current_revision, "updateRevision", update,
                      "collisionCount", 0);
    json_decref(kube_store_patch(c->config.store, &key, KUBE_PART_STATUS, patch).body);
    json_decref(patch);
}

void kube_statefulset_step(struct kube_cluster *c)
{
    const json_t *set = kube_cluster_set(c), *policy;
    struct member m[KUBE_CLUSTER_PODS_MAX];
    unsigned replicas = kube_statefulset_replicas(c);
    bool ordered;

    if (!set)
        return;
    policy = json_object_get(json_object_get(set, "spec"), "podManagementPolicy");
    ordered = !json_is_string(policy) || strcmp(json_string_value(policy), "Parallel") != 0;
    kube_statefulset_revise(c);
    for (unsigned i = 0; i < KUBE_CLUSTER_PODS_MAX; i++)
        m[i] = member_read(c, i);
    if (!fill(c, m, replicas, ordered) && !shrink(c, m, replicas, ordered))
        roll(c, m, replicas);
    status_write(c);
}
