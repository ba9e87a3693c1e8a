#include "models/kube_rest.h"

#include <inttypes.h>

enum { SEGMENTS_MAX = 8, WATCH_DEFAULT_S = 1800, WATCH_MAX_S = 3600 };

struct target {
    struct kube_key key;
    char ns[KUBE_NAME_SIZE], name[KUBE_NAME_SIZE]; /* what key points to */
    bool status;                                   /* .../status */
};

static struct kube_rest_answer answer_of(struct kube_reply reply)
{
    return (struct kube_rest_answer){.reply = reply};
}

static struct kube_rest_answer no_such_path(void)
{
    return answer_of(kube_status_text(404, "404 page not found\n"));
}

static struct kube_rest_answer no_such_resource(void)
{
    return answer_of(
        kube_status_failure(404, "NotFound", "the server could not find the requested resource"));
}

static struct kube_rest_answer not_allowed(void)
{
    struct kube_reply reply = kube_status_failure(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource");

    json_object_set_new(reply.body, "details", json_object());
    return answer_of(reply);
}

static const char *param_text(const struct kube_rest_request *r, const char *name)
{
    const char *text = r->param(r->arg, name);

    return text ? text : "";
}

static bool param_true(const struct kube_rest_request *r, const char *name)
{
    const char *text = param_text(r, name);

    return strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
}

static bool resource_find(struct str group, struct str plural, enum kube_resource *out)
{
    for (unsigned i = 0; i < KUBE_RESOURCE_COUNT; i++) {
        if (!str_eq(group, kube_resources[i].group) || !str_eq(plural, kube_resources[i].plural))
            continue;
        *out = (enum kube_resource)i;
        return true;
    }
    return false;
}

static bool group_known(struct str group)
{
    for (unsigned i = 0; i < KUBE_RESOURCE_COUNT; i++)
        if (str_eq(group, kube_resources[i].group))
            return true;
    return false;
}

/* [namespaces/NS/]PLURAL[/NAME[/status]], behind the group's part of the path. */
static bool target_parse(struct target *t, struct str group, const struct str *segment, size_t n)
{
    if (n >= 3 && str_eq(segment[0], "namespaces")) {
        if (!str_copy_n(t->ns, sizeof t->ns, segment[1]))
            return false;
        t->key.ns = t->ns;
        segment += 2;
        n -= 2;
    }
    if (n < 1 || n > 3 || !resource_find(group, segment[0], &t->key.resource))
        return false;
    if (n >= 2) {
        if (!t->key.ns || !segment[1].n || !str_copy_n(t->name, sizeof t->name, segment[1]))
            return false;
        t->key.name = t->name;
    }
    t->status = n == 3 && str_eq(segment[2], "status") &&
                (t->key.resource == KUBE_PODS || t->key.resource == KUBE_STATEFULSETS);
    return n < 3 || t->status;
}

/* NULL with *why set when there is no JSON object in it. */
static json_t *body_parse(const struct kube_rest_request *r, const char *type, const char *kind,
                          struct kube_reply *why)
{
    struct str content_type = str_of(r->content_type);
    json_error_t error;
    json_t *body;

    if (!str_eq(str_trim(str_cut(&content_type, ';')), type)) {
        *why = kube_status_failure(415, "UnsupportedMediaType",
                                   "the body of the request was in an unknown format - accepted "
                                   "media types include: %s",
                                   type);
        return NULL;
    }
    body = json_loadb(r->body.p ? r->body.p : "", r->body.n, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(body))
        return body;
    json_decref(body);
    *why = kube_status_failure(400, "BadRequest",
                               "the object provided is unrecognized (must be of type %s): "
                               "couldn't get version/kind; json parse error: %s",
                               kind, body ? "not an object" : error.text);
    return NULL;
}

/* The number in resourceVersion; empty is 0. */
static bool version_parse(const char *text, uint64_t *out)
{
    int64_t version = 0;

    if (*text && (!str_to_int64(str_of(text), &version) || version < 0))
        return false;
    *out = (uint64_t)version;
    return true;
}

static struct kube_rest_answer watch_serve(struct kube_store *store, const struct target *t,
                                           const struct kube_rest_request *r,
                                           struct kube_selector *selector)
{
    const char *version_text = param_text(r, "resourceVersion");
    struct kube_rest_answer answer = {.timeout_s = WATCH_DEFAULT_S,
                                      .bookmarks = param_true(r, "allowWatchBookmarks")};
    int64_t timeout_s;
    uint64_t version;

