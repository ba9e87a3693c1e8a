/* The simulated Kubernetes API server without its sockets, against the answers of a real one. */
#include "base/alloc.h"
#include "models/kube_rest.h"

#include "../cmocka_test.h"

#define CONFIGMAPS "/api/v1/namespaces/default/configmaps"
#define PODS       "/api/v1/namespaces/default/pods"
#define LEASES     "/apis/coordination.k8s.io/v1/namespaces/default/leases"

struct fixture {
    struct kube_store *store;
    int64_t now_us;
    unsigned changes;
    char query[256]; /* of the request that is being made */
};

static int64_t wall_us(void *arg)
{
    return ((struct fixture *)arg)->now_us;
}

static void on_change(void *arg)
{
    ((struct fixture *)arg)->changes++;
}

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.now_us = 1795221600000000};
    f.store = kube_store_new(&(struct kube_store_config){
        .wall_us = wall_us, .on_change = on_change, .arg = &f, .seed = 1, .history_max = 8});
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    kube_store_free(((struct fixture *)*state)->store);
    return 0;
}

/* A parameter of a query without escapes. */
static const char *param(void *arg, const char *name)
{
    static char values[4][128]; /* the answers of the last calls are still in use */
    static unsigned turn;
    char *value = values[turn++ % ARRAY_LEN(values)];
    struct str rest = str_of(arg);

    while (rest.n) {
        struct str pair = str_cut(&rest, '&'), key = str_cut(&pair, '=');

        if (str_eq(key, name) && str_copy_n(value, sizeof values[0], pair))
            return value;
    }
    return NULL;
}

static struct kube_rest_answer ask_as(struct fixture *f, const char *method, const char *target,
                                      const char *content_type, const char *body)
{
    struct str rest = str_of(target), path = str_cut(&rest, '?');
    char text[256];
    struct kube_rest_request r = {.method = method,
                                  .path = text,
                                  .content_type = content_type,
                                  .body = str_of(body),
                                  .param = param,
                                  .arg = f->query};

    assert_true(str_copy_n(text, sizeof text, path));
    assert_true(str_copy_n(f->query, sizeof f->query, rest));
    return kube_rest_serve(f->store, &r);
}

static struct kube_rest_answer ask(struct fixture *f, const char *method, const char *target,
                                   const char *body)
{
    const char *type = strcmp(method, "PATCH") == 0 ? "application/merge-patch+json"
                                                    : "application/json";

    return ask_as(f, method, target, type, body);
}

/* At a path such as "metadata.name" or "items.0.kind"; as text, whatever it is. */
static const char *at(json_t *json, const char *path, char out[256])
{
    struct str rest = str_of(path);

    while (rest.n && json) {
        char key[64];
        struct str part = str_cut(&rest, '.');
        int64_t index;

        assert_true(str_copy_n(key, sizeof key, part));
        json = str_to_int64(part, &index) ? json_array_get(json, (size_t)index)
                                          : json_object_get(json, key);
    }
    if (json_is_string(json))
        (void)str_copy(out, 256, json_string_value(json));
    else if (json_is_integer(json))
        (void)str_format(out, 256, "%lld", (long long)json_integer_value(json));
    else
        (void)str_copy(out, 256, json ? "?" : "");
    return out;
}

/* Makes the request; the status must be this; one member of the body must be that. */
static void expect(struct fixture *f, const char *method, const char *target, const char *body,
                   unsigned status, const char *path, const char *value)
{
    struct kube_rest_answer answer = ask(f, method, target, body);
    char out[256];

    assert_null(answer.watch);
    assert_int_equal(answer.reply.status, status);
    assert_string_equal(at(answer.reply.body, path, out), value);
    json_decref(answer.reply.body);
}

static void configmap_make(struct fixture *f)
{
    expect(f, "POST", CONFIGMAPS, "{\"metadata\":{\"name\":\"state\"},\"data\":{\"epoch\":\"1\"}}",
           201, "metadata.resourceVersion", "101");
}

