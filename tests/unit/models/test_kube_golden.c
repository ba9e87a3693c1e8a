/* Requests that a real kube-apiserver was asked (tests/data/kubernetes) are asked again here: the
 * simulated one must answer with the same status and the same Status body. */
#include "models/kube_rest.h"

#include "../cmocka_test.h"
#include "base/alloc.h"

struct request {
    char method[16], path[256], query[512], type[64];
    struct str body;
    char *file;
};

static int64_t wall_us(void *arg)
{
    (void)arg;
    return 1795221600000000;
}

static char *file_read(const char *name, const char *suffix)
{
    char path[512];
    char *text = xcalloc(1, 64 * 1024);
    FILE *f;

    (void)str_format(path, sizeof path, "%s/kubernetes/%s.%s", getenv("TEST_DATA"), name, suffix);
    f = fopen(path, "r");
    if (!f)
        fail_msg("no %s", path);
    assert_true(fread(text, 1, 64 * 1024 - 1, f) > 0);
    (void)fclose(f);
    return text;
}

/* Lines of the head, up to the empty one; *rest is the body then. */
static bool line_next(struct str *rest, struct str *line)
{
    *line = str_trim(str_cut(rest, '\n'));
    return line->n > 0;
}

static void request_read(struct request *r, const char *name)
{
    struct str rest, line, word;

    *r = (struct request){.file = file_read(name, "req")};
    rest = str_of(r->file);
    assert_true(line_next(&rest, &line));
    assert_true(str_copy_n(r->method, sizeof r->method, str_cut(&line, ' ')));
    word = str_cut(&line, ' ');
    assert_true(str_copy_n(r->path, sizeof r->path, str_cut(&word, '?')));
    assert_true(str_copy_n(r->query, sizeof r->query, word));
    while (line_next(&rest, &line)) {
        word = str_cut(&line, ':');
        if (str_eq(word, "Content-Type"))
            assert_true(str_copy_n(r->type, sizeof r->type, str_trim(line)));
    }
    r->body = str_trim(rest);
}

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

static void object_make(struct kube_store *s, enum kube_resource resource, const char *name,
                        const char *spec)
{
    struct kube_key key = {.resource = resource, .ns = "demo"};
    json_t *object = json_pack("{s:{s:s}, s:o}", "metadata", "name", name, "spec",
                               json_loads(spec, 0, NULL));
    struct kube_reply reply = kube_store_create(s, &key, object);

    assert_int_equal(reply.status, 201);
    json_decref(reply.body);
    json_decref(object);
}

static struct kube_store *store_make(void)
{
    struct kube_store *s = kube_store_new(&(struct kube_store_config){.wall_us = wall_us});

    object_make(s, KUBE_PODS, "db-0", "{\"nodeName\":\"n\"}");
    object_make(s, KUBE_PODS, "db-1", "{\"nodeName\":\"n\"}");
    object_make(s, KUBE_PODS, "db-2", "{\"nodeName\":\"n\"}");
    object_make(s, KUBE_LEASES, "leader", "{\"holderIdentity\":\"a\"}");
    object_make(s, KUBE_CONFIGMAPS, "state", "{}");
    return s;
}

static unsigned status_of(const char *response)
{
    struct str rest = str_of(response);
    int64_t status;

    (void)str_cut(&rest, ' ');
    assert_true(str_to_int64(str_cut(&rest, ' '), &status));
    return (unsigned)status;
}

