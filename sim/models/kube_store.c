#include "models/kube_store.h"

#include "base/alloc.h"
#include "models/kube_validate.h"

#include <assert.h>
#include <inttypes.h>

enum { HISTORY_MAX = 4096, EVENTS_MAX = 1000, KEY_SIZE = 2 * KUBE_NAME_SIZE };

const struct kube_resource_info kube_resources[KUBE_RESOURCE_COUNT] = {
    [KUBE_PODS] = {"pods", "Pod", "", "v1"},
    [KUBE_CONFIGMAPS] = {"configmaps", "ConfigMap", "", "v1"},
    [KUBE_EVENTS] = {"events", "Event", "", "v1"},
    [KUBE_LEASES] = {"leases", "Lease", "coordination.k8s.io", "coordination.k8s.io/v1"},
    [KUBE_STATEFULSETS] = {"statefulsets", "StatefulSet", "apps", "apps/v1"},
};

struct kube_store {
    struct kube_store_config config;
    json_t *objects[KUBE_RESOURCE_COUNT]; /* "namespace/name" to object */
    uint64_t last[KUBE_RESOURCE_COUNT];
    uint64_t version, compacted; /* changes up to `compacted` are forgotten */
    uint64_t random;
    struct kube_change *history; /* a ring of history_max */
    size_t first, count;
};

struct kube_store *kube_store_new(const struct kube_store_config *config)
{
    struct kube_store *s = xcalloc(1, sizeof *s);

    s->config = *config;
    if (!s->config.history_max)
        s->config.history_max = HISTORY_MAX;
    s->history = xcalloc(s->config.history_max, sizeof *s->history);
    s->random = config->seed;
    s->version = s->compacted = 100; /* a real cluster has been busy before us */
    for (size_t i = 0; i < KUBE_RESOURCE_COUNT; i++)
        s->objects[i] = json_object();
    return s;
}

static void history_drop_first(struct kube_store *s)
{
    struct kube_change *c = &s->history[s->first];

    s->compacted = c->version;
    json_decref(c->object);
    json_decref(c->before);
    s->first = (s->first + 1) % s->config.history_max;
    s->count--;
}

void kube_store_compact(struct kube_store *s)
{
    while (s->count)
        history_drop_first(s);
    s->compacted = s->version;
}

void kube_store_free(struct kube_store *s)
{
    if (!s)
        return;
    kube_store_compact(s);
    for (size_t i = 0; i < KUBE_RESOURCE_COUNT; i++)
        json_decref(s->objects[i]);
    free(s->history);
    free(s);
}

uint64_t kube_store_version(const struct kube_store *s)
{
    return s->version;
}

uint64_t kube_store_last(const struct kube_store *s, enum kube_resource resource)
{
    return s->last[resource];
}

/* Every change takes one version, so its place follows from its number. */
const struct kube_change *kube_store_after(const struct kube_store *s, uint64_t version,
                                           bool *expired)
{
    *expired = version < s->compacted;
    if (*expired || version >= s->version)
        return NULL;
    return &s->history[(s->first + (version - s->compacted)) % s->config.history_max];
}

static const char *key_text(const struct kube_key *key, char out[KEY_SIZE])
{
    (void)str_format(out, KEY_SIZE, "%s/%s", key->ns, key->name);
    return out;
}

json_t *kube_store_find(const struct kube_store *s, const struct kube_key *key)
{
    char text[KEY_SIZE];

    return json_object_get(s->objects[key->resource], key_text(key, text));
}

static int keys_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *kube_store_items(const struct kube_store *s, const struct kube_key *key)
{
    json_t *all = s->objects[key->resource], *items = json_array(), *object;
    const char **names = xcalloc(json_object_size(all) + 1, sizeof *names), *name;
    size_t n = 0, prefix = key->ns ? strlen(key->ns) : 0;

    json_object_foreach (all, name, object) {
        if (!key->ns || (strncmp(name, key->ns, prefix) == 0 && name[prefix] == '/'))
            names[n++] = name;
    }
    qsort(names, n, sizeof *names, keys_compare);
    for (size_t i = 0; i < n; i++)
        json_array_append(items, json_object_get(all, names[i]));
    free(names);
    return items;
}

