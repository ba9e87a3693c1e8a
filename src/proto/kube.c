#include "proto/kube.h"

#include "base/time_text.h"

#include <limits.h>

/* ---- reading ---- */

/* A member that should be a string: absent and null read as empty, since the API server leaves out
 * what is empty. False: it is something else, or longer than any valid one. */
static bool read_text(const json_t *object, const char *key, char *out, size_t size)
{
    const json_t *value = json_object_get(object, key);

    out[0] = 0;
    if (!value || json_is_null(value))
        return true;
    return json_is_string(value) && str_copy(out, size, json_string_value(value));
}

static int64_t read_int(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool text_is(const json_t *object, const char *key, const char *text)
{
    return str_eq(str_of(json_string_value(json_object_get(object, key))), text);
}

struct fail kube_read_meta(json_t *object, struct kube_meta *out)
{
    const json_t *meta = json_object_get(object, "metadata");

    *out = (struct kube_meta){0};
    if (!json_is_object(meta))
        return fail_make(FAIL_PROTOCOL, "object without metadata");
    if (!read_text(meta, "name", out->name, sizeof(out->name)) ||
        !read_text(meta, "uid", out->uid, sizeof(out->uid)) ||
        !read_text(meta, "resourceVersion", out->version, sizeof(out->version)))
        return fail_make(FAIL_PROTOCOL,
                         "metadata with a name, uid or resourceVersion that is none");
    return (struct fail){0};
}

/* As kube_read_meta, of an object that is listed or asked for by its name. */
static struct fail read_named(json_t *object, struct kube_meta *out)
{
    struct fail fail = kube_read_meta(object, out);

    if (fail.kind == FAIL_NONE && out->name[0] == 0)
        return fail_make(FAIL_PROTOCOL, "object without a name");
    return fail;
}

static bool pod_is_ready(const json_t *status)
{
    size_t i;
    json_t *condition;

    json_array_foreach (json_object_get(status, "conditions"), i, condition) {
        if (text_is(condition, "type", "Ready"))
            return text_is(condition, "status", "True");
    }
    return false;
}

/* containerStatuses is sorted by name; the first container of the spec is the one that counts. */
static int pod_restarts(const json_t *spec, const json_t *status)
{
    const json_t *first = json_array_get(json_object_get(spec, "containers"), 0);
    const char *name = json_string_value(json_object_get(first, "name"));
    size_t i;
    json_t *container;

    json_array_foreach (json_object_get(status, "containerStatuses"), i, container) {
        int64_t count = read_int(container, "restartCount");

        if (name && !text_is(container, "name", name))
            continue;
        return count < 0 || count > INT_MAX ? 0 : (int)count;
    }
    return 0;
}

/* False: it does not tell. */
static bool read_instances(const json_t *status, char out[KUBE_INSTANCES_SIZE])
{
    const json_t *list = json_object_get(status, "containerStatuses");
    size_t i;
    json_t *container;

    out[0] = 0;
    json_array_foreach (list, i, container) {
        const char *id = json_string_value(json_object_get(container, "containerID"));

        if (!json_object_get(json_object_get(container, "state"), "running"))
            continue;
        if (!id || !id[0] || !str_append(out, KUBE_INSTANCES_SIZE, "%s%s", out[0] ? " " : "", id)) {
            out[0] = 0;
            return false;
        }
    }
    return json_array_size(list) > 0;
}

/* The uid of the object of this kind that controls it; empty: none. */
static void read_owner(const json_t *object, const char *kind, char uid[KUBE_UID_SIZE])
{
    const json_t *meta = json_object_get(object, "metadata"), *owner;
    size_t i;

    uid[0] = 0;
    json_array_foreach (json_object_get(meta, "ownerReferences"), i, owner)
        if (json_is_true(json_object_get(owner, "controller")) && text_is(owner, "kind", kind) &&
            !read_text(owner, "uid", uid, KUBE_UID_SIZE))
            uid[0] = 0;
}

struct fail kube_read_pod(json_t *object, struct kube_pod *out)
{
    const json_t *status = json_object_get(object, "status");
    struct fail fail;

    *out = (struct kube_pod){0};
    fail = read_named(object, &out->meta);
    if (fail.kind != FAIL_NONE)
        return fail;
    if (!read_text(status, "podIP", out->ip, sizeof(out->ip)))
        return fail_make(FAIL_PROTOCOL, "pod %s: podIP is none", out->meta.name);
    out->ready = pod_is_ready(status);
    out->running = text_is(status, "phase", "Running");
    out->terminating =
        json_is_string(json_object_get(json_object_get(object, "metadata"), "deletionTimestamp"));
    if (!read_text(json_object_get(json_object_get(object, "metadata"), "labels"),
                   "memgraph-controller/role", out->role, sizeof(out->role)))
        (void)str_copy(out->role, sizeof(out->role), "?"); /* somebody's: too long to be ours */
    read_owner(object, "StatefulSet", out->owner_uid);
    out->told = read_instances(status, out->instances);
    out->restarts = pod_restarts(json_object_get(object, "spec"), status);
    return (struct fail){0};
}

struct fail kube_read_lease(json_t *object, struct kube_lease *out)
{
    const json_t *spec = json_object_get(object, "spec");
    struct fail fail;

    *out = (struct kube_lease){0};
    fail = read_named(object, &out->meta);
    if (fail.kind != FAIL_NONE)
        return fail;
    if (!read_text(spec, "holderIdentity", out->holder, sizeof(out->holder)) ||
        !read_text(spec, "acquireTime", out->acquire_time, sizeof(out->acquire_time)) ||
        !read_text(spec, "renewTime", out->renew_time, sizeof(out->renew_time)))
        return fail_make(FAIL_PROTOCOL, "lease %s: a holder or a time that is none",
                         out->meta.name);
    out->duration_s = read_int(spec, "leaseDurationSeconds");
    out->transitions = read_int(spec, "leaseTransitions");
    return (struct fail){0};
}

struct fail kube_read_list(json_t *list, char version[KUBE_VERSION_SIZE], json_t **items)
{
    struct kube_meta meta;
    struct fail fail = kube_read_meta(list, &meta);

    *items = NULL;
    version[0] = 0;
    if (fail.kind != FAIL_NONE)
        return fail;
    if (meta.version[0] == 0)
        return fail_make(FAIL_PROTOCOL, "list without a resourceVersion");
    *items = json_object_get(list, "items");
    if (!json_is_array(*items)) {
        *items = NULL;
        return fail_make(FAIL_PROTOCOL, "list without items");
    }
    str_copy(version, KUBE_VERSION_SIZE, meta.version);
    return (struct fail){0};
}

struct fail kube_read_configmap(json_t *object, struct kube_meta *meta, json_t **data)
{
    struct fail fail = read_named(object, meta);
    const char *key;
    json_t *value;

    *data = NULL;
    if (fail.kind != FAIL_NONE)
        return fail;
    value = json_object_get(object, "data");
    if (!value || json_is_null(value))
        return (struct fail){0};
    if (!json_is_object(value))
        return fail_make(FAIL_PROTOCOL, "configmap %s: data is no object", meta->name);
    *data = value;
    json_object_foreach (*data, key, value) {
        if (json_is_string(value))
            continue;
        *data = NULL;
        return fail_make(FAIL_PROTOCOL, "configmap %s: data.%.64s is no string", meta->name, key);
    }
    return (struct fail){0};
}

/* ---- judging ---- */

static enum fail_kind judge_status(long status)
{
    if (status >= 200 && status < 300)
        return FAIL_NONE;
    if (status == 409)
        return FAIL_CONFLICT;
    if (status == 404 || status == 410)
        return FAIL_GONE;
    if (status == 401 || status == 403)
        return FAIL_DENIED;
    if (status == 429 || (status >= 500 && status < 600))
        return FAIL_BUSY;
    if (status >= 400 && status < 500)
        return FAIL_REFUSED;
    return FAIL_PROTOCOL;
}

struct fail kube_judge(long status, json_t *body)
{
    enum fail_kind kind = judge_status(status);
    const char *reason = json_string_value(json_object_get(body, "reason"));
    const char *message = json_string_value(json_object_get(body, "message"));

    if (kind == FAIL_NONE)
        return (struct fail){0};
    return fail_make(kind, "HTTP %ld%s%s%s%s", status, reason ? " " : "", reason ? reason : "",
                     message ? ": " : "", message ? message : "");
}

static bool read_event_type(const char *word, enum kube_event_type *out)
{
    static const char *const words[] = {
        [KUBE_ADDED] = "ADDED",       [KUBE_MODIFIED] = "MODIFIED", [KUBE_DELETED] = "DELETED",
        [KUBE_BOOKMARK] = "BOOKMARK", [KUBE_ERROR] = "ERROR",
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_eq(str_of(word), words[i])) {
            *out = (enum kube_event_type)i;
            return true;
        }
    }
    return false;
}