static void test_configmap_versions(void **state)
{
    struct fixture *f = *state;

    configmap_make(f);
    expect(f, "POST", CONFIGMAPS, "{\"metadata\":{\"name\":\"state\"}}", 409, "reason",
           "AlreadyExists");
    expect(f, "GET", CONFIGMAPS "/state", NULL, 200, "data.epoch", "1");
    expect(f, "PUT", CONFIGMAPS "/state",
           "{\"metadata\":{\"name\":\"state\",\"resourceVersion\":\"101\"},"
           "\"data\":{\"epoch\":\"2\"}}",
           200, "metadata.resourceVersion", "102");
    expect(f, "PUT", CONFIGMAPS "/state",
           "{\"metadata\":{\"name\":\"state\",\"resourceVersion\":\"101\"},"
           "\"data\":{\"epoch\":\"3\"}}",
           409, "message",
           "Operation cannot be fulfilled on configmaps \"state\": the object has been modified; "
           "please apply your changes to the latest version and try again");
    expect(f, "PUT", CONFIGMAPS "/state",
           "{\"metadata\":{\"name\":\"state\"},\"data\":{\"epoch\":\"4\"}}", 200,
           "metadata.resourceVersion", "103");
    assert_int_equal(f->changes, 3);
    /* The same again takes no version. */
    expect(f, "PUT", CONFIGMAPS "/state",
           "{\"metadata\":{\"name\":\"state\"},\"data\":{\"epoch\":\"4\"}}", 200,
           "metadata.resourceVersion", "103");
    assert_int_equal(f->changes, 3);
    expect(f, "PUT", CONFIGMAPS "/state", "{\"metadata\":{\"name\":\"other\"}}", 400, "reason",
           "BadRequest");
    expect(f, "PUT", CONFIGMAPS "/absent", "{\"metadata\":{\"name\":\"absent\"}}", 404, "message",
           "configmaps \"absent\" not found");
    expect(f, "PUT", CONFIGMAPS "/state",
           "{\"metadata\":{\"name\":\"state\"},\"data\":{\"epoch\":4}}", 400, "reason",
           "BadRequest");
    expect(f, "DELETE", CONFIGMAPS "/state", NULL, 200, "status", "Success");
    expect(f, "GET", CONFIGMAPS "/state", NULL, 404, "reason", "NotFound");
}

static void test_lease_rules(void **state)
{
    static const char spec[] = "\"spec\":{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":15,"
                               "\"renewTime\":\"2026-11-21T00:41:17.677120Z\"}}";
    struct fixture *f = *state;
    char body[400];

    (void)str_format(body, sizeof body,
                     "{\"metadata\":{\"name\":\"leader\",\"resourceVersion\":"
                     "\"1\"},%s",
                     spec);
    expect(f, "PUT", LEASES "/leader", body, 201, "spec.holderIdentity", "a");
    expect(f, "PUT", LEASES "/leader", body, 409, "reason", "Conflict");
    (void)str_format(body, sizeof body, "{\"metadata\":{\"name\":\"leader\"},%s", spec);
    expect(f, "PUT", LEASES "/leader", body, 422, "details.causes.0.field",
           "metadata.resourceVersion");
    expect(f, "POST", LEASES, body, 409, "message",
           "leases.coordination.k8s.io \"leader\" already exists");
    (void)str_format(body, sizeof body,
                     "{\"metadata\":{\"name\":\"leader\",\"resourceVersion\":"
                     "\"101\",\"uid\":\"1\"},%s",
                     spec);
    expect(f, "PUT", LEASES "/leader", body, 409, "reason", "Conflict");
    expect(f, "PATCH", LEASES "/leader", "{\"spec\":{\"leaseDurationSeconds\":0}}", 422,
           "details.causes.0.field", "spec.leaseDurationSeconds");
    expect(f, "PATCH", LEASES "/leader", "{\"spec\":{\"renewTime\":\"yesterday\"}}", 422, "reason",
           "Invalid");
    expect(f, "PATCH", LEASES "/leader", "{\"spec\":{\"holderIdentity\":null}}", 200,
           "spec.holderIdentity", "");
}

static void test_merge_patch(void **state)
{
    struct fixture *f = *state;

    configmap_make(f);
    expect(f, "PATCH", CONFIGMAPS "/state", "{\"data\":{\"epoch\":null,\"a\":\"b\"}}", 200,
           "data.a", "b");
    expect(f, "GET", CONFIGMAPS "/state", NULL, 200, "data.epoch", "");
    expect(f, "PATCH", CONFIGMAPS "/state",
           "{\"metadata\":{\"resourceVersion\":\"101\"},\"data\":{\"a\":\"c\"}}", 409, "reason",
           "Conflict");
    /* What the server keeps is not the client's to change. */
    expect(f, "PATCH", CONFIGMAPS "/state", "{\"metadata\":{\"creationTimestamp\":\"x\"}}", 200,
           "metadata.creationTimestamp", "2026-11-21T00:40:00Z");
}

