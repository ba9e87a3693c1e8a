#include "proto/kube.h"

#include "../kube_capture.h"

#include <dirent.h>

/* ---- every capture ---- */

static enum fail_kind kind_expected(long status)
{
    switch (status) {
    case 200:
    case 201:
        return FAIL_NONE;
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
        return FAIL_REFUSED;
    case 401:
    case 403:
        return FAIL_DENIED;
    case 404:
    case 410:
        return FAIL_GONE;
    case 409:
        return FAIL_CONFLICT;
    case 429:
    case 500:
    case 504:
        return FAIL_BUSY;
    default:
        fail_msg("no expectation for %ld", status);
        return FAIL_NONE;
    }
}

static void check_judged(const char *name, const struct capture *c, json_t *body)
{
    struct fail fail = kube_judge(c->status, body);
    const char *message = json_string_value(json_object_get(body, "message"));
    const char *said;

    if (fail.kind != kind_expected(c->status))
        fail_msg("%s is judged %s", name, fail_kind_name(fail.kind));
    if (fail.kind == FAIL_NONE)
        return;
    assert_true(str_starts(str_of(fail.text), "HTTP "));
    if (!message)
        return;
    said = strstr(fail.text, ": ");
    assert_non_null(said);
    assert_int_equal(strncmp(said + 2, message, strlen(said + 2)), 0);
    if (strlen(said + 2) < strlen(message)) /* the beginning, if it is too long */
        assert_int_equal(strlen(fail.text), sizeof(fail.text) - 1);
}

/* Reads what the object says it is, and returns how many objects were read. */
static unsigned check_object(json_t *object, const char *kind)
{
    union {
        struct kube_pod pod;
        struct kube_lease lease;
        struct kube_meta meta;
    } out;
    json_t *data;

    if (str_eq(str_of(kind), "Pod")) {
        assert_int_equal(kube_read_pod(object, &out.pod).kind, FAIL_NONE);
        assert_true(out.pod.meta.name[0] != 0);
        assert_int_equal(strlen(out.pod.meta.uid), 36);
        assert_true(out.pod.meta.version[0] != 0);
        assert_true(!out.pod.ready || out.pod.running);
        return 1;
    }
    if (str_eq(str_of(kind), "Lease")) {
        assert_int_equal(kube_read_lease(object, &out.lease).kind, FAIL_NONE);
        assert_true(out.lease.meta.name[0] != 0 && out.lease.duration_s > 0);
        return 1;
    }
    if (str_eq(str_of(kind), "ConfigMap")) {
        assert_int_equal(kube_read_configmap(object, &out.meta, &data).kind, FAIL_NONE);
        assert_true(json_object_size(data) > 0);
        return 1;
    }
    return 0;
}

static unsigned check_list(json_t *list, const char *kind)
{
    char version[KUBE_VERSION_SIZE], item_kind[64];
    json_t *items, *item;
    size_t i;
    unsigned count = 0;

    str_copy_n(item_kind, sizeof(item_kind), (struct str){kind, strlen(kind) - strlen("List")});
    assert_int_equal(kube_read_list(list, version, &items).kind, FAIL_NONE);
    assert_true(version[0] != 0);
    json_array_foreach (items, i, item)
        count += check_object(item, item_kind);
    return count;
}

static bool is_watch(const struct capture *c)
{
    return c->status == 200 && (str_starts(c->body, "{\"type\":") || c->body.n == 0);
}

/* One letter an event, in order. */
static const char *watch_letters(struct str rest, char *out, size_t size)
{
    out[0] = 0;
    while (rest.n > 0) {
        struct str text = str_cut(&rest, '\n');
        json_t *line, *object;
        enum kube_event_type type;
        struct fail fail = kube_watch_line(text, &line, &type, &object);

        assert_int_equal(fail.kind, type == KUBE_ERROR ? FAIL_GONE : FAIL_NONE);
        if (type == KUBE_ADDED || type == KUBE_MODIFIED || type == KUBE_DELETED)
            assert_int_equal(check_object(object, "Pod"), 1);
        assert_true(str_append(out, size, "%c", "AMDBE"[type]));
        json_decref(line);
    }
    return out;
}

