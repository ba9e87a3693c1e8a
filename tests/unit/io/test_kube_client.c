#include "io/kube_client.h"

#include "../kube_capture.h"
#include "api_script.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct loop *loop;
static struct api_script api;
static struct kube_client *client;
static struct kube_config config;
static char token_path[64];

/* What the last finished request said. */
static struct {
    bool done;
    unsigned count;
    struct fail fail;
    long status;
    json_t *body;
} last;

static void on_done(void *arg, const struct kube_answer *answer)
{
    assert_ptr_equal(arg, &last);
    json_decref(last.body);
    last.done = true;
    last.count++;
    last.fail = answer->fail;
    last.status = answer->status;
    last.body = json_incref(answer->body);
}

static void client_renew(void)
{
    kube_client_free(client);
    client = kube_client_new(loop, &config);
}

static int setup(void **state)
{
    (void)state;
    memset(&last, 0, sizeof(last));
    loop = loop_new();
    api_script_start(&api, loop);
    config = (struct kube_config){.timeout_us = 3000000, .watch_timeout_us = 3000000};
    str_format(config.api_url, sizeof(config.api_url), "http://127.0.0.1:%u/", api.port);
    str_copy(config.user_agent, sizeof(config.user_agent), "unit-test");
    client_renew();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kube_client_free(client);
    client = NULL;
    api_script_stop(&api);
    json_decref(last.body);
    if (token_path[0])
        unlink(token_path);
    token_path[0] = 0;
    loop_free(loop);
    return 0;
}

/* One request, to its end. */
static void ask(const char *method, const char *path, json_t *body)
{
    last.done = false;
    kube_client_send(client, method, path, NULL, body, on_done, &last);
    assert_false(last.done); /* never inside the call */
    run_until(loop, &last.done);
}

static void script_one(struct str answer, enum api_then then, const char *expect)
{
    static struct api_step step;

    step = (struct api_step){.expect = expect, .answer = answer, .then = then};
    api_script_set(&api, &step, 1);
}

static void free_str(struct str s)
{
    free((void *)s.p);
}

/* ---- requests ---- */

static void test_get(void **state)
{
    struct str answer = api_answer(200, "{\"kind\":\"Pod\"}");

    (void)state;
    script_one(answer, API_KEEP, "GET /api/v1/pods/a?x=1 HTTP/1.1\r\n");
    ask("GET", "/api/v1/pods/a?x=1", NULL);
    assert_int_equal(last.fail.kind, FAIL_NONE);
    assert_int_equal(last.status, 200);
    assert_string_equal(json_string_value(json_object_get(last.body, "kind")), "Pod");
    assert_non_null(strstr(api.requests.p, "\r\nUser-Agent: unit-test\r\n"));
    assert_non_null(strstr(api.requests.p, "\r\nAccept: application/json\r\n"));
    assert_null(strstr(api.requests.p, "Authorization"));
    free_str(answer);
}