static void pod_make(struct fixture *f, const char *name, const char *label)
{
    char body[400];

    (void)str_format(body, sizeof body,
                     "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"%s\"}},"
                     "\"spec\":{\"nodeName\":\"n\",\"terminationGracePeriodSeconds\":7}}",
                     name, label);
    expect(f, "POST", PODS, body, 201, "metadata.name", name);
}

static json_t *line_expect(struct kube_watcher *w, const char *type, const char *name)
{
    json_t *line = kube_watcher_next(w);
    char out[256];

    assert_non_null(line);
    assert_string_equal(at(line, "type", out), type);
    assert_string_equal(at(line, "object.metadata.name", out), name);
    return line;
}

static void line_check(struct kube_watcher *w, const char *type, const char *name)
{
    json_decref(line_expect(w, type, name));
}

static void test_pod_delete_with_grace(void **state)
{
    struct fixture *f = *state;
    struct kube_rest_answer answer;
    json_t *line;
    char out[256];

    pod_make(f, "db-0", "db");
    answer = ask(f, "GET", PODS "?watch=1&resourceVersion=101", NULL);
    expect(f, "DELETE", PODS "/db-0",
           "{\"preconditions\":{\"uid\":\"11111111-2222-3333-4444-555555555555\"}}", 409, "reason",
           "Conflict");
    expect(f, "DELETE", PODS "/db-0", NULL, 200, "metadata.deletionTimestamp",
           "2026-11-21T00:40:07Z");
    /* A second delete does not prolong it, and may shorten it. */
    expect(f, "DELETE", PODS "/db-0?gracePeriodSeconds=30", NULL, 200,
           "metadata.deletionGracePeriodSeconds", "7");
    expect(f, "DELETE", PODS "/db-0?gracePeriodSeconds=3", NULL, 200,
           "metadata.deletionGracePeriodSeconds", "3");
    expect(f, "DELETE", PODS "/db-0?gracePeriodSeconds=0", NULL, 200,
           "metadata.deletionGracePeriodSeconds", "0");
    expect(f, "GET", PODS "/db-0", NULL, 404, "reason", "NotFound");
    line_check(answer.watch, "MODIFIED", "db-0");
    line_check(answer.watch, "MODIFIED", "db-0");
    line = line_expect(answer.watch, "MODIFIED", "db-0");
    assert_string_equal(at(line, "object.metadata.deletionGracePeriodSeconds", out), "0");
    json_decref(line);
    line_check(answer.watch, "DELETED", "db-0");
    assert_null(kube_watcher_next(answer.watch));
    kube_watcher_free(answer.watch);
}

static void test_unscheduled_pod_goes_at_once(void **state)
{
    struct fixture *f = *state;

    expect(f, "POST", PODS, "{\"metadata\":{\"name\":\"p\"},\"spec\":{}}", 201, "kind", "Pod");
    expect(f, "DELETE", PODS "/p?gracePeriodSeconds=30", NULL, 200, "metadata.name", "p");
    expect(f, "GET", PODS "/p", NULL, 404, "reason", "NotFound");
}

static void test_status_and_spec_are_kept_apart(void **state)
{
    struct fixture *f = *state;

    pod_make(f, "db-0", "db");
    expect(f, "PATCH", PODS "/db-0/status",
           "{\"status\":{\"phase\":\"Running\"},\"metadata\":{\"labels\":{\"app\":\"x\"}}}", 200,
           "status.phase", "Running");
    expect(f, "PATCH", PODS "/db-0",
           "{\"status\":{\"phase\":\"Failed\"},\"metadata\":{\"labels\":{\"a\":\"b\"}}}", 200,
           "metadata.labels.a", "b");
    expect(f, "GET", PODS "/db-0", NULL, 200, "status.phase", "Running");
    expect(f, "GET", PODS "/db-0", NULL, 200, "metadata.labels.app", "db");
}