/* splitmix64 */
static uint64_t random_next(struct kube_store *s)
{
    uint64_t z = s->random += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static json_t *uid_make(struct kube_store *s)
{
    uint64_t a = random_next(s), b = random_next(s);

    return json_sprintf("%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-a%03" PRIx64 "-%012" PRIx64,
                        a >> 32, (a >> 16) & 0xffff, a & 0xfff, b >> 52, b & 0xffffffffffff);
}

static json_t *time_make(struct kube_store *s, int64_t after_s)
{
    time_t now = (time_t)(s->config.wall_us(s->config.arg) / 1000000 + after_s);
    struct tm tm;
    char text[32];

    gmtime_r(&now, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return json_string(text);
}

static json_t *metadata_of(const json_t *object)
{
    return json_object_get(object, "metadata");
}

static const char *metadata_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(metadata_of(object), member));

    return text ? text : "";
}

static struct kube_subject subject_of(const struct kube_key *key)
{
    const struct kube_resource_info *info = &kube_resources[key->resource];

    return (struct kube_subject){info->plural, info->group, key->name};
}

/* Makes the change: gives the object its version and remembers it. Takes over `object`; returns it
 * with a reference for the caller. */
static json_t *commit(struct kube_store *s, const struct kube_key *key, enum kube_event_type type,
                      json_t *object)
{
    json_t *before = json_incref(kube_store_find(s, key));
    char text[KEY_SIZE];

    json_object_set_new(metadata_of(object), "resourceVersion",
                        json_sprintf("%" PRIu64, ++s->version));
    s->last[key->resource] = s->version;
    if (type == KUBE_DELETED)
        json_object_del(s->objects[key->resource], key_text(key, text));
    else
        json_object_set(s->objects[key->resource], key_text(key, text), object);
    if (s->count == s->config.history_max)
        history_drop_first(s);
    s->history[(s->first + s->count++) % s->config.history_max] =
        (struct kube_change){s->version, type, key->resource, json_incref(object), before};
    if (s->config.on_change)
        s->config.on_change(s->config.arg);
    return object;
}

/* Events age out of a real server after an hour; here, after some number of them. */
static void events_expire(struct kube_store *s)
{
    json_t *events = s->objects[KUBE_EVENTS];

    if (json_object_size(events) >= EVENTS_MAX)
        json_object_del(events, json_object_iter_key(json_object_iter(events)));
}

/* What the server fills in, whatever the client sent. */
static void metadata_fill(struct kube_store *s, const struct kube_key *key, json_t *object)
{
    const struct kube_resource_info *info = &kube_resources[key->resource];
    json_t *metadata = metadata_of(object);

    json_object_set_new(object, "kind", json_string(info->kind));
    json_object_set_new(object, "apiVersion", json_string(info->api_version));
    json_object_set_new(metadata, "name", json_string(key->name));
    json_object_set_new(metadata, "namespace", json_string(key->ns));
    json_object_set_new(metadata, "uid", uid_make(s));
    json_object_set_new(metadata, "creationTimestamp", time_make(s, 0));
    json_object_del(metadata, "deletionTimestamp");
    json_object_del(metadata, "deletionGracePeriodSeconds");
}

/* The object's own words must not contradict the address that it was sent to. */
static bool address_check(const struct kube_key *key, const json_t *object, struct kube_reply *why)
{
    const struct kube_resource_info *info = &kube_resources[key->resource];
    const char *kind = json_string_value(json_object_get(object, "kind"));
    const char *api_version = json_string_value(json_object_get(object, "apiVersion"));
    const char *ns = metadata_text(object, "namespace");

    if (!json_is_object(metadata_of(object)) || (kind && strcmp(kind, info->kind) != 0) ||
        (api_version && strcmp(api_version, info->api_version) != 0)) {
        *why = kube_status_failure(400, "BadRequest",
                                   "the object provided is unrecognized (must be of type %s)",
                                   info->kind);
        return false;
    }
    if (*ns && strcmp(ns, key->ns) != 0) {
        *why = kube_status_failure(400, "BadRequest",
                                   "the namespace of the provided object does not match the "
                                   "namespace sent on the request");
        return false;
    }
    return true;
}

