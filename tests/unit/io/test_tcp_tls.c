/* A TCP connection that speaks TLS, with a server of OpenSSL at the other end. */
#include "io/tcp.h"
#include "io/tls_stream.h"

#include "api_script.h"
#include "authority.h"
#include "base/alloc.h"

#include "../cmocka_test.h"

enum { BIG = 1024 * 1024 };

static struct loop *loop;
static struct api_script api;
static struct authority ours, foreign;
static struct tls_trust *trust;
static struct tcp *tcp;

static struct {
    bool connected, closed;
    bool free_in_event; /* the owner ends it in on_data */
    bool done;          /* what is waited for */
    struct buf in;
    size_t wanted; /* bytes */
    struct fail why;
} got;

static void on_connected(void *arg)
{
    (void)arg;
    got.connected = got.done = true;
}

static void on_data(void *arg, struct str bytes)
{
    (void)arg;
    assert_true(got.connected);
    buf_add_str(&got.in, bytes);
    got.done = got.in.n >= got.wanted;
    if (got.free_in_event) {
        tcp_free(tcp);
        tcp = NULL;
    }
}

static void on_closed(void *arg, const struct fail *why)
{
    (void)arg;
    got.closed = got.done = true;
    got.why = *why;
}

static int make_authorities(void **state)
{
    (void)state;
    authority_init(&ours, "ours");
    authority_init(&foreign, "foreign");
    return 0;
}

static int drop_authorities(void **state)
{
    (void)state;
    authority_done(&ours);
    authority_done(&foreign);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(&got, 0, sizeof got);
    buf_init(&got.in, 16 * BIG);
    loop = loop_new();
    api_script_start(&api, loop);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tcp_free(tcp);
    tcp = NULL;
    run_for(loop, 1000);
    tls_trust_free(trust);
    trust = NULL;
    SSL_CTX_free(api.tls);
    api_script_stop(&api);
    loop_free(loop);
    buf_done(&got.in);
    return 0;
}

static void wait_done(void)
{
    got.done = false;
    run_until(loop, &got.done);
}

static void open_to(const char *san, const char *ca_path, bool anybody, const char *name)
{
    static const struct tcp_events events = {on_connected, on_data, on_closed};
    struct fail why;

    api.tls = authority_serve(&ours, san);
    trust = tls_trust_new(ca_path, anybody, &why);
    assert_non_null(trust);
    tcp = tcp_connect(loop, "127.0.0.1", api.port, &events, NULL);
    tcp_secure(tcp, trust, name);
    wait_done();
}

static void expect_denied(const char *words)
{
    assert_true(got.closed);
    assert_false(got.connected);
    assert_int_equal(got.why.kind, FAIL_DENIED);
    if (!strstr(got.why.text, words))
        fail_msg("%s", got.why.text);
}

static void test_bytes_go_both_ways(void **state)
{
    char *bytes = xcalloc(1, BIG);
    struct str body = {bytes, BIG};
    struct str answer;
    struct api_step step = {.expect = "GET /", .split = 40000};
    struct buf request;

    (void)state;
    for (size_t i = 0; i < body.n; i++)
        bytes[i] = (char)('a' + i * 31 % 26);
    answer = api_answer_bytes(200, body);
    step.answer = answer;
    api_script_set(&api, &step, 1);
    open_to("IP:127.0.0.1", ours.path, false, "127.0.0.1");
    assert_true(got.connected);
    buf_init(&request, 4 * BIG);
    buf_printf(&request, "POST GET / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", BIG);
    buf_add_str(&request, body);
    tcp_write(tcp, buf_str(&request));
    got.wanted = answer.n;
    wait_done();
    assert_int_equal(got.in.n, answer.n);
    assert_memory_equal(got.in.p, answer.p, answer.n);
    assert_memory_equal(api.requests.p, request.p, request.n);
    buf_done(&request);
    free(bytes);
    free((void *)answer.p);
}