/* Every file: the status in its name is the status in it, and is judged as the contract says. */
static void test_all_captures(void **state)
{
    char dir_path[512];
    const struct dirent *entry;
    DIR *dir;
    unsigned responses = 0, objects = 0, watches = 0;

    (void)state;
    str_format(dir_path, sizeof(dir_path), "%s/kubernetes", getenv("TEST_DATA"));
    dir = opendir(dir_path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        struct str rest = str_of(entry->d_name);
        struct capture c;
        json_t *body;
        int64_t status;
        const char *kind;

        if (!strstr(entry->d_name, ".resp"))
            continue;
        responses++;
        c = capture_load(entry->d_name);
        str_cut(&rest, '-');
        if (str_to_int64(str_cut(&rest, '-'), &status))
            assert_int_equal(c.status, status);
        if (is_watch(&c)) {
            char letters[256];

            watches++;
            watch_letters(c.body, letters, sizeof(letters));
            capture_done(&c);
            continue;
        }
        body = json_loadb(c.body.p, c.body.n, 0, NULL);
        check_judged(entry->d_name, &c, body);
        kind = json_string_value(json_object_get(body, "kind"));
        if (kind && strlen(kind) > 4 && str_eq(str_of(kind + strlen(kind) - 4), "List") &&
            json_object_get(body, "items"))
            objects += check_list(body, kind);
        else if (kind)
            objects += check_object(body, kind);
        json_decref(body);
        capture_done(&c);
    }
    closedir(dir);
    assert_int_equal(responses, 125);
    assert_int_equal(watches, 13);
    assert_int_equal(objects, 42);
}

/* ---- watches ---- */

