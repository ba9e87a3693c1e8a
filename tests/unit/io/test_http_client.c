/* What the Kubernetes client's tests do not reach: TLS, and the streaming interface itself. */
#include "io/http_client.h"

#include "api_script.h"
#include "authority.h"

#include "../cmocka_test.h"

static struct loop *loop;
static struct api_script api;
static struct http_client *client;

static struct {
    bool done;
    struct http_result result;
    char body[256];  /* of on_done */
    char data[4096]; /* of on_data */
} got;

static void on_done(void *arg, const struct http_result *result)
{
    assert_ptr_equal(arg, &got);
    assert_false(got.done);
    got.done = true;
    got.result = *result;
    str_copy_n(got.body, sizeof(got.body), result->body);
}

static void on_data(void *arg, struct str data)
{
    assert_ptr_equal(arg, &got);
    assert_false(got.done);
    assert_true(data.n > 0);
    str_append(got.data, sizeof(got.data), "%.*s|", STR_ARGS(data));
}

/* ---- set-up ---- */

static struct authority ours, foreign;

static int group_setup(void **state)
{
    (void)state;
    authority_init(&ours, "ours");
    authority_init(&foreign, "foreign");
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    authority_done(&ours);
    authority_done(&foreign);
    return 0;
}

static void client_renew(const char *ca_file)
{
    http_client_free(client);
    client = http_client_new(loop, &(struct http_client_config){.ca_file = ca_file,
                                                                .user_agent = "unit-test",
                                                                .connect_timeout_us = 3000000});
}

static int setup(void **state)
{
    (void)state;
    memset(&got, 0, sizeof(got));
    loop = loop_new();
    api_script_start(&api, loop);
    client_renew(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_client_free(client);
    client = NULL;
    SSL_CTX_free(api.tls);
    api_script_stop(&api);
    loop_free(loop);
    return 0;
}

static struct http_transfer *get(bool stream, size_t limit)
{
    char url[64];
    struct http_transfer_config config = {.method = "GET",
                                          .url = url,
                                          .timeout_us = 3000000,
                                          .limit = limit,
                                          .on_data = stream ? on_data : NULL,
                                          .on_done = on_done,
                                          .arg = &got};

    str_format(url, sizeof(url), "%s://127.0.0.1:%u/x", api.tls ? "https" : "http", api.port);
    memset(&got, 0, sizeof(got));
    return http_transfer_start(client, &config);
}

static void get_all(void)
{
    get(false, 4096);
    run_until(loop, &got.done);
}

static void free_str(struct str s)
{
    free((void *)s.p);
}

/* ---- TLS ---- */

static void test_tls(void **state)
{
    struct str answer = api_answer(200, "{}");
    struct api_step steps[50];
    int64_t best_us = INT64_MAX;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        steps[i] = (struct api_step){.expect = "GET /x HTTP/1.1\r\n", .answer = answer};
    api.tls = authority_serve(&ours, "IP:127.0.0.1");
    client_renew(ours.path);
    api_script_set(&api, steps, ARRAY_LEN(steps));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        int64_t started_us = loop_now_us(loop), took_us;

        get_all();
        took_us = loop_now_us(loop) - started_us;
        if (took_us < best_us)
            best_us = took_us;
        assert_int_equal(got.result.fail.kind, FAIL_NONE);
        assert_int_equal(got.result.status, 200);
        assert_string_equal(got.body, "{}");
    }
    assert_int_equal(api.accepted, 1);
    assert_true(best_us < 1000);
    free_str(answer);
}

static void check_refused(const char *ca_file)
{
    client_renew(ca_file);
    get_all();
    assert_int_equal(got.result.fail.kind, FAIL_UNREACHABLE);
    assert_int_equal(got.result.status, 0);
    assert_int_equal(api.requests.n, 0); /* the token was not told */
}

static void test_tls_wrong_authority(void **state)
{
    (void)state;
    api.tls = authority_serve(&foreign, "IP:127.0.0.1");
    check_refused(ours.path);
    assert_non_null(strstr(got.result.fail.text, "certificate"));
    check_refused(NULL); /* the system's */
    assert_non_null(strstr(got.result.fail.text, "certificate"));
    check_refused("/nonexistent/ca.crt");
    assert_non_null(strstr(got.result.fail.text, "/nonexistent/ca.crt"));
}