static void test_list_and_selectors(void **state)
{
    static const struct {
        const char *query, *names[3];
    } cases[] = {
        {"", {"a-0", "a-1", "b-0"}},
        {"labelSelector=app=a", {"a-0", "a-1", NULL}},
        {"labelSelector=app==b", {"b-0", NULL, NULL}},
        {"labelSelector=app!=a", {"b-0", NULL, NULL}},
        {"labelSelector=app in (b, c)", {"b-0", NULL, NULL}},
        {"labelSelector=app notin (b),app", {"a-0", "a-1", NULL}},
        {"labelSelector=!app", {NULL, NULL, NULL}},
        {"labelSelector=app=a&fieldSelector=metadata.name=a-1", {"a-1", NULL, NULL}},
        {"fieldSelector=metadata.name!=a-1", {"a-0", "b-0", NULL}},
    };
    struct fixture *f = *state;
    char target[200], path[64], out[256];

    pod_make(f, "b-0", "b");
    pod_make(f, "a-1", "a");
    pod_make(f, "a-0", "a");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kube_rest_answer answer;

        (void)str_format(target, sizeof target, PODS "?%s", cases[i].query);
        answer = ask(f, "GET", target, NULL);
        assert_int_equal(answer.reply.status, 200);
        assert_string_equal(at(answer.reply.body, "kind", out), "PodList");
        assert_string_equal(at(answer.reply.body, "metadata.resourceVersion", out), "103");
        for (int n = 0; n < 3; n++) {
            (void)str_format(path, sizeof path, "items.%d.metadata.name", n);
            assert_string_equal(at(answer.reply.body, path, out),
                                cases[i].names[n] ? cases[i].names[n] : "");
        }
        json_decref(answer.reply.body);
    }
    expect(f, "GET", PODS "?labelSelector==x", NULL, 400, "reason", "BadRequest");
    expect(f, "GET", PODS "?fieldSelector=spec.nodeName=n", NULL, 400, "reason", "BadRequest");
    expect(f, "GET", PODS "?resourceVersion=999999999", NULL, 504, "reason", "Timeout");
    expect(f, "GET", "/api/v1/pods", NULL, 200, "items.2.metadata.name", "b-0");
    expect(f, "GET", "/api/v1/namespaces/other/pods", NULL, 200, "items.0.kind", "");
}

static void test_watch_with_labels(void **state)
{
    struct fixture *f = *state;
    struct kube_rest_answer answer;
    json_t *bookmark;
    char out[256];

    pod_make(f, "db-0", "db");
    pod_make(f, "other", "x");
    answer = ask(f, "GET",
                 PODS "?watch=true&labelSelector=app=db&allowWatchBookmarks=1&timeoutSeconds=9",
                 NULL);
    assert_true(answer.bookmarks);
    assert_int_equal(answer.timeout_s, 9);
    line_check(answer.watch, "ADDED", "db-0");
    assert_null(kube_watcher_next(answer.watch));
    bookmark = kube_watcher_bookmark(answer.watch); /* "other" moved the version on */
    assert_string_equal(at(bookmark, "object.metadata.resourceVersion", out), "102");
    json_decref(bookmark);
    assert_null(kube_watcher_bookmark(answer.watch));
    expect(f, "POST", CONFIGMAPS, "{\"metadata\":{\"name\":\"a\"}}", 201, "kind", "ConfigMap");
    assert_null(kube_watcher_next(answer.watch));
    assert_null(kube_watcher_bookmark(answer.watch));
    expect(f, "PATCH", PODS "/db-0", "{\"metadata\":{\"labels\":{\"app\":\"y\"}}}", 200, "kind",
           "Pod");
    expect(f, "PATCH", PODS "/other", "{\"metadata\":{\"labels\":{\"app\":\"db\"}}}", 200, "kind",
           "Pod");
    expect(f, "PATCH", PODS "/other", "{\"metadata\":{\"labels\":{\"b\":\"c\"}}}", 200, "kind",
           "Pod");
    line_check(answer.watch, "DELETED", "db-0");
    line_check(answer.watch, "ADDED", "other");
    line_check(answer.watch, "MODIFIED", "other");
    assert_null(kube_watcher_next(answer.watch));
    kube_watcher_free(answer.watch);
}