static void test_the_end_is_told(void **state)
{
    struct str answer = api_answer(200, "bye");
    struct api_step step = {.answer = answer, .then = API_CLOSE};

    (void)state;
    api_script_set(&api, &step, 1);
    open_to("IP:127.0.0.1", ours.path, false, "127.0.0.1");
    tcp_write(tcp, str_of("GET / HTTP/1.1\r\n\r\n"));
    got.wanted = SIZE_MAX;
    wait_done();
    assert_true(got.closed);
    assert_int_equal(got.why.kind, FAIL_NONE);
    assert_int_equal(got.in.n, answer.n);
    free((void *)answer.p);
}

static void test_its_owner_may_end_it_in_an_event(void **state)
{
    struct str answer = api_answer(200, "more than one record");
    struct api_step step = {.answer = answer, .split = 10};

    (void)state;
    api_script_set(&api, &step, 1);
    open_to("IP:127.0.0.1", ours.path, false, "127.0.0.1");
    tcp_write(tcp, str_of("GET / HTTP/1.1\r\n\r\n"));
    got.free_in_event = true;
    wait_done();
    assert_null(tcp);
    run_for(loop, 5000);
    assert_false(got.closed);
    free((void *)answer.p);
}

static void test_a_name_is_looked_for(void **state)
{
    (void)state;
    open_to("DNS:gateway.example,IP:10.0.0.1", ours.path, false, "gateway.example");
    assert_true(got.connected);
}

static void test_another_name_is_refused(void **state)
{
    (void)state;
    open_to("DNS:gateway.example", ours.path, false, "other.example");
    expect_denied("ostname mismatch");
}

static void test_another_address_is_refused(void **state)
{
    (void)state;
    open_to("IP:127.0.0.2,DNS:localhost", ours.path, false, "127.0.0.1");
    expect_denied("address mismatch");
}

static void test_a_foreign_authority_is_refused(void **state)
{
    (void)state;
    open_to("IP:127.0.0.1", foreign.path, false, "127.0.0.1");
    expect_denied("issuer");
}

static void test_the_system_s_authorities_do_not_know_ours(void **state)
{
    (void)state;
    open_to("IP:127.0.0.1", NULL, false, "127.0.0.1");
    expect_denied("issuer");
}

static void test_anybody_will_do(void **state)
{
    (void)state;
    open_to("DNS:other.example", NULL, true, "127.0.0.1");
    assert_true(got.connected);
}

/* A server that speaks no TLS answers the greeting with something else. */
static void test_no_tls_at_the_other_end(void **state)
{
    static const char hello[] = "GET / HTTP/1.1\r\n\r\n";
    struct fail why;
    struct tls_stream *s;
    char bytes[1024];

    (void)state;
    trust = tls_trust_new(NULL, true, &why);
    s = tls_stream_new(trust, "127.0.0.1");
    assert_false(tls_stream_greet(s, &why));
    assert_int_equal(why.kind, FAIL_NONE);
    assert_true(tls_stream_take(s, bytes, sizeof bytes) > 0);
    tls_stream_feed(s, str_of(hello));
    assert_false(tls_stream_greet(s, &why));
    assert_int_equal(why.kind, FAIL_PROTOCOL);
    tls_stream_free(s);
}

static void test_a_file_without_authorities_is_told(void **state)
{
    struct fail why = {0};

    (void)state;
    assert_null(tls_trust_new("/dev/null", false, &why));
    assert_int_equal(why.kind, FAIL_PROTOCOL);
    assert_non_null(strstr(why.text, "/dev/null"));
    assert_null(tls_trust_new("/nowhere/ca.crt", false, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_go_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_its_owner_may_end_it_in_an_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_name_is_looked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_name_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_address_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_foreign_authority_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_system_s_authorities_do_not_know_ours, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_anybody_will_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_tls_at_the_other_end, set_up, tear_down),
        cmocka_unit_test(test_a_file_without_authorities_is_told),
    };

    return cmocka_run_group_tests_name("tcp_tls", tests, make_authorities, drop_authorities);
}
