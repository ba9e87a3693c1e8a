#include "app/state.h"

#include "app/link.h"
#include "base/alloc.h"

#include <assert.h>

enum { FIELDS_MAX = 64, RETRY_US = 500 * 1000 };

struct state {
    struct controller *c;
    char name[KUBE_NAME_SIZE], path[512];
    struct kube_watch *watch;
    bool deaf, unread, unwritten; /* the watch, reads, writes do not work: said once each */
    struct kube_request *request; /* one at a time: a read or a write */
    bool writing;
    struct timer *retry;
    json_t *data;                    /* as last read or written; NULL: none */
    char version[KUBE_VERSION_SIZE]; /* its resourceVersion */
    char uid[KUBE_UID_SIZE];         /* of the object that was taken last */
    int64_t newest; /* the newest version that was taken, as a number; 0: none yet */
    int64_t passed; /* the newest that was told while a request was under way */
    struct record written;
};

/* ---- between JSON and struct ---- */

static void decode_history(json_t *data, struct record *out)
{
    json_t *list = json_loads(json_string_value(json_object_get(data, "history"))
                                  ? json_string_value(json_object_get(data, "history"))
                                  : "[]",
                              0, NULL);
    json_t *entry;
    size_t i;

    json_array_foreach (list, i, entry) {
        char *text = json_dumps(entry, JSON_COMPACT);

        if (text && strlen(text) < HISTORY_SIZE)
            record_add_history(out, text);
        free(text);
    }
    json_decref(list);
}

struct fail state_decode(json_t *data, struct record *out)
{
    struct record_field fields[FIELDS_MAX];
    const char *key;
    json_t *value;
    size_t n = 0;
    struct fail f;

    json_object_foreach (data, key, value) {
        if (n < FIELDS_MAX && json_is_string(value))
            fields[n++] = (struct record_field){key, json_string_value(value)};
    }
    f = record_decode(out, fields, n);
    if (f.kind == FAIL_NONE)
        decode_history(data, out);
    return f;
}

static void put_string(void *arg, const char *key, const char *value)
{
    (void)json_object_set_new((json_t *)arg, key, json_string(value));
}

json_t *state_encode(const struct record *r, const char *prefix, json_t *before)
{
    json_t *data = before ? json_copy(before) : json_object();

    record_encode(r, prefix, put_string, data);
    return data;
}

const char *state_text(const struct state *s, const char *key)
{
    return s ? json_string_value(json_object_get(s->data, key)) : NULL;
}

const char *state_version(const struct state *s)
{
    return s ? s->version : "";
}

/* ---- what was read ---- */

/* resourceVersions of one resource are numbers that grow (Kubernetes, "API Concepts"). 0: this one
 * is none, and is never held to be old. */
static int64_t number_of(const char *version)
{
    int64_t number;

    return str_to_int64(str_of(version), &number) && number > 0 ? number : 0;
}

static void take_absence(struct state *s)
{
    json_decref(s->data);
    s->data = NULL;
    s->version[0] = '\0';
    if (s->c->view.record_exists)
        log_event(LOG_ERROR, "state", "the record was deleted", "configmap", s->name, NULL);
    view_record(controller_view(s->c), NULL);
}

/* The ConfigMap of the reference controller (of the same name) has nothing but the index of the pod
 * that is main. Lineages are not known from it, so the cluster is adopted as if there were no
 * record; what we write replaces it. */
static bool is_of_reference_controller(const json_t *data)
{
    static const char *const ours[] = {"epoch", "mainRun", "promoted", "sync"};

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (json_object_get(data, ours[i]))
            return false;
    return json_object_get(data, "targetMainIndex") != NULL;
}

static void take_reference_record(struct state *s, json_t *data, const char *version)
{
    if (strcmp(s->version, version) != 0)
        log_event(LOG_INFO, "state", "a record of the reference controller: the cluster is adopted",
                  "configmap", s->name, "targetMainIndex",
                  json_string_value(json_object_get(data, "targetMainIndex")), NULL);
    json_decref(s->data);
    s->data = json_incref(data);
    (void)str_copy(s->version, sizeof s->version, version);
    view_record(controller_view(s->c), NULL);
}