static void test_tls_wrong_name(void **state)
{
    (void)state;
    api.tls = authority_serve(&ours, "IP:127.0.0.2,DNS:localhost");
    check_refused(ours.path);
    assert_non_null(strstr(got.result.fail.text, "127.0.0.1"));
}

/* A peer that goes away must not end us by SIGPIPE, with OpenSSL's plain writes either. */
static void test_tls_peer_gone(void **state)
{
    struct str answer = api_answer(200, "{}");
    const struct api_step steps[] = {{.answer = answer}, {.then = API_RESET}, {.answer = answer}};

    (void)state;
    api.tls = authority_serve(&ours, "IP:127.0.0.1");
    client_renew(ours.path);
    api_script_set(&api, steps, ARRAY_LEN(steps));
    get_all();
    assert_int_equal(got.result.fail.kind, FAIL_NONE);
    get_all();
    assert_int_equal(got.result.fail.kind, FAIL_NONE);
    assert_int_equal(api.accepted, 2);
    free_str(answer);
}

/* ---- streaming ---- */

static void test_stream(void **state)
{
    static const char *const chunks[] = {"one", "two"};
    struct str answer = api_chunked(chunks, 2, true);
    const struct api_step step = {.answer = answer, .split = answer.n - 15};

    (void)state;
    api_script_set(&api, &step, 1);
    get(true, 4096);
    run_until(loop, &got.done);
    assert_int_equal(got.result.fail.kind, FAIL_NONE);
    assert_string_equal(got.data, "one|two|");
    assert_string_equal(got.body, "");
    free_str(answer);
}

/* An answer that is no success is not streamed: its owner gets it whole. */
static void test_stream_refused(void **state)
{
    struct str answer = api_answer(404, "not here");
    const struct api_step step = {.answer = answer, .split = answer.n - 4};

    (void)state;
    api_script_set(&api, &step, 1);
    get(true, 4096);
    run_until(loop, &got.done);
    assert_int_equal(got.result.status, 404);
    assert_string_equal(got.data, "");
    assert_string_equal(got.body, "not here");
    free_str(answer);
}

static void test_stream_cut(void **state)
{
    static const char *const chunks[] = {"one"};
    struct str answer = api_chunked(chunks, 1, false);
    const struct api_step step = {.answer = answer, .then = API_CLOSE};

    (void)state;
    api_script_set(&api, &step, 1);
    get(true, 4096);
    run_until(loop, &got.done);
    assert_int_equal(got.result.fail.kind, FAIL_UNREACHABLE);
    assert_string_equal(got.data, "one|"); /* what came is told before the end */
    free_str(answer);
}

static void test_limit(void **state)
{
    struct str answer = api_answer(200, "0123456789"), larger = api_answer(200, "0123456789x");
    const struct api_step steps[] = {{.answer = answer}, {.answer = larger}};

    (void)state;
    api_script_set(&api, steps, 2);
    get(false, 10);
    run_until(loop, &got.done);
    assert_string_equal(got.body, "0123456789");
    get(false, 10);
    run_until(loop, &got.done);
    assert_int_equal(got.result.fail.kind, FAIL_PROTOCOL);
    free_str(answer);
    free_str(larger);
}

static void test_cancel(void **state)
{
    const struct api_step silent = {.expect = NULL};
    struct http_transfer *transfer;

    (void)state;
    http_transfer_cancel(get(false, 10)); /* before anything was sent */
    api_script_set(&api, &silent, 1);
    transfer = get(false, 10);
    while (api.step < 1)
        run_for(loop, 200);
    http_transfer_cancel(transfer);
    for (int i = 0; i < 5000 && api.closed < 1; i++)
        run_for(loop, 1000);
    assert_int_equal(api.closed, 1);
    assert_false(got.done);
    http_transfer_cancel(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_tls),    T(test_tls_wrong_authority), T(test_tls_wrong_name), T(test_tls_peer_gone),
        T(test_stream), T(test_stream_refused),      T(test_stream_cut),     T(test_limit),
        T(test_cancel),
    };
#undef T

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