static void test_watch_sequences(void **state)
{
    static const struct {
        const char *name, *letters;
    } expected[] = {
        {"05-200-watch-future-resourceversion-stays-silent", ""},
        {"05-200-watch-old-resourceversion-still-in-watch-cache", "AMMAMMAMMMMMMDAMDAMMMMM"},
        {"05-200-watch-rv-0-initial-added", "AAA"},
        {"05-200-watch-single-pod-field-selector", "A"},
        {"05-watch-bookmark-before-timeout-6s", "AAAMB"},
        {"05-watch-cut-by-apiserver-sigkill", "AAA"},
        {"05-watch-cut-by-apiserver-sigterm", "AAA"},
        {"05-watch-label-selector-leaves-and-enters", "DA"},
        {"05-watch-pods-stream", "AMMAMMAMMMMMMDAMDAMMMMMBB"},
        {"09-200-watch-events-error-410-with-bookmarks", "E"},
        {"09-200-watch-events-error-410", "E"},
        {"09-200-watch-pods-error-410-after-apiserver-restart", "E"},
        {"10-watch-real-kubelet-lifecycle", "MMMDAMMMMMMMMMMMMMMMBMDAMMMMMMMDAMMMMMMBMDAMMBM"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        char name[256], letters[256];
        struct capture c;

        str_format(name, sizeof(name), "%s.resp", expected[i].name);
        c = capture_load(name);
        assert_string_equal(watch_letters(c.body, letters, sizeof(letters)), expected[i].letters);
        capture_done(&c);
    }
}

static struct fail line_fail(const char *text)
{
    json_t *line = NULL, *object = NULL;
    enum kube_event_type type;
    struct fail fail = kube_watch_line(str_of(text), &line, &type, &object);

    if (fail.kind != FAIL_NONE) {
        assert_null(line);
        assert_null(object);
    }
    json_decref(line);
    return fail;
}

static void test_watch_errors(void **state)
{
    static const char *const wrong[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"type\":\"ADDED\"}",
        "{\"type\":\"ADDED\",\"object\":null}",
        "{\"type\":\"ADDED\",\"object\":[]}",
        "{\"type\":\"added\",\"object\":{}}",
        "{\"type\":3,\"object\":{}}",
        "{\"object\":{}}",
        "{\"type\":\"ADDED\",\"object\":{}",
        "{\"type\":\"ADDED\",\"object\":{}} x",
        "{\"type\":\"ERROR\",\"object\":{}}",
        "{\"type\":\"ERROR\",\"object\":{\"code\":200}}",
        "{\"type\":\"ERROR\",\"object\":{\"code\":\"410\"}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(line_fail(wrong[i]).kind, FAIL_PROTOCOL);
    assert_int_equal(line_fail("{\"type\":\"ADDED\",\"object\":{}}").kind, FAIL_NONE);
    assert_int_equal(line_fail("{\"type\":\"ERROR\",\"object\":{\"code\":410}}").kind, FAIL_GONE);
    assert_int_equal(
        line_fail("{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"m\"}}").kind,
        FAIL_BUSY);
}

static void test_bookmark_has_a_version_only(void **state)
{
    json_t *line, *object;
    enum kube_event_type type;
    struct kube_meta meta;
    struct kube_pod pod;
    struct fail fail = kube_watch_line(
        str_of("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
               "\"metadata\":"
               "{\"resourceVersion\":\"368\",\"creationTimestamp\":null},\"spec\":{\"containers\":"
               "null},\"status\":{}}}"),
        &line, &type, &object);

    (void)state;
    assert_int_equal(fail.kind, FAIL_NONE);
    assert_int_equal(type, KUBE_BOOKMARK);
    assert_int_equal(kube_read_meta(object, &meta).kind, FAIL_NONE);
    assert_string_equal(meta.version, "368");
    assert_string_equal(meta.name, "");
    assert_int_equal(kube_read_pod(object, &pod).kind, FAIL_PROTOCOL);
    json_decref(line);
}

/* ---- objects ---- */

static struct kube_pod pod_of(const char *name)
{
    json_t *json = capture_json(name);
    struct kube_pod pod;

    assert_int_equal(kube_read_pod(json, &pod).kind, FAIL_NONE);
    json_decref(json);
    return pod;
}

static enum fail_kind read_pod_text(const char *text, struct kube_pod *pod)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    struct fail fail;

    assert_non_null(json);
    fail = kube_read_pod(json, pod);
    json_decref(json);
    return fail.kind;
}

static void test_pod(void **state)
{
    struct kube_pod pod = pod_of("03-200-pod-get-db-0.resp");

    (void)state;
    assert_string_equal(pod.meta.name, "db-0");
    assert_string_equal(pod.ip, "127.0.0.11");
    assert_true(pod.ready && pod.running && !pod.terminating);
    assert_int_equal(pod.restarts, 0);

    pod = pod_of("04-200-pod-status-patch-not-ready-crashloop.resp");
    assert_true(!pod.ready && pod.running && !pod.terminating);
    assert_int_equal(pod.restarts, 3);

    pod = pod_of("04-200-get-recreated-pod.resp");
    assert_true(!pod.ready && !pod.running && !pod.terminating);
    assert_string_equal(pod.ip, "");
}

static void test_pod_containers(void **state)
{
    static const char head[] = "{\"metadata\":{\"name\":\"p\"},\"status\":{\"containerStatuses\":";
    static const struct {
        const char *list;
        bool told;
        const char *instances;
    } cases[] = {
        {"[{\"containerID\":\"x://1\",\"state\":{\"running\":{}}}]", true, "x://1"},
        {"[{\"containerID\":\"x://1\",\"state\":{\"waiting\":{}}}]", true, ""},
        {"[{\"containerID\":\"x://1\",\"state\":{\"terminated\":{}}},"
         "{\"containerID\":\"x://2\",\"state\":{\"running\":{}}},"
         "{\"containerID\":\"x://3\",\"state\":{\"running\":{}}}]",
         true, "x://2 x://3"},
        {"[{\"containerID\":\"\",\"state\":{\"running\":{}}}]", false, ""},
        {"[{\"containerID\":7,\"state\":{\"running\":{}}}]", false, ""},
        {"[]", false, ""},
        {"3", false, ""},
    };
    struct kube_pod pod = pod_of("03-200-pod-get-db-0.resp");

    (void)state;
    assert_true(pod.told);
    assert_string_equal(pod.instances, "fake://0");
    pod = pod_of("04-200-get-recreated-pod.resp");
    assert_false(pod.told);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];

        (void)str_format(text, sizeof text, "%s%s}}", head, cases[i].list);
        assert_int_equal(read_pod_text(text, &pod), FAIL_NONE);
        assert_int_equal(pod.told, cases[i].told);
        assert_string_equal(pod.instances, cases[i].instances);
    }
}