/* Epochs only grow, as long as the object is not deleted: one that is lower comes from a backup,
 * and what it says of the pods is not true any more. */
static struct fail check_age(const struct state *s, const char *uid, const struct record *r)
{
    const struct view *v = &s->c->view;

    if (!v->record_exists || r->epoch >= v->record.epoch || strcmp(s->uid, uid) != 0)
        return (struct fail){0};
    return fail_make(FAIL_PROTOCOL, "it has gone back from epoch %lld to %lld",
                     (long long)v->record.epoch, (long long)r->epoch);
}

static void take_object(struct state *s, json_t *object)
{
    struct view *v = controller_view(s->c);
    struct kube_meta meta;
    json_t *data;
    struct record r = {0};
    bool changed;
    struct fail f = kube_read_configmap(object, &meta, &data);

    s->newest = number_of(meta.version);
    if (f.kind == FAIL_NONE && data && is_of_reference_controller(data)) {
        take_reference_record(s, data, meta.version);
        return;
    }
    if (f.kind == FAIL_NONE)
        f = data ? state_decode(data, &r) : fail_make(FAIL_PROTOCOL, "it has no data");
    if (f.kind == FAIL_NONE)
        f = check_age(s, meta.uid, &r);
    if (f.kind != FAIL_NONE) {
        log_event(LOG_ERROR, "state",
                  "the record makes no sense: mend it by hand, or delete it to "
                  "have the cluster discovered anew",
                  "configmap", s->name, "error", f.text, NULL);
        view_record_broken(controller_view(s->c), f.text);
        return;
    }
    json_decref(s->data);
    s->data = json_incref(data);
    (void)str_copy(s->version, sizeof s->version, meta.version);
    (void)str_copy(s->uid, sizeof s->uid, meta.uid);
    changed = r.epoch != v->record.epoch || r.target != v->record.target ||
              r.transition != v->record.transition;
    view_record(v, &r);
    for (int i = 0; changed && i < PODS_MAX; i++)
        if (s->c->links[i])
            link_hurry(s->c->links[i]); /* what the pods said before may not hold any more */
}

/* A request is under way: whether its answer is older than this cannot be told yet. */
static void note_passed(struct state *s, int64_t number)
{
    if (number > s->passed)
        s->passed = number;
}

/* An answer was taken: something newer was told before it came. */
static bool was_passed(struct state *s)
{
    bool passed = s->passed > s->newest;

    s->passed = 0;
    return passed;
}

static void on_list(void *arg, json_t *items)
{
    struct state *s = arg;
    json_t *object = json_array_get(items, 0);
    struct kube_meta meta = {0};

    if (object && kube_read_meta(object, &meta).kind != FAIL_NONE)
        return;
    if (s->request) {
        note_passed(s, object ? number_of(meta.version) : INT64_MAX);
        return;
    }
    if (object && strcmp(meta.version, s->version) == 0 && s->c->view.record_known)
        return;
    if (number_of(meta.version) < s->newest)
        state_read(s); /* from before our own write, or everything was restored from a backup */
    else if (object)
        take_object(s, object);
    else
        take_absence(s);
    controller_step(s->c);
}

static void on_event(void *arg, enum kube_event_type type, json_t *object)
{
    struct state *s = arg;
    struct kube_meta meta;
    int64_t number;

    if (type == KUBE_BOOKMARK || type == KUBE_ERROR ||
        kube_read_meta(object, &meta).kind != FAIL_NONE)
        return;
    number = number_of(meta.version);
    if (s->request) {
        note_passed(s, number);
        return;
    }
    if (number && number <= s->newest)
        return; /* the watch is behind what was read or written */
    if (type == KUBE_DELETED)
        take_absence(s);
    else
        take_object(s, object);
    controller_step(s->c);
}