    if (!version_parse(version_text, &version)) {
        kube_selector_done(selector);
        return answer_of(kube_status_failure(500, NULL,
                                             "resourceVersion: Invalid value: \"%s\": "
                                             "strconv.ParseUint: parsing \"%s\": invalid syntax",
                                             version_text, version_text));
    }
    if (str_to_int64(str_of(param_text(r, "timeoutSeconds")), &timeout_s) && timeout_s > 0)
        answer.timeout_s = timeout_s < WATCH_MAX_S ? timeout_s : WATCH_MAX_S;
    answer.watch = kube_watcher_new(store, &t->key, selector, version);
    return answer;
}

static struct kube_rest_answer list_serve(const struct kube_store *store, const struct target *t,
                                          const struct kube_rest_request *r,
                                          const struct kube_selector *selector)
{
    const struct kube_resource_info *info = &kube_resources[t->key.resource];
    json_t *all, *items, *object;
    uint64_t version = 0, now = kube_store_version(store);
    size_t i;

    if (version_parse(param_text(r, "resourceVersion"), &version) && version > now)
        return answer_of(kube_status_failure(
            504, "Timeout", "Timeout: Too large resource version: %" PRIu64 ", current: %" PRIu64,
            version, now));
    all = kube_store_items(store, &t->key);
    items = json_array();
    json_array_foreach (all, i, object)
        if (kube_selector_matches(selector, object))
            json_array_append(items, object);
    json_decref(all);
    return answer_of((struct kube_reply){
        200, json_pack("{s:o, s:s, s:{s:o}, s:o}", "kind", json_sprintf("%sList", info->kind),
                       "apiVersion", info->api_version, "metadata", "resourceVersion",
                       json_sprintf("%" PRIu64, now), "items", items)});
}

static struct kube_rest_answer collection_serve(struct kube_store *store, const struct target *t,
                                                const struct kube_rest_request *r)
{
    const struct kube_resource_info *info = &kube_resources[t->key.resource];
    struct kube_selector selector;
    struct kube_rest_answer answer;
    json_t *body;

    if (strcmp(r->method, "POST") == 0 && t->key.ns) {
        body = body_parse(r, "application/json", info->kind, &answer.reply);
        if (!body)
            return answer_of(answer.reply);
        answer = answer_of(kube_store_create(store, &t->key, body));
        json_decref(body);
        return answer;
    }
    if (strcmp(r->method, "GET") != 0)
        return not_allowed();
    if (!kube_selector_parse(&selector, r->param(r->arg, "labelSelector"),
                             r->param(r->arg, "fieldSelector")))
        return answer_of(kube_status_failure(400, "BadRequest", "unable to parse requirement"));
    if (param_true(r, "watch"))
        return watch_serve(store, t, r, &selector);
    answer = list_serve(store, t, r, &selector);
    kube_selector_done(&selector);
    return answer;
}

static struct kube_rest_answer get_serve(const struct kube_store *store, const struct target *t)
{
    const struct kube_resource_info *info = &kube_resources[t->key.resource];
    struct kube_subject about = {info->plural, info->group, t->name};
    json_t *object = kube_store_find(store, &t->key);