/* More than there is room for: it does not tell, instead of telling half. */
static void test_pod_of_many_containers(void **state)
{
    json_t *list = json_array(), *json;
    struct kube_pod pod;
    char id[100];

    (void)state;
    for (int i = 0; i < 6; i++) {
        (void)str_format(id, sizeof id, "containerd://%064d", i);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:{s:{}}}", "containerID", id, "state", "running"));
    }
    json = json_pack("{s:{s:s}, s:{s:O}}", "metadata", "name", "p", "status", "containerStatuses",
                     list);
    assert_int_equal(kube_read_pod(json, &pod).kind, FAIL_NONE);
    assert_false(pod.told);
    (void)json_array_remove(list, 5);
    assert_int_equal(kube_read_pod(json, &pod).kind, FAIL_NONE);
    assert_true(pod.told);
    json_decref(json);
    json_decref(list);
}

static void test_pod_terminating(void **state)
{
    (void)state;
    assert_true(pod_of("04-200-get-terminating-pod.resp").terminating);
    assert_true(pod_of("04-200-get-terminating-pod.resp").ready);
    assert_true(pod_of("04-200-delete-pod-graceful.resp").terminating);
    assert_true(pod_of("04-200-delete-pod-finalize-grace-0.resp").terminating);
    assert_true(pod_of("04-200-evicted-pod-is-terminating.resp").terminating);
    assert_true(pod_of("04-200-delete-unscheduled-pod-goes-at-once.resp").terminating);
    assert_false(pod_of("04-200-get-recreated-pod.resp").terminating);
    assert_false(pod_of("04-200-pod-status-patch-not-ready-crashloop.resp").terminating);
}

/* The restarts are those of the spec's first container, wherever its status stands. */
static void test_pod_restarts(void **state)
{
    struct kube_pod pod;

    (void)state;
    assert_int_equal(
        read_pod_text("{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"z\"},"
                      "{\"name\":\"a\"}]},\"status\":{\"containerStatuses\":[{\"name\":\"a\","
                      "\"restartCount\":1},{\"name\":\"z\",\"restartCount\":9}]}}",
                      &pod),
        FAIL_NONE);
    assert_int_equal(pod.restarts, 9);
    assert_int_equal(read_pod_text("{\"metadata\":{\"name\":\"p\"},\"status\":{"
                                   "\"containerStatuses\":[{\"restartCount\":99999999999}]}}",
                                   &pod),
                     FAIL_NONE);
    assert_int_equal(pod.restarts, 0);
}

static void test_missing_members(void **state)
{
    static const char *const bare[] = {
        "{\"metadata\":{\"name\":\"p\"}}",
        "{\"metadata\":{\"name\":\"p\",\"deletionTimestamp\":null},\"spec\":null,\"status\":null}",
        "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":{}},\"status\":{\"conditions\":{},"
        "\"containerStatuses\":3,\"podIP\":null,\"phase\":7}}",
        "{\"metadata\":{\"name\":\"p\"},\"status\":{\"conditions\":[7,{},{\"type\":\"Ready\"}],"
        "\"containerStatuses\":[[]]}}",
    };
    static const char *const wrong[] = {
        "{}",
        "[]",
        "7",
        "null",
        "{\"metadata\":[]}",
        "{\"metadata\":{}}",
        "{\"metadata\":{\"name\":\"\"}}",
        "{\"metadata\":{\"name\":7}}",
        "{\"metadata\":{\"name\":\"p\",\"uid\":{}}}",
        "{\"metadata\":{\"name\":\"p\",\"resourceVersion\":7}}",
        ("{\"metadata\":{\"name\":\"p\",\"uid\":"
         "\"0123456789012345678901234567890123456789012345678901234567890123\"}}"),
        "{\"metadata\":{\"name\":\"p\"},\"status\":{\"podIP\":7}}",
    };
    struct kube_pod pod;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
        assert_int_equal(read_pod_text(bare[i], &pod), FAIL_NONE);
        assert_string_equal(pod.meta.name, "p");
        assert_true(!pod.ready && !pod.running && !pod.terminating && pod.restarts == 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(read_pod_text(wrong[i], &pod), FAIL_PROTOCOL);
}