static void on_state(void *arg, const struct fail *why)
{
    struct state *s = arg;

    controller_tell_watch("the record", &s->deaf, why);
}

static void on_read(void *arg, const struct kube_answer *answer)
{
    struct state *s = arg;

    s->request = NULL;
    if (answer->fail.kind != FAIL_GONE)
        controller_tell_request("reading the record", &s->unread, &answer->fail);
    if (answer->fail.kind == FAIL_NONE) {
        take_object(s, answer->body);
    } else if (answer->fail.kind == FAIL_GONE) {
        take_absence(s);
    } else {
        timer_start(s->retry, RETRY_US);
    }
    if (was_passed(s))
        state_read(s);
    controller_step(s->c);
}

static void on_retry(void *arg)
{
    state_read(arg);
}

void state_read(struct state *s)
{
    char path[800];

    controller_view(s->c)->record_known = false;
    if (s->writing)
        return; /* read after it */
    kube_request_cancel(s->request);
    (void)str_format(path, sizeof path, "%s/%s", s->path, s->name);
    s->passed = 0;
    s->request = kube_client_send(s->c->kube, "GET", path, NULL, NULL, on_read, s);
}

/* ---- what is written ---- */

static void on_written(void *arg, const struct kube_answer *answer)
{
    struct state *s = arg;
    struct kube_meta meta = {0};
    json_t *data;

    s->request = NULL;
    s->writing = false;
    controller_tell_request("writing the record", &s->unwritten, &answer->fail);
    if (answer->fail.kind == FAIL_NONE &&
        kube_read_configmap(answer->body, &meta, &data).kind == FAIL_NONE) {
        json_decref(s->data);
        s->data = json_incref(data);
        (void)str_copy(s->version, sizeof s->version, meta.version);
        (void)str_copy(s->uid, sizeof s->uid, meta.uid);
        s->newest = number_of(meta.version);
        view_record(controller_view(s->c), &s->written);
        if (was_passed(s))
            state_read(s);
    } else {
        view_write_failed(controller_view(s->c), answer->fail.kind);
        /* Whether it was written or not is not known after a time-out or a broken connection. */
        state_read(s);
    }
    controller_step(s->c);
}

void state_write(struct state *s, const struct record *r)
{
    bool create = s->version[0] == '\0';
    json_t *data = state_encode(r, s->c->config.statefulset, s->data);
    json_t *labels = json_pack("{s:s, s:s}", "app.kubernetes.io/managed-by", "memgraph-controller",
                               "app.kubernetes.io/name", s->c->config.app);
    json_t *object = kube_make_configmap(s->name, create ? NULL : s->version, data, labels);
    char path[800];

    assert(!s->writing);
    kube_request_cancel(s->request);
    s->writing = true;
    s->passed = 0;
    s->written = *r;
    view_write_started(controller_view(s->c));
    (void)str_format(path, sizeof path, create ? "%s" : "%s/%s", s->path, s->name);
    s->request = kube_client_send(s->c->kube, create ? "POST" : "PUT", path, NULL, object,
                                  on_written, s);
    json_decref(object);
    json_decref(labels);
    json_decref(data);
}

struct state *state_new(struct controller *c)
{
    static const struct kube_watch_events events = {on_list, on_event, on_state};
    struct state *s = xcalloc(1, sizeof *s);
    char selector[KUBE_NAME_SIZE + 40];

    s->c = c;
    s->retry = timer_new(c->loop, on_retry, s);
    config_record_name(&c->config, s->name, sizeof s->name);
    (void)str_format(s->path, sizeof s->path, "/api/v1/namespaces/%s/configmaps",
                     c->config.namespace_);
    (void)str_format(selector, sizeof selector, "fieldSelector=metadata.name%%3D%s", s->name);
    s->watch = kube_watch_start(c->kube, s->path, selector, &events, s);
    return s;
}

void state_free(struct state *s)
{
    if (!s)
        return;
    kube_watch_stop(s->watch);
    kube_request_cancel(s->request);
    timer_free(s->retry);
    json_decref(s->data);
    free(s);
}