struct fail kube_watch_line(struct str text, json_t **line, enum kube_event_type *type,
                            json_t **object)
{
    json_error_t error;
    json_t *root = json_loadb(text.p, text.n, 0, &error);
    struct fail fail = {0};

    *line = *object = NULL;
    *type = KUBE_ERROR;
    if (!root)
        return fail_make(FAIL_PROTOCOL, "watch line: %s", error.text);
    *object = json_object_get(root, "object");
    if (!read_event_type(json_string_value(json_object_get(root, "type")), type) ||
        !json_is_object(*object)) {
        fail = fail_make(FAIL_PROTOCOL, "watch line: no event of a known type");
    } else if (*type == KUBE_ERROR) {
        fail = kube_judge((long)read_int(*object, "code"), *object);
        if (fail.kind == FAIL_NONE)
            fail = fail_make(FAIL_PROTOCOL, "watch line: an error that says success");
    }
    if (fail.kind != FAIL_NONE) {
        *object = NULL;
        json_decref(root);
        return fail;
    }
    *line = root;
    return fail;
}

/* ---- making ---- */

/* Leaves out what is empty: "" is no valid time, nor a label value that anybody meant. */
static void put_text(json_t *object, const char *key, const char *text)
{
    if (text && text[0] != 0)
        json_object_set_new(object, key, json_string(text));
}