static void test_list(void **state)
{
    json_t *list = capture_json("03-200-pod-list-three-running.resp"), *items;
    json_t *pods = capture_json("02-200-pods-empty-list.resp");
    char version[KUBE_VERSION_SIZE];

    (void)state;
    assert_int_equal(kube_read_list(list, version, &items).kind, FAIL_NONE);
    assert_int_equal(json_array_size(items), 3);
    assert_int_equal(kube_read_list(pods, version, &items).kind, FAIL_NONE);
    assert_int_equal(json_array_size(items), 0);
    json_object_del(pods, "items");
    assert_int_equal(kube_read_list(pods, version, &items).kind, FAIL_PROTOCOL);
    assert_null(items);
    json_object_del(json_object_get(list, "metadata"), "resourceVersion");
    assert_int_equal(kube_read_list(list, version, &items).kind, FAIL_PROTOCOL);
    assert_int_equal(kube_read_list(NULL, version, &items).kind, FAIL_PROTOCOL);
    json_decref(list);
    json_decref(pods);
}

static void test_configmap(void **state)
{
    json_t *object = capture_json("07-201-configmap-create.resp"), *data;
    struct kube_meta meta;

    (void)state;
    assert_int_equal(kube_read_configmap(object, &meta, &data).kind, FAIL_NONE);
    assert_string_equal(meta.name, "state");
    assert_string_equal(json_string_value(json_object_get(data, "members")), "a,b,c");
    json_object_set_new(data, "n", json_integer(1));
    assert_int_equal(kube_read_configmap(object, &meta, &data).kind, FAIL_PROTOCOL);
    assert_null(data);
    json_object_set_new(object, "data", json_array());
    assert_int_equal(kube_read_configmap(object, &meta, &data).kind, FAIL_PROTOCOL);
    json_object_set_new(object, "data", json_null());
    assert_int_equal(kube_read_configmap(object, &meta, &data).kind, FAIL_NONE);
    assert_null(data);
    json_object_del(object, "data");
    assert_int_equal(kube_read_configmap(object, &meta, &data).kind, FAIL_NONE);
    assert_null(data);
    json_decref(object);
}

static void test_lease(void **state)
{
    json_t *object = capture_json("06-200-lease-update-renew.resp");
    struct kube_lease lease;

    (void)state;
    assert_int_equal(kube_read_lease(object, &lease).kind, FAIL_NONE);
    assert_string_equal(lease.meta.name, "leader");
    assert_string_equal(lease.holder, "a");
    assert_int_equal(lease.duration_s, 15);
    assert_string_equal(lease.acquire_time, "2026-11-21T00:41:17.677120Z");
    assert_string_equal(lease.renew_time, "2026-11-21T00:41:18.161994Z");
    assert_int_equal(lease.transitions, 0);
    json_object_set_new(json_object_get(object, "spec"), "renewTime", json_integer(3));
    assert_int_equal(kube_read_lease(object, &lease).kind, FAIL_PROTOCOL);
    json_object_set_new(object, "spec", json_object());
    assert_int_equal(kube_read_lease(object, &lease).kind, FAIL_NONE);
    assert_string_equal(lease.holder, "");
    json_decref(object);

    object = capture_json("06-200-lease-merge-patch-release.resp");
    assert_int_equal(kube_read_lease(object, &lease).kind, FAIL_NONE);
    assert_string_equal(lease.holder, "");
    json_decref(object);
}

/* ---- making: what the real server was sent, and took ---- */

static void assert_json_equal(json_t *made, const char *request)
{
    size_t n;
    char *bytes = capture_read(request, &n);
    struct str body = capture_body(bytes, n);
    json_t *sent = json_loadb(body.p, body.n, 0, NULL);

    assert_non_null(sent);
    assert_true(json_equal(made, sent));
    json_decref(sent);
    json_decref(made);
    free(bytes);
}