struct kube_reply kube_store_create(struct kube_store *s, const struct kube_key *key,
                                    const json_t *object)
{
    struct kube_key named = *key;
    struct kube_subject about;
    struct kube_reply why;
    char name[KUBE_NAME_SIZE];
    json_t *copy;

    if (!address_check(key, object, &why))
        return why;
    (void)str_copy(name, sizeof name, metadata_text(object, "name"));
    if (!*name && *metadata_text(object, "generateName"))
        (void)str_format(name, sizeof name, "%s%05" PRIx64, metadata_text(object, "generateName"),
                         random_next(s) & 0xfffff);
    named.name = name;
    about = subject_of(&named);
    if (!*name)
        return kube_status_invalid(&about, "metadata.name",
                                   "Required value: name or generateName is required");
    if (*metadata_text(object, "resourceVersion"))
        return kube_status_failure(500, "InternalError",
                                   "resourceVersion should not be set on objects to be created");
    if (!kube_validate(&named, object, &why))
        return why;
    if (kube_store_find(s, &named))
        return kube_status_already_exists(&about);
    if (key->resource == KUBE_EVENTS)
        events_expire(s);
    copy = json_deep_copy(object);
    metadata_fill(s, &named, copy);
    return (struct kube_reply){201, commit(s, &named, KUBE_ADDED, copy)};
}

static void member_keep(json_t *object, const json_t *from, const char *member)
{
    json_t *value = json_object_get(from, member);

    if (value)
        json_object_set(object, member, value);
    else
        json_object_del(object, member);
}

/* A new version of `current`: what `part` may change comes from `wanted`. */
static json_t *object_merge(const json_t *current, const json_t *wanted, enum kube_part part)
{
    static const char *const fixed[] = {"name",
                                        "namespace",
                                        "uid",
                                        "creationTimestamp",
                                        "deletionTimestamp",
                                        "deletionGracePeriodSeconds",
                                        "resourceVersion"};
    json_t *next = json_deep_copy(part == KUBE_PART_STATUS ? current : wanted);

    if (part == KUBE_PART_STATUS)
        member_keep(next, wanted, "status");
    if (part == KUBE_PART_MAIN)
        member_keep(next, current, "status");
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        member_keep(metadata_of(next), metadata_of(current), fixed[i]);
    member_keep(next, current, "kind");
    member_keep(next, current, "apiVersion");
    return next;
}

static bool preconditions_check(const struct kube_key *key, const json_t *current, const char *uid,
                                const char *version, struct kube_reply *why)
{
    struct kube_subject about = subject_of(key);
    char text[512];

    if (uid && *uid && strcmp(uid, metadata_text(current, "uid")) != 0) {
        (void)str_format(text, sizeof text,
                         "Precondition failed: UID in precondition: %s, UID in object meta: %s",
                         uid, metadata_text(current, "uid"));
        *why = kube_status_conflict(&about, text);
        return false;
    }
    if (version && *version && strcmp(version, metadata_text(current, "resourceVersion")) != 0) {
        *why = kube_status_conflict(&about, NULL);
        return false;
    }
    return true;
}

struct kube_reply kube_store_update(struct kube_store *s, const struct kube_key *key,
                                    enum kube_part part, const json_t *object)
{
    struct kube_subject about = subject_of(key);
    const char *version = metadata_text(object, "resourceVersion");
    json_t *current = kube_store_find(s, key), *next;
    struct kube_reply why;

    if (!address_check(key, object, &why))
        return why;
    if (strcmp(metadata_text(object, "name"), key->name) != 0)
        return kube_status_failure(
            400, "BadRequest",
            "the name of the object (%s) does not match the name on the URL (%s)",
            metadata_text(object, "name"), key->name);
    if (!current && key->resource == KUBE_LEASES && part != KUBE_PART_STATUS) {
        next = json_deep_copy(object);
        json_object_del(metadata_of(next), "resourceVersion");
        why = kube_store_create(s, key, next);
        json_decref(next);
        return why;
    }
    if (!current)
        return kube_status_not_found(&about);
    if (!*version && key->resource == KUBE_LEASES)
        return kube_status_invalid(&about, "metadata.resourceVersion",
                                   "Invalid value: 0x0: must be specified for an update");
    if (!preconditions_check(key, current, metadata_text(object, "uid"), version, &why) ||
        !kube_validate(key, object, &why))
        return why;
    next = object_merge(current, object, part);
    if (json_equal(next, current)) {
        json_decref(next);
        return (struct kube_reply){200, json_incref(current)};
    }
    return (struct kube_reply){200, commit(s, key, KUBE_MODIFIED, next)};
}