static json_t *body_of(const char *response)
{
    struct str rest = str_of(response), line;
    json_t *body;

    while (line_next(&rest, &line))
        continue;
    body = json_loadb(rest.p, rest.n, JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(body);
    return body;
}

static struct kube_rest_answer ask(struct kube_store *s, const char *name)
{
    struct request r;
    struct kube_rest_answer answer;

    request_read(&r, name);
    answer = kube_rest_serve(s, &(struct kube_rest_request){.method = r.method,
                                                            .path = r.path,
                                                            .content_type = r.type,
                                                            .body = r.body,
                                                            .param = param,
                                                            .arg = r.query});
    free(r.file);
    return answer;
}

static void same_answer(const char *name, bool exact)
{
    struct kube_store *s = store_make();
    char *response = file_read(name, "resp");
    struct kube_rest_answer answer = ask(s, name);
    json_t *wanted = body_of(response), *got = answer.reply.body;

    assert_null(answer.watch);
    if (answer.reply.status != status_of(response) ||
        !(exact ? json_equal(got, wanted)
                : json_equal(json_object_get(got, "reason"), json_object_get(wanted, "reason")))) {
        char *text = json_dumps(got, JSON_INDENT(2));

        fail_msg("%s: got %u %s", name, answer.reply.status, text);
    }
    json_decref(wanted);
    json_decref(got);
    free(response);
    kube_store_free(s);
}

static void test_refusals_word_for_word(void **state)
{
    static const char *const names[] = {
        "01-405-method-not-allowed",
        "03-409-pod-label-merge-patch-with-stale-rv",
        "04-404-delete-missing-pod",
        "05-500-watch-invalid-resourceversion",
        "06-409-lease-create-already-exists",
        "06-409-lease-update-stale-resourceversion",
        "06-422-lease-bad-duration",
        "06-422-lease-update-without-resourceversion",
        "07-400-configmap-update-name-mismatch",
        "07-404-configmap-update-missing",
        "07-409-configmap-create-already-exists",
        "07-409-configmap-update-conflict",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        same_answer(names[i], true);
}

/* Their messages hold uids, versions or a parser's own words. */
static void test_refusals_by_reason(void **state)
{
    static const char *const names[] = {
        "01-400-bad-json",
        "01-415-unsupported-media-type",
        "04-409-delete-precondition-uid-mismatch",
        "05-504-list-too-large-resourceversion",
        "06-409-lease-update-wrong-uid",
        "06-422-lease-bad-time-format",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        same_answer(names[i], false);
}

static void test_gone_things(void **state)
{
    static const struct {
        const char *name;
        enum kube_resource resource;
        const char *object;
    } cases[] = {
        {"06-404-lease-get-missing", KUBE_LEASES, "leader"},
        {"07-404-configmap-delete-again", KUBE_CONFIGMAPS, "state"},
        {"07-404-configmap-get-missing", KUBE_CONFIGMAPS, "state"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kube_store *s = store_make();
        struct kube_key key = {cases[i].resource, "demo", cases[i].object};
        const struct kube_delete how = {.grace_s = -1};
        char *response = file_read(cases[i].name, "resp");
        struct kube_rest_answer answer;
        json_t *wanted = body_of(response);

        json_decref(kube_store_delete(s, &key, &how).body);
        answer = ask(s, cases[i].name);
        assert_int_equal(answer.reply.status, 404);
        assert_true(json_equal(answer.reply.body, wanted));
        json_decref(wanted);
        json_decref(answer.reply.body);
        free(response);
        kube_store_free(s);
    }
}

static void test_expired_watch(void **state)
{
    static const char name[] = "09-200-watch-events-error-410";
    struct kube_store *s = store_make();
    struct kube_rest_answer answer = ask(s, name);
    char *response = file_read(name, "resp");
    json_t *wanted = body_of(response), *got;

    (void)state;
    assert_non_null(answer.watch);
    assert_int_equal(answer.timeout_s, 3);
    got = kube_watcher_next(answer.watch);
    assert_true(json_equal(got, wanted));
    json_decref(got);
    json_decref(wanted);
    free(response);
    kube_watcher_free(answer.watch);
    kube_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_word_for_word),
        cmocka_unit_test(test_refusals_by_reason),
        cmocka_unit_test(test_gone_things),
        cmocka_unit_test(test_expired_watch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