static void test_make_lease(void **state)
{
    struct kube_lease lease = {.meta = {.name = "leader", .version = "352"},
                               .holder = "a",
                               .duration_s = 15,
                               .acquire_time = "2026-11-21T00:41:17.677120Z",
                               .renew_time = "2026-11-21T00:41:18.161994Z"};
    json_t *released;

    (void)state;
    assert_json_equal(kube_make_lease(&lease, true), "06-200-lease-update-renew.req");
    str_copy(lease.renew_time, sizeof(lease.renew_time), lease.acquire_time);
    assert_json_equal(kube_make_lease(&lease, false), "06-201-lease-create.req");

    released = kube_make_lease(&(struct kube_lease){.meta.name = "leader", .duration_s = 1}, false);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(released, "spec"), "holderIdentity")),
        "");
    assert_null(json_object_get(json_object_get(released, "spec"), "renewTime"));
    json_decref(released);
}

static void test_make_configmap(void **state)
{
    json_t *data = json_pack("{s:s}", "epoch", "2"), *labels = json_pack("{s:s}", "app", "x"),
           *object;

    (void)state;
    assert_json_equal(kube_make_configmap("state", "357", data, NULL),
                      "07-200-configmap-update.req");
    object = kube_make_configmap("state", NULL, data, labels);
    assert_null(json_object_get(json_object_get(object, "metadata"), "resourceVersion"));
    assert_true(json_equal(json_object_get(json_object_get(object, "metadata"), "labels"), labels));
    json_decref(object);
    json_decref(data);
    json_decref(labels);
}

static void test_make_event(void **state)
{
    struct kube_event event = {.namespace_ = "demo",
                               .name = "db.1",
                               .type = "Warning",
                               .reason = "FailoverRefused",
                               .message = "why",
                               .kind = "StatefulSet",
                               .api_version = "apps/v1",
                               .object_name = "db",
                               .object_uid = "u",
                               .component = "memgraph-controller",
                               .instance = "c-0",
                               .time = "2026-11-21T00:41:18.000001Z"};
    json_t *made = kube_make_event(&event);
    json_t *expected = json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:s, s:{s:s}, s:s, s:s, "
        "s:s, s:s, s:i}",
        "apiVersion", "v1", "kind", "Event", "metadata", "name", "db.1", "namespace", "demo",
        "involvedObject", "apiVersion", "apps/v1", "kind", "StatefulSet", "namespace", "demo",
        "name", "db", "uid", "u", "type", "Warning", "reason", "FailoverRefused", "message", "why",
        "source", "component", "memgraph-controller", "reportingComponent", "memgraph-controller",
        "reportingInstance", "c-0", "firstTimestamp", event.time, "lastTimestamp", event.time,
        "count", 1);

    (void)state;
    assert_true(json_equal(made, expected));
    json_decref(made);
    json_decref(expected);
}

static void test_format_time(void **state)
{
    char out[40];

    (void)state;
    kube_format_time(INT64_C(1795221678338851), out, sizeof(out));
    assert_string_equal(out, "2026-11-21T00:41:18.338851Z");
    kube_format_time(0, out, sizeof(out));
    assert_string_equal(out, "1970-01-01T00:00:00.000000Z");
}

static void test_judge_edges(void **state)
{
    json_t *odd = json_pack("{s:i, s:[]}", "reason", 7, "message");

    (void)state;
    assert_int_equal(kube_judge(302, NULL).kind, FAIL_PROTOCOL);
    assert_int_equal(kube_judge(0, NULL).kind, FAIL_PROTOCOL);
    assert_int_equal(kube_judge(700, NULL).kind, FAIL_PROTOCOL);
    assert_int_equal(kube_judge(299, NULL).kind, FAIL_NONE);
    assert_string_equal(kube_judge(503, NULL).text, "HTTP 503");
    assert_string_equal(kube_judge(409, odd).text, "HTTP 409");
    json_decref(odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_captures),
        cmocka_unit_test(test_watch_sequences),
        cmocka_unit_test(test_watch_errors),
        cmocka_unit_test(test_bookmark_has_a_version_only),
        cmocka_unit_test(test_pod),
        cmocka_unit_test(test_pod_containers),
        cmocka_unit_test(test_pod_of_many_containers),
        cmocka_unit_test(test_pod_terminating),
        cmocka_unit_test(test_pod_restarts),
        cmocka_unit_test(test_missing_members),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_configmap),
        cmocka_unit_test(test_lease),
        cmocka_unit_test(test_make_lease),
        cmocka_unit_test(test_make_configmap),
        cmocka_unit_test(test_make_event),
        cmocka_unit_test(test_format_time),
        cmocka_unit_test(test_judge_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