/* RFC 7386 */
static void merge_patch(json_t *target, const json_t *patch)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)patch, key, value) {
        if (json_is_null(value)) {
            json_object_del(target, key);
        } else if (json_is_object(value)) {
            if (!json_is_object(json_object_get(target, key)))
                json_object_set_new(target, key, json_object());
            merge_patch(json_object_get(target, key), value);
        } else {
            json_object_set(target, key, value);
        }
    }
}

struct kube_reply kube_store_patch(struct kube_store *s, const struct kube_key *key,
                                   enum kube_part part, const json_t *patch)
{
    struct kube_subject about = subject_of(key);
    json_t *current = kube_store_find(s, key), *wanted;
    struct kube_reply reply;

    if (!current)
        return kube_status_not_found(&about);
    if (!json_is_object(patch))
        return kube_status_failure(400, "BadRequest", "the patch is not a JSON object");
    wanted = json_deep_copy(current);
    merge_patch(wanted, patch);
    reply = kube_store_update(s, key, part, wanted);
    json_decref(wanted);
    if (reply.status == 400) { /* what a PUT cannot decode, a patch makes invalid */
        reply.status = 422;
        json_object_set_new(reply.body, "code", json_integer(422));
        json_object_set_new(reply.body, "reason", json_string("Invalid"));
    }
    return reply;
}

/* A pod that runs on a node gets its grace: it stays, marked, until the node has stopped it. */
static struct kube_reply pod_mark(struct kube_store *s, const struct kube_key *key,
                                  const json_t *current, int64_t grace_s)
{
    const json_t *metadata = metadata_of(current);
    const json_t *marked = json_object_get(metadata, "deletionGracePeriodSeconds");
    json_t *next;

    /* A second delete can only shorten the grace. */
    if (marked && json_integer_value(marked) <= grace_s)
        return (struct kube_reply){200, json_incref((json_t *)current)};
    next = json_deep_copy(current);
    json_object_set_new(metadata_of(next), "deletionTimestamp", time_make(s, grace_s));
    json_object_set_new(metadata_of(next), "deletionGracePeriodSeconds", json_integer(grace_s));
    return (struct kube_reply){200, commit(s, key, KUBE_MODIFIED, next)};
}

static int64_t pod_grace_s(const json_t *pod)
{
    const json_t *spec = json_object_get(pod, "spec");
    const json_t *grace = json_object_get(spec, "terminationGracePeriodSeconds");

    if (!json_object_get(spec, "nodeName"))
        return 0; /* nobody runs it */
    return grace ? json_integer_value(grace) : 30;
}

/* The end of a pod that had been given grace is two changes: grace 0, then gone. */
static struct kube_reply pod_delete(struct kube_store *s, const struct kube_key *key,
                                    const json_t *current, int64_t grace_s)
{
    int64_t own_s = pod_grace_s(current);
    struct kube_reply reply;

    if (grace_s < 0 || own_s == 0)
        grace_s = own_s;
    if (grace_s > 0)
        return pod_mark(s, key, current, grace_s);
    if (json_object_get(metadata_of(current), "deletionTimestamp")) {
        reply = pod_mark(s, key, current, 0);
        json_decref(reply.body);
        current = kube_store_find(s, key);
    }
    return (struct kube_reply){200, commit(s, key, KUBE_DELETED, json_deep_copy(current))};
}

struct kube_reply kube_store_delete(struct kube_store *s, const struct kube_key *key,
                                    const struct kube_delete *how)
{
    struct kube_subject about = subject_of(key);
    json_t *current = kube_store_find(s, key);
    struct kube_reply reply;

    if (!current)
        return kube_status_not_found(&about);
    if (!preconditions_check(key, current, how->uid, how->version, &reply))
        return reply;
    if (key->resource == KUBE_PODS)
        return pod_delete(s, key, current, how->grace_s);
    reply = kube_status_deleted(&about, metadata_text(current, "uid"));
    json_decref(commit(s, key, KUBE_DELETED, json_deep_copy(current)));
    return reply;
}
