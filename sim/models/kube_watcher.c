#include "models/kube_watcher.h"

#include "base/alloc.h"

#include <inttypes.h>

struct kube_watcher {
    struct kube_store *store;
    enum kube_resource resource;
    char ns[KUBE_NAME_SIZE]; /* empty: all */
    struct kube_selector selector;
    json_t *initial; /* array of what was there at the start, not given yet */
    size_t initial_next;
    uint64_t version; /* history was looked at up to here */
    uint64_t told;    /* the client knows of this version */
    bool ended;
};

struct kube_watcher *kube_watcher_new(struct kube_store *store, const struct kube_key *key,
                                      struct kube_selector *selector, uint64_t version)
{
    struct kube_watcher *w = xcalloc(1, sizeof *w);

    w->store = store;
    w->resource = key->resource;
    (void)str_copy(w->ns, sizeof w->ns, key->ns ? key->ns : "");
    w->selector = *selector;
    w->version = w->told = version;
    if (version == 0) {
        w->initial = kube_store_items(store, key);
        w->version = kube_store_version(store);
    }
    return w;
}

void kube_watcher_free(struct kube_watcher *w)
{
    if (!w)
        return;
    json_decref(w->initial);
    kube_selector_done(&w->selector);
    free(w);
}

bool kube_watcher_ended(const struct kube_watcher *w)
{
    return w->ended;
}

static json_t *line_make(const char *type, json_t *object)
{
    return json_pack("{s:s, s:O}", "type", type, "object", object);
}

static uint64_t version_of(const json_t *object)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(object, "metadata"), "resourceVersion"));
    int64_t version;

    return text && str_to_int64(str_of(text), &version) ? (uint64_t)version : 0;
}

static json_t *initial_next(struct kube_watcher *w)
{
    while (w->initial_next < json_array_size(w->initial)) {
        json_t *object = json_array_get(w->initial, w->initial_next++);

        if (!kube_selector_matches(&w->selector, object))
            continue;
        if (version_of(object) > w->told)
            w->told = version_of(object);
        return line_make("ADDED", object);
    }
    json_decref(w->initial);
    w->initial = NULL;
    return NULL;
}

/* What the change means to one who sees only what the selector lets through. */
static const char *type_for(const struct kube_watcher *w, const struct kube_change *c)
{
    bool was = c->before && kube_selector_matches(&w->selector, c->before);
    bool is = c->type != KUBE_DELETED && kube_selector_matches(&w->selector, c->object);
    const char *ns;

    if (c->resource != w->resource)
        return NULL;
    ns = json_string_value(json_object_get(json_object_get(c->object, "metadata"), "namespace"));
    if (*w->ns && strcmp(ns, w->ns) != 0)
        return NULL;
    if (was && is)
        return "MODIFIED";
    if (was)
        return "DELETED";
    return is ? "ADDED" : NULL;
}

json_t *kube_watcher_next(struct kube_watcher *w)
{
    const struct kube_change *c;
    bool expired = false;
    json_t *line;

    if (w->ended)
        return NULL;
    if (w->initial && (line = initial_next(w)))
        return line;
    while ((c = kube_store_after(w->store, w->version, &expired))) {
        const char *type = type_for(w, c);

        w->version = c->version;
        if (!type)
            continue;
        w->told = c->version;
        return line_make(type, c->object);
    }
    if (!expired)
        return NULL;
    w->ended = true;
    return json_pack("{s:s, s:o}", "type", "ERROR", "object", kube_status_expired());
}

json_t *kube_watcher_bookmark(struct kube_watcher *w)
{
    const struct kube_resource_info *info = &kube_resources[w->resource];
    uint64_t last = kube_store_last(w->store, w->resource);
    char text[KUBE_VERSION_SIZE];

    if (w->ended || last <= w->told)
        return NULL;
    w->told = last;
    (void)str_format(text, sizeof text, "%" PRIu64, last);
    return json_pack("{s:s, s:{s:s, s:s, s:{s:s, s:n}}}", "type", "BOOKMARK", "object", "kind",
                     info->kind, "apiVersion", info->api_version, "metadata", "resourceVersion",
                     text, "creationTimestamp");
}