static void test_watch_sees_its_own_only(void **state)
{
    static const char other[] = "/api/v1/namespaces/default2/configmaps";
    struct fixture *f = *state;
    struct kube_rest_answer answer;

    configmap_make(f);
    pod_make(f, "db-0", "db");
    answer = ask(f, "GET", CONFIGMAPS "?watch=1&timeoutSeconds=99999", NULL);
    assert_int_equal(answer.timeout_s, 3600);
    line_check(answer.watch, "ADDED", "state");
    assert_null(kube_watcher_next(answer.watch));
    assert_null(kube_watcher_bookmark(answer.watch)); /* nothing happened since */
    pod_make(f, "db-1", "db");
    expect(f, "POST", other, "{\"metadata\":{\"name\":\"far\"}}", 201, "kind", "ConfigMap");
    assert_null(kube_watcher_next(answer.watch));
    expect(f, "POST", CONFIGMAPS, "{\"metadata\":{\"name\":\"near\"}}", 201, "kind", "ConfigMap");
    line_check(answer.watch, "ADDED", "near");
    assert_null(kube_watcher_next(answer.watch));
    kube_watcher_free(answer.watch);
    expect(f, "GET", CONFIGMAPS, NULL, 200, "items.2.kind", "");
    expect(f, "GET", other, NULL, 200, "items.0.metadata.name", "far");
}

static void expired_check(struct kube_watcher *w)
{
    json_t *line = kube_watcher_next(w);
    char out[256];

    assert_string_equal(at(line, "type", out), "ERROR");
    assert_string_equal(at(line, "object.code", out), "410");
    assert_string_equal(at(line, "object.reason", out), "Expired");
    json_decref(line);
    assert_true(kube_watcher_ended(w));
    assert_null(kube_watcher_next(w));
    kube_watcher_free(w);
}

static void test_history_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct kube_rest_answer slow, good;
    char name[16];

    pod_make(f, "db-0", "db");
    slow = ask(f, "GET", PODS "?watch=1&resourceVersion=101", NULL);
    for (int i = 0; i < 9; i++) {
        (void)str_format(name, sizeof name, "p-%d", i);
        pod_make(f, name, "p");
    }
    expired_check(slow.watch); /* slower than eight changes */
    good = ask(f, "GET", PODS "?watch=1&resourceVersion=102", NULL);
    line_check(good.watch, "ADDED", "p-1");
    kube_store_compact(f->store);
    expired_check(good.watch);
    expired_check(ask(f, "GET", PODS "?watch=1&resourceVersion=5", NULL).watch);
    good = ask(f, "GET", PODS "?watch=1&resourceVersion=110", NULL);
    assert_null(kube_watcher_next(good.watch));
    kube_watcher_free(good.watch);
    good = ask(f, "GET", PODS "?watch=1&resourceVersion=999999", NULL); /* silent */
    assert_null(kube_watcher_next(good.watch));
    kube_watcher_free(good.watch);
    expect(f, "GET", PODS "?watch=1&resourceVersion=abc", NULL, 500, "code", "500");
}