static void test_put_conflict(void **state)
{
    struct capture c = capture_load("07-409-configmap-update-conflict.resp");
    struct str answer = api_answer_bytes(c.status, c.body);
    json_t *body = json_pack("{s:s}", "a", "b");

    (void)state;
    script_one(answer, API_KEEP, "PUT /api/v1/namespaces/demo/configmaps/state HTTP/1.1\r\n");
    ask("PUT", "/api/v1/namespaces/demo/configmaps/state", body);
    assert_int_equal(last.fail.kind, FAIL_CONFLICT);
    assert_non_null(strstr(last.fail.text, "the object has been modified"));
    assert_string_equal(json_string_value(json_object_get(last.body, "reason")), "Conflict");
    assert_non_null(strstr(api.requests.p, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(api.requests.p, "\r\n\r\n{\"a\":\"b\"}\n---\n"));
    assert_null(strstr(api.requests.p, "Expect"));
    json_decref(body);
    free_str(answer);
    capture_done(&c);
}

/* A merge patch, a large body at once, and nobody who listens to the answer. */
static void test_patch_and_forget(void **state)
{
    struct str answer = api_answer(200, "{}");
    char *large = xcalloc(2000001, 1);
    json_t *body;
    const struct api_step steps[] = {{.expect = "PATCH /x", .answer = answer},
                                     {.expect = "DELETE /x HTTP/1.1", .answer = answer}};

    (void)state;
    memset(large, 'x', 2000000);
    body = json_pack("{s:s}", "a", large);
    api_script_set(&api, steps, 2);
    kube_client_send(client, "PATCH", "/x", "application/merge-patch+json", body, NULL, NULL);
    json_decref(body);
    while (api.step < 1)
        run_for(loop, 200);
    run_for(loop, 1000);
    ask("DELETE", "/x", NULL);
    assert_int_equal(last.count, 1);
    assert_non_null(strstr(api.requests.p, "Content-Type: application/merge-patch+json\r\n"));
    assert_null(strstr(api.requests.p, "Expect"));
    assert_int_equal(api.accepted, 1);
    free(large);
    free_str(answer);
}

/* Every recorded answer, through the client: judged as from its bytes, on one warm connection. */
static void test_all_captures(void **state)
{
    char path[512];
    const struct dirent *entry;
    DIR *dir;
    unsigned count = 0;

    (void)state;
    str_format(path, sizeof(path), "%s/kubernetes", getenv("TEST_DATA"));
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        struct capture c;
        struct str answer;
        json_t *body;

        if (!strstr(entry->d_name, ".resp") || strstr(entry->d_name, "watch") ||
            str_starts(str_of(entry->d_name), "00-"))
            continue;
        c = capture_load(entry->d_name);
        body = json_loadb(c.body.p, c.body.n, 0, NULL);
        answer = api_answer_bytes(c.status, c.body);
        script_one(answer, API_KEEP, NULL);
        ask("GET", "/x", NULL);
        assert_int_equal(last.status, c.status);
        assert_int_equal(last.fail.kind, kube_judge(c.status, body).kind);
        assert_string_equal(last.fail.text, kube_judge(c.status, body).text);
        assert_true(json_equal(last.body, body) || (!body && !last.body));
        json_decref(body);
        free_str(answer);
        capture_done(&c);
        count++;
    }
    closedir(dir);
    assert_true(count > 90);
    assert_int_equal(api.accepted, 1);
}

/* ---- what goes wrong ---- */

static void test_timeout(void **state)
{
    int64_t started_us = loop_now_us(loop);

    (void)state;
    config.timeout_us = 20000;
    client_renew();
    script_one((struct str){0}, API_KEEP, NULL);
    ask("GET", "/x", NULL);
    assert_int_equal(last.fail.kind, FAIL_TIMEOUT);
    assert_int_equal(last.status, 0);
    assert_true(loop_now_us(loop) - started_us >= 20000);
}

static void test_unreachable(void **state)
{
    static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"a\":";

    (void)state;
    script_one(str_of(half), API_CLOSE, NULL);
    ask("GET", "/x", NULL);
    assert_int_equal(last.fail.kind, FAIL_UNREACHABLE);
    script_one((struct str){0}, API_RESET, NULL);
    ask("GET", "/x", NULL);
    assert_int_equal(last.fail.kind, FAIL_UNREACHABLE);
    assert_int_equal(api.step, 1); /* a new connection: asked once */

    str_copy(config.api_url, sizeof(config.api_url), "http://127.0.0.1:1");
    client_renew();
    ask("GET", "/x", NULL);
    assert_int_equal(last.fail.kind, FAIL_UNREACHABLE);
    assert_non_null(strstr(last.fail.text, "127.0.0.1"));
}

static void check_protocol(struct str answer)
{
    script_one(answer, API_CLOSE, NULL);
    ask("GET", "/x", NULL);
    assert_int_equal(last.fail.kind, FAIL_PROTOCOL);
    assert_null(last.body);
}

static void test_protocol(void **state)
{
    struct str html = api_answer(200, "<html>"), large, redirect = api_answer(302, "");
    char *body = xcalloc(9 * 1024 * 1024 + 1, 1);

    (void)state;
    memset(body, ' ', 9 * 1024 * 1024);
    large = api_answer(200, body);
    check_protocol(html);
    check_protocol(large);
    assert_non_null(strstr(last.fail.text, "over 8388608 bytes"));
    check_protocol(redirect);
    check_protocol(str_of("SSH-2.0-x\r\n"));
    free(body);
    free_str(html);
    free_str(large);
    free_str(redirect);
}