static json_t *make_object(const char *api_version, const char *kind, const char *name,
                           const char *version)
{
    json_t *object = json_object();
    json_t *meta = json_object();

    json_object_set_new(object, "apiVersion", json_string(api_version));
    json_object_set_new(object, "kind", json_string(kind));
    put_text(meta, "name", name);
    put_text(meta, "resourceVersion", version);
    json_object_set_new(object, "metadata", meta);
    return object;
}

json_t *kube_make_configmap(const char *name, const char *version, json_t *data, json_t *labels)
{
    json_t *object = make_object("v1", "ConfigMap", name, version);

    if (labels)
        json_object_set(json_object_get(object, "metadata"), "labels", labels);
    json_object_set(object, "data", data);
    return object;
}

json_t *kube_make_lease(const struct kube_lease *lease, bool with_version)
{
    json_t *object = make_object("coordination.k8s.io/v1", "Lease", lease->meta.name,
                                 with_version ? lease->meta.version : NULL);
    json_t *spec = json_object();

    /* Written even when empty: that is how a lease is released. */
    json_object_set_new(spec, "holderIdentity", json_string(lease->holder));
    json_object_set_new(spec, "leaseDurationSeconds", json_integer(lease->duration_s));
    json_object_set_new(spec, "leaseTransitions", json_integer(lease->transitions));
    put_text(spec, "acquireTime", lease->acquire_time);
    put_text(spec, "renewTime", lease->renew_time);
    json_object_set_new(object, "spec", spec);
    return object;
}

/* eventTime stays out: with it the API server also wants an action, and limits the message. */
json_t *kube_make_event(const struct kube_event *event)
{
    json_t *object = make_object("v1", "Event", event->name, NULL);
    json_t *about = json_object();
    json_t *source = json_object();

    put_text(json_object_get(object, "metadata"), "namespace", event->namespace_);
    put_text(about, "apiVersion", event->api_version);
    put_text(about, "kind", event->kind);
    put_text(about, "namespace", event->namespace_);
    put_text(about, "name", event->object_name);
    put_text(about, "uid", event->object_uid);
    json_object_set_new(object, "involvedObject", about);
    put_text(object, "type", event->type);
    put_text(object, "reason", event->reason);
    put_text(object, "message", event->message);
    put_text(source, "component", event->component);
    json_object_set_new(object, "source", source);
    put_text(object, "reportingComponent", event->component);
    put_text(object, "reportingInstance", event->instance);
    put_text(object, "firstTimestamp", event->time);
    put_text(object, "lastTimestamp", event->time);
    json_object_set_new(object, "count", json_integer(1));
    return object;
}

void kube_format_time(int64_t wall_us, char *out, size_t size)
{
    (void)time_text(wall_us, 6, out, size);
}