static void test_events(void **state)
{
    static const char path[] = "/api/v1/namespaces/default/events";
    struct fixture *f = *state;
    char body[200], out[256];
    struct kube_rest_answer list;

    expect(f, "POST", path, "{\"metadata\":{\"name\":\"e\"},\"involvedObject\":{}}", 422,
           "details.causes.0.field", "involvedObject.namespace");
    for (int i = 0; i < 1003; i++) {
        (void)str_format(body, sizeof body,
                         "{\"metadata\":{\"name\":\"e%04d\"},"
                         "\"involvedObject\":{\"namespace\":\"default\"}}",
                         i);
        expect(f, "POST", path, body, 201, "kind", "Event");
    }
    list = ask(f, "GET", path, NULL);
    assert_int_equal(json_array_size(json_object_get(list.reply.body, "items")), 1000);
    assert_string_equal(at(list.reply.body, "items.0.metadata.name", out), "e0003");
    json_decref(list.reply.body);
    expect(
        f, "POST", path,
        "{\"metadata\":{\"generateName\":\"x-\"},\"involvedObject\":{\"namespace\":\"default\"}}",
        201, "metadata.namespace", "default");
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *method, *target, *type, *body;
        unsigned status;
    } cases[] = {
        {"POST", CONFIGMAPS, "application/json", "{\"kind\": \"ConfigMap\", oops", 400},
        {"POST", CONFIGMAPS, "application/json", "[]", 400},
        {"POST", CONFIGMAPS, "application/json", "", 400},
        {"POST", CONFIGMAPS, "application/json", "{\"kind\":\"Pod\",\"metadata\":{}}", 400},
        {"POST", CONFIGMAPS, "application/json", "{\"metadata\":{}}", 422},
        {"POST", CONFIGMAPS, "application/json", "{\"metadata\":{\"name\":\"Big_Name\"}}", 422},
        {"POST", CONFIGMAPS, "application/json", "{\"metadata\":{\"name\":\"a..b\"}}", 422},
        {"POST", CONFIGMAPS, "application/json",
         "{\"metadata\":{\"name\":\"a\",\"namespace\":\"other\"}}", 400},
        {"POST", CONFIGMAPS, "application/json",
         "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"}}", 500},
        {"POST", CONFIGMAPS, "text/plain", "{\"metadata\":{\"name\":\"a\"}}", 415},
        {"POST", CONFIGMAPS, NULL, "{\"metadata\":{\"name\":\"a\"}}", 415},
        {"PATCH", CONFIGMAPS "/state", "application/json", "{}", 415},
        {"PATCH", CONFIGMAPS "/absent", "application/merge-patch+json", "{}", 404},
        {"DELETE", CONFIGMAPS "/absent", NULL, NULL, 404},
        {"DELETE", PODS "/x?gracePeriodSeconds=soon", NULL, NULL, 400},
        {"PUT", PODS, "application/json", "{}", 405},
        {"POST", CONFIGMAPS "/state", "application/json", "{}", 405},
        {"DELETE", CONFIGMAPS, NULL, NULL, 405},
        {"DELETE", PODS "/x/status", NULL, NULL, 405},
        {"GET", CONFIGMAPS "/state/status", NULL, NULL, 404},
        {"GET", CONFIGMAPS "/state/status/more", NULL, NULL, 404},
        {"GET", "/api/v1/namespaces/default/secrets", NULL, NULL, 404},
        {"GET", "/apis/nope.example.com/v1/things", NULL, NULL, 404},
        {"GET", "/nonsense", NULL, NULL, 404},
        {"GET", "/", NULL, NULL, 404},
        {"GET", "/a/b/c/d/e/f/g/h/i/j", NULL, NULL, 404},
    };
    struct fixture *f = *state;

    configmap_make(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kube_rest_answer answer = ask_as(f, cases[i].method, cases[i].target, cases[i].type,
                                                cases[i].body);

        assert_int_equal(answer.reply.status, cases[i].status);
        json_decref(answer.reply.body);
    }
    assert_int_equal(f->changes, 1);
}

static void test_sizes(void **state)
{
    struct fixture *f = *state;
    struct kube_key key = {.resource = KUBE_CONFIGMAPS, .ns = "default"};
    char *large = xcalloc(1, 1024 * 1024 + 1), name[255] = {0};
    json_t *object;
    struct kube_reply reply;

    memset(large, 'x', 1024 * 1024);
    memset(name, 'n', sizeof name - 1);
    for (int excess = 1; excess >= 0; excess--) {
        object = json_pack("{s:{s:s}, s:{s:s}}", "metadata", "name", "large", "data",
                           excess ? "k" : "", large + !excess);
        reply = kube_store_create(f->store, &key, object);
        assert_int_equal(reply.status, excess ? 422 : 201);
        json_decref(reply.body);
        json_decref(object);
        object = json_pack("{s:{s:s}}", "metadata", "name", name + !excess);
        reply = kube_store_create(f->store, &key, object);
        assert_int_equal(reply.status, excess ? 422 : 201);
        json_decref(reply.body);
        json_decref(object);
    }
    free(large);
}

static void test_health_and_version(void **state)
{
    struct fixture *f = *state;

    expect(f, "GET", "/readyz", NULL, 200, "", "ok");
    expect(f, "GET", "/livez", NULL, 200, "", "ok");
    expect(f, "GET", "/version", NULL, 200, "major", "1");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_configmap_versions),
        T(test_lease_rules),
        T(test_merge_patch),
        T(test_pod_delete_with_grace),
        T(test_unscheduled_pod_goes_at_once),
        T(test_status_and_spec_are_kept_apart),
        T(test_list_and_selectors),
        T(test_watch_with_labels),
        T(test_watch_sees_its_own_only),
        T(test_history_is_bounded),
        T(test_events),
        T(test_what_is_refused),
        T(test_sizes),
        T(test_health_and_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