    if (!object)
        return answer_of(kube_status_not_found(&about));
    return answer_of((struct kube_reply){200, json_incref(object)});
}

/* Options come as a DeleteOptions body or as parameters. */
static struct kube_rest_answer delete_serve(struct kube_store *store, const struct target *t,
                                            const struct kube_rest_request *r)
{
    struct kube_delete how = {.grace_s = -1};
    struct kube_rest_answer answer;
    json_t *body = NULL, *grace, *preconditions;

    if (r->body.n) {
        body = body_parse(r, "application/json", "DeleteOptions", &answer.reply);
        if (!body)
            return answer_of(answer.reply);
        grace = json_object_get(body, "gracePeriodSeconds");
        preconditions = json_object_get(body, "preconditions");
        if (json_is_integer(grace))
            how.grace_s = json_integer_value(grace);
        how.uid = json_string_value(json_object_get(preconditions, "uid"));
        how.version = json_string_value(json_object_get(preconditions, "resourceVersion"));
    }
    if (*param_text(r, "gracePeriodSeconds") &&
        !str_to_int64(str_of(param_text(r, "gracePeriodSeconds")), &how.grace_s))
        answer =
            answer_of(kube_status_failure(400, "BadRequest", "gracePeriodSeconds is not a number"));
    else
        answer = answer_of(kube_store_delete(store, &t->key, &how));
    json_decref(body);
    return answer;
}

static struct kube_rest_answer item_serve(struct kube_store *store, const struct target *t,
                                          const struct kube_rest_request *r)
{
    const struct kube_resource_info *info = &kube_resources[t->key.resource];
    bool has_status = t->key.resource == KUBE_PODS || t->key.resource == KUBE_STATEFULSETS;
    enum kube_part part = t->status    ? KUBE_PART_STATUS
                          : has_status ? KUBE_PART_MAIN
                                       : KUBE_PART_WHOLE;
    bool put = strcmp(r->method, "PUT") == 0;
    struct kube_rest_answer answer;
    json_t *body;

    if (strcmp(r->method, "GET") == 0)
        return get_serve(store, t);
    if (strcmp(r->method, "DELETE") == 0 && !t->status)
        return delete_serve(store, t, r);
    if (!put && strcmp(r->method, "PATCH") != 0)
        return not_allowed();
    body = body_parse(r, put ? "application/json" : "application/merge-patch+json", info->kind,
                      &answer.reply);
    if (!body)
        return answer_of(answer.reply);
    answer = answer_of(put ? kube_store_update(store, &t->key, part, body)
                           : kube_store_patch(store, &t->key, part, body));
    json_decref(body);
    return answer;
}

static struct kube_rest_answer version_serve(void)
{
    return answer_of((struct kube_reply){
        200, json_pack("{s:s, s:s, s:s, s:s}", "major", "1", "minor", "20", "gitVersion",
                       "v1.20.2-simulated", "platform", "linux/amd64")});
}

struct kube_rest_answer kube_rest_serve(struct kube_store *store, const struct kube_rest_request *r)
{
    struct str rest = str_of(r->path), segment[SEGMENTS_MAX], group = str_of("");
    struct target t = {0};
    size_t n = 0, used;

    if (strcmp(r->path, "/version") == 0)
        return version_serve();
    if (strcmp(r->path, "/readyz") == 0 || strcmp(r->path, "/livez") == 0 ||
        strcmp(r->path, "/healthz") == 0)
        return answer_of(kube_status_text(200, "ok"));
    (void)str_cut(&rest, '/');
    while (rest.n && n < SEGMENTS_MAX)
        segment[n++] = str_cut(&rest, '/');
    if (rest.n || n < 2)
        return no_such_path();
    if (str_eq(segment[0], "api") && str_eq(segment[1], "v1")) {
        used = 2;
    } else if (n >= 3 && str_eq(segment[0], "apis") && group_known(segment[1]) &&
               str_eq(segment[2], "v1")) {
        group = segment[1];
        used = 3;
    } else {
        return no_such_path();
    }
    if (!target_parse(&t, group, segment + used, n - used))
        return no_such_resource();
    return t.key.name ? item_serve(store, &t, r) : collection_serve(store, &t, r);
}

struct kube_reply kube_rest_unauthorized(void)
{
    return kube_status_failure(401, "Unauthorized", "Unauthorized");
}

struct kube_reply kube_rest_forbidden(const char *path)
{
    return kube_status_failure(403, "Forbidden",
                               "forbidden: User \"system:anonymous\" cannot get path \"%s\"", path);
}

struct kube_reply kube_rest_too_large(size_t limit)
{
    return kube_status_failure(413, "RequestEntityTooLarge",
                               "Request entity too large: limit is %zu", limit);
}