static void test_empty_answer(void **state)
{
    struct str answer = api_answer(200, ""), plain = api_answer(503, "no upstream");
    const struct api_step steps[] = {{.answer = answer}, {.answer = plain}};

    (void)state;
    api_script_set(&api, steps, 2);
    ask("DELETE", "/x", NULL);
    assert_int_equal(last.fail.kind, FAIL_NONE);
    assert_null(last.body);
    ask("GET", "/x", NULL);
    assert_int_equal(last.fail.kind, FAIL_BUSY);
    free_str(answer);
    free_str(plain);
}

/* ---- connections ---- */

/* The server may close an idle connection at any time: seen beforehand, or only when the request is
 * out already. Neither is the caller's business. */
static void test_stale_connection(void **state)
{
    struct str answer = api_answer(200, "{}");
    const struct api_step steps[] = {
        {.answer = answer}, {.answer = answer},  {.then = API_CLOSE},
        {.answer = answer}, {.then = API_RESET}, {.answer = answer},
    };
    json_t *body = json_pack("{s:s}", "a", "b");

    (void)state;
    api_script_set(&api, steps, ARRAY_LEN(steps));
    ask("GET", "/1", NULL);
    api_script_close_all(&api);
    run_for(loop, 1000);
    ask("PUT", "/2", body);
    assert_int_equal(last.fail.kind, FAIL_NONE);
    ask("PUT", "/3", body); /* closed unanswered, sent again */
    assert_int_equal(last.fail.kind, FAIL_NONE);
    ask("PUT", "/4", body); /* reset, sent again */
    assert_int_equal(last.fail.kind, FAIL_NONE);
    assert_int_equal(api.step, 6);
    assert_int_equal(api.accepted, 4);
    json_decref(body);
    free_str(answer);
}

/* A write of the record stands in the failover's path: a warm connection costs no more than the
 * turns of the loop. */
static void test_latency(void **state)
{
    struct str answer = api_answer(200, "{}");
    int64_t best_us = INT64_MAX;

    (void)state;
    for (int i = 0; i < 100; i++) {
        int64_t started_us = loop_now_us(loop), took_us;

        script_one(answer, API_KEEP, NULL);
        last.done = false;
        kube_client_send(client, "GET", "/x", NULL, NULL, on_done, &last);
        run_until(loop, &last.done);
        took_us = loop_now_us(loop) - started_us;
        if (took_us < best_us)
            best_us = took_us;
    }
    assert_int_equal(api.accepted, 1);
    assert_true(best_us < 1000);
    free_str(answer);
}

static void test_parallel(void **state)
{
    struct str answer = api_answer(200, "{}");
    struct api_step steps[20];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        steps[i] = (struct api_step){.answer = answer, .split = 5};
    api_script_set(&api, steps, ARRAY_LEN(steps));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        kube_client_send(client, "GET", "/x", NULL, NULL, on_done, &last);
    for (int i = 0; i < 5000 && last.count < ARRAY_LEN(steps); i++)
        run_for(loop, 1000);
    assert_int_equal(last.count, ARRAY_LEN(steps));
    free_str(answer);
}

/* ---- token ---- */

static void token_write(const char *text, bool in_place)
{
    char path[80];
    int fd;

    str_format(path, sizeof(path), "%s%s", token_path, in_place ? "" : ".new");
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    if (!in_place)
        assert_int_equal(rename(path, token_path), 0);
}

static void token_setup(const char *text)
{
    int fd;

    str_copy(token_path, sizeof(token_path), "/tmp/test-kube-token-XXXXXX");
    fd = mkstemp(token_path);
    assert_true(fd >= 0);
    close(fd);
    token_write(text, true);
    str_copy(config.token_file, sizeof(config.token_file), token_path);
    client_renew();
}

static void ask_with(const char *expect, long status)
{
    struct str answer = api_answer(status, "{}");

    script_one(answer, API_KEEP, expect);
    ask("GET", "/x", NULL);
    assert_int_equal(api.step, 1);
    free_str(answer);
}

static void test_token_replaced(void **state)
{
    (void)state;
    token_setup("one\n");
    ask_with("\r\nAuthorization: Bearer one\r\n", 200);
    token_write("two", false);
    ask_with("\r\nAuthorization: Bearer two\r\n", 200);
    unlink(token_path); /* the last one may still be good */
    ask_with("\r\nAuthorization: Bearer two\r\n", 200);
    token_write("bad\r\nX-Evil: 1", false);
    ask_with("\r\nAuthorization: Bearer two\r\n", 200);
    token_write("three", false);
    ask_with("\r\nAuthorization: Bearer three\r\n", 200);
}

/* After a 401 the file is read again, also when nothing about it looks different. */
static void test_token_refused(void **state)
{
    struct stat before;

    (void)state;
    token_setup("aaa");
    assert_int_equal(stat(token_path, &before), 0);
    ask_with("Bearer aaa\r\n", 200);
    token_write("bbb", true);
    assert_int_equal(
        utimensat(AT_FDCWD, token_path, (struct timespec[]){before.st_atim, before.st_mtim}, 0), 0);
    ask_with("Bearer aaa\r\n", 401);
    assert_int_equal(last.fail.kind, FAIL_DENIED);
    ask_with("Bearer bbb\r\n", 200);
}

static void test_token_missing(void **state)
{
    (void)state;
    str_copy(config.token_file, sizeof(config.token_file), "/nonexistent/token");
    client_renew();
    ask_with("GET /x", 403);
    assert_null(strstr(api.requests.p, "Authorization"));
    assert_int_equal(last.fail.kind, FAIL_DENIED);
    assert_non_null(strstr(last.fail.text, "/nonexistent/token: No such file"));
}

/* ---- callbacks that change things ---- */

static struct kube_request *second;

static void on_done_cancel_second(void *arg, const struct kube_answer *answer)
{
    kube_request_cancel(second);
    kube_client_send(client, "GET", "/third", NULL, NULL, on_done, &last);
    on_done(arg, answer);
    last.done = false;
}

static void test_cancel_in_callback(void **state)
{
    struct str answer = api_answer(200, "{}");
    const struct api_step steps[] = {{.expect = "/first", .answer = answer},
                                     {.expect = "/second", .answer = answer},
                                     {.expect = "/third", .answer = answer}};

    (void)state;
    api_script_set(&api, steps, ARRAY_LEN(steps));
    kube_client_send(client, "GET", "/first", NULL, NULL, on_done_cancel_second, &last);
    second = kube_client_send(client, "GET", "/second", NULL, NULL, on_done, &last);
    run_until(loop, &last.done);
    assert_int_equal(last.count, 2);
    kube_request_cancel(NULL);
    free_str(answer);
}

static void on_done_free_client(void *arg, const struct kube_answer *answer)
{
    kube_client_free(client);
    client = NULL;
    on_done(arg, answer);
}

static void test_free_in_callback(void **state)
{
    struct str answer = api_answer(200, "{}");
    const struct api_step steps[] = {{.answer = answer}, {.answer = answer}};

    (void)state;
    api_script_set(&api, steps, ARRAY_LEN(steps));
    kube_client_send(client, "GET", "/first", NULL, NULL, on_done_free_client, &last);
    kube_client_send(client, "GET", "/second", NULL, NULL, on_done_free_client, &last);
    run_until(loop, &last.done);
    run_for(loop, 2000);
    assert_int_equal(last.count, 1);
    free_str(answer);
}

static void test_free_under_way(void **state)
{
    const struct api_step silent = {.expect = NULL};

    (void)state;
    api_script_set(&api, &silent, 1);
    kube_client_send(client, "GET", "/first", NULL, NULL, on_done, &last);
    while (api.step < 1)
        run_for(loop, 200);
    kube_client_send(client, "GET", "/second", NULL, NULL, on_done, &last);
    kube_client_free(client);
    client = NULL;
    run_for(loop, 2000);
    assert_int_equal(last.count, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_get),
        T(test_put_conflict),
        T(test_patch_and_forget),
        T(test_all_captures),
        T(test_timeout),
        T(test_unreachable),
        T(test_protocol),
        T(test_empty_answer),
        T(test_stale_connection),
        T(test_latency),
        T(test_parallel),
        T(test_token_replaced),
        T(test_token_refused),
        T(test_token_missing),
        T(test_cancel_in_callback),
        T(test_free_in_callback),
        T(test_free_under_way),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
