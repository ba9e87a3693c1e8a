/* TLS that ends at the gateway, and TLS that passes through. */
#include "rig.h"
#include "tls_rig.h"

#include "base/str.h"

#include <sys/socket.h>
#include <unistd.h>

static void start_with_tls(struct rig *r, struct certificate *c)
{
    rig_init(r);
    certificate_init(c, "one");
    (void)str_copy(r->config.tls_cert_path, sizeof r->config.tls_cert_path, c->cert_path);
    (void)str_copy(r->config.tls_key_path, sizeof r->config.tls_key_path, c->key_path);
    rig_start(r);
    rig_forward(r, 1, false);
}

static void test_tls_ends_here(void **state)
{
    struct rig r;
    struct certificate c;
    struct tls_client t;
    int upstream;

    (void)state;
    start_with_tls(&r, &c);
    tls_client_connect(&t, gateway_port(r.g));
    assert_string_equal(t.server, "one");
    upstream = rig_accept(r.upstream[0]);
    tls_client_send(&t, "hello", 5);
    rig_expect(upstream, "hello"); /* in clear */
    rig_send(upstream, "welcome");
    tls_client_expect(&t, "welcome");
    tls_client_end(&t);
    rig_expect_end(upstream); /* half-close comes through */
    rig_send(upstream, "one more");
    tls_client_expect(&t, "one more");
    close(upstream);
    tls_client_expect_end(&t);
    tls_client_close(&t);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    certificate_done(&c);
    rig_stop(&r);
}

static void test_header_comes_before_tls(void **state)
{
    struct rig r;
    struct certificate c;
    struct tls_client t = {0};
    int upstream;

    (void)state;
    rig_init(&r);
    certificate_init(&c, "one");
    (void)str_copy(r.config.tls_cert_path, sizeof r.config.tls_cert_path, c.cert_path);
    (void)str_copy(r.config.tls_key_path, sizeof r.config.tls_key_path, c.key_path);
    r.config.rate_per_s = 1; /* paid once, although the handshake takes several turns */
    r.config.rate_burst = 1;
    assert_true(networks_parse(&r.config.proxy_from, str_of("127.0.0.1")));
    rig_start(&r);
    rig_forward(&r, 1, false);
    t.fd = rig_client(&r);
    rig_send(t.fd, "PROXY TCP4 192.0.2.1 192.0.2.2 5000 7687\r\n");
    tls_client_greet(&t);
    upstream = rig_accept(r.upstream[0]);
    tls_client_send(&t, "hello", 5);
    rig_expect(upstream, "hello");
    tls_client_close(&t);
    close(upstream);
    certificate_done(&c);
    rig_stop(&r);
}

/* Both ways, every byte, with readers that are late. */
static void test_tls_bulk(void **state)
{
    enum { BYTES = 8 * 1024 * 1024 };
    struct rig r;
    struct certificate c;
    struct tls_client t;
    struct rig_stream up = {.id = 1, .bytes = BYTES, .chunk = 50000, .then_end = true};
    struct rig_stream down = {.id = 2, .bytes = BYTES, .chunk = 60000, .then_end = true};

    (void)state;
    start_with_tls(&r, &c);
    tls_client_connect(&t, gateway_port(r.g));
    up.fd = down.fd = rig_accept(r.upstream[0]);
    rig_stream_write(&down);
    tls_client_write_stream(&t, 1, BYTES);
    rig_stream_check(&up);
    tls_client_check_stream(&t, 2, BYTES);
    tls_client_join(&t);
    rig_stream_join(&up);
    rig_stream_join(&down);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    assert_int_equal(r.counters.bytes_up, BYTES);
    assert_int_equal(r.counters.bytes_down, BYTES);
    tls_client_close(&t);
    close(up.fd);
    certificate_done(&c);
    rig_stop(&r);
}

static void test_who_speaks_no_tls_is_reset(void **state)
{
    struct rig r;
    struct certificate c;
    int client;

    (void)state;
    start_with_tls(&r, &c);
    client = rig_client(&r);
    rig_send(client, "\x60\x60\xb0\x17 this is no handshake");
    rig_expect_reset(client);
    close(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_TLS], 1);
    certificate_done(&c);
    rig_stop(&r);
}

static void test_silent_tls_client_is_reset_in_time(void **state)
{
    struct rig r;
    struct certificate c;
    struct fail why;
    int client;

    (void)state;
    rig_init(&r);
    certificate_init(&c, "one");
    (void)str_copy(r.config.tls_cert_path, sizeof r.config.tls_cert_path, c.cert_path);
    (void)str_copy(r.config.tls_key_path, sizeof r.config.tls_key_path, c.key_path);
    r.config.session_timeout_ms = 100;
    rig_start(&r);
    rig_forward(&r, 1, false);
    assert_int_equal(gateway_renew_tls(r.g, &why), GATEWAY_TLS_UNCHANGED);
    client = rig_client(&r);
    rig_expect_reset(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_TIMEOUT], 1);
    close(client);
    certificate_done(&c);
    rig_stop(&r);
}

/* The workers take their orders in turn: when a route is in force, so is a certificate before it.
 */
static void expect_server(struct rig *r, const char *name)
{
    struct tls_client t;

    rig_forward(r, 1, false);
    tls_client_connect(&t, gateway_port(r->g));
    assert_string_equal(t.server, name);
    tls_client_close(&t);
}

static void test_certificate_is_renewed(void **state)
{
    struct rig r;
    struct certificate c;
    struct tls_client old;
    struct fail why;
    int upstream;

    (void)state;
    start_with_tls(&r, &c);
    tls_client_connect(&old, gateway_port(r.g));
    upstream = rig_accept(r.upstream[0]);
    certificate_write(&c, "two");
    assert_int_equal(gateway_renew_tls(r.g, &why), GATEWAY_TLS_RENEWED);
    assert_int_equal(gateway_renew_tls(r.g, &why), GATEWAY_TLS_UNCHANGED);
    expect_server(&r, "two");
    tls_client_send(&old, "I stay", 6); /* with what it has */
    rig_expect(upstream, "I stay");
    tls_client_close(&old);
    close(upstream);
    certificate_done(&c);
    rig_stop(&r);
}

static void test_bad_certificate_changes_nothing(void **state)
{
    struct rig r;
    struct certificate c;
    struct fail why = {0};

    (void)state;
    start_with_tls(&r, &c);
    certificate_spoil(&c);
    assert_int_equal(gateway_renew_tls(r.g, &why), GATEWAY_TLS_BAD);
    assert_non_null(strstr(why.text, c.cert_path));
    assert_int_equal(gateway_renew_tls(r.g, &why), GATEWAY_TLS_UNCHANGED); /* said once */
    expect_server(&r, "one");
    assert_int_equal(unlink(c.key_path), 0);
    assert_int_equal(gateway_renew_tls(r.g, &why), GATEWAY_TLS_BAD);
    expect_server(&r, "one");
    certificate_write(&c, "three");
    assert_int_equal(gateway_renew_tls(r.g, &why), GATEWAY_TLS_RENEWED);
    expect_server(&r, "three");
    certificate_done(&c);
    rig_stop(&r);
}

static void test_start_needs_a_good_certificate(void **state)
{
    struct rig r;
    struct certificate c;
    struct fail why = {0};

    (void)state;
    rig_init(&r);
    certificate_init(&c, "one");
    certificate_spoil(&c);
    (void)str_copy(r.config.tls_cert_path, sizeof r.config.tls_cert_path, c.cert_path);
    (void)str_copy(r.config.tls_key_path, sizeof r.config.tls_key_path, c.key_path);
    assert_null(gateway_start(&r.config, &why));
    assert_non_null(strstr(why.text, c.cert_path));
    certificate_done(&c);
    rig_stop(&r);
}

/* ---- what the gateway does to sessions, done to one with TLS ---- */

static void session_with_tls(struct rig *r, struct tls_client *t, int *upstream)
{
    tls_client_connect(t, gateway_port(r->g));
    *upstream = rig_accept(r->upstream[0]);
    tls_client_send(t, "hello", 5);
    rig_expect(*upstream, "hello");
    rig_send(*upstream, "welcome");
    tls_client_expect(t, "welcome");
}

/* What has come is kept, be it in the socket or in OpenSSL's own buffer. */
static void test_hold_loses_no_byte(void **state)
{
    static const char more[] = "one and two and three and four";
    struct rig r;
    struct certificate c;
    struct tls_client t;
    int upstream;

    (void)state;
    rig_init(&r);
    certificate_init(&c, "one");
    (void)str_copy(r.config.tls_cert_path, sizeof r.config.tls_cert_path, c.cert_path);
    (void)str_copy(r.config.tls_key_path, sizeof r.config.tls_key_path, c.key_path);
    r.config.buffer_size = 7; /* a record is more than one read, and the next one waits behind it */
    rig_start(&r);
    rig_forward(&r, 1, false);
    session_with_tls(&r, &t, &upstream);
    rig_forward(&r, 1, true);
    (void)rig_report(&r, GATEWAY_DRAINED);
    tls_client_send(&t, more, 10);
    tls_client_send(&t, more + 10, sizeof more - 1 - 10);
    rig_send(upstream, more);
    rig_expect_silence(upstream);
    rig_expect_silence(t.fd);
    rig_forward(&r, 1, false);
    rig_expect(upstream, more);
    tls_client_expect(&t, more);
    tls_client_close(&t);
    close(upstream);
    certificate_done(&c);
    rig_stop(&r);
}

static void test_cut_is_a_reset(void **state)
{
    struct rig r;
    struct certificate c;
    struct tls_client t;
    int upstream;

    (void)state;
    start_with_tls(&r, &c);
    session_with_tls(&r, &t, &upstream);
    gateway_set_route(r.g, &(struct gateway_route){.generation = 2, .kind = GATEWAY_PARK});
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, 1);
    rig_expect_reset(t.fd); /* and no goodbye of TLS before it */
    rig_expect_reset(upstream);
    tls_client_close(&t);
    close(upstream);
    certificate_done(&c);
    rig_stop(&r);
}

/* The greeting is done while there is no main; the session comes later. */
static void test_parked_after_the_greeting(void **state)
{
    struct rig r;
    struct certificate c;
    struct tls_client t;
    int upstream;

    (void)state;
    start_with_tls(&r, &c);
    rig_set(&r, 2, GATEWAY_PARK);
    tls_client_connect(&t, gateway_port(r.g));
    rig_wait_counter(&r, &r.counters.parked, 1);
    tls_client_send(&t, "early", 5);
    rig_forward(&r, 3, false);
    upstream = rig_accept(r.upstream[0]);
    rig_expect(upstream, "early");
    rig_send(upstream, "late");
    tls_client_expect(&t, "late");
    rig_reset(upstream);
    (void)rig_report(&r, GATEWAY_UPSTREAM_FAILED);
    rig_expect_reset(t.fd);
    tls_client_close(&t);
    certificate_done(&c);
    rig_stop(&r);
}

/* A gateway without a certificate in front of one that stands for a pod with one. */
static void test_passes_through_untouched(void **state)
{
    enum { BYTES = 4 * 1024 * 1024 };
    struct rig pod, r;
    struct certificate c;
    struct gateway_route route;
    struct tls_client t;
    struct rig_stream up = {.id = 1, .bytes = BYTES, .chunk = 50000, .then_end = true};
    struct rig_stream down = {.id = 2, .bytes = BYTES, .chunk = 60000, .then_end = true};

    (void)state;
    start_with_tls(&pod, &c);
    rig_init(&r);
    rig_start(&r);
    route = rig_route(&r, 1, 1);
    route.upstream[0].port = gateway_port(pod.g);
    gateway_set_route(r.g, &route);
    tls_client_connect(&t, gateway_port(r.g));
    assert_string_equal(t.server, "one"); /* the pod's */
    up.fd = down.fd = rig_accept(pod.upstream[0]);
    rig_stream_write(&down);
    tls_client_write_stream(&t, 1, BYTES);
    rig_stream_check(&up);
    tls_client_check_stream(&t, 2, BYTES);
    tls_client_join(&t);
    rig_stream_join(&up);
    rig_stream_join(&down);
    tls_client_close(&t);
    close(up.fd);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    assert_true(r.counters.bytes_up > BYTES && r.counters.bytes_down > BYTES); /* of records */
    certificate_done(&c);
    rig_stop(&r);
    rig_stop(&pod);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_ends_here),
        cmocka_unit_test(test_header_comes_before_tls),
        cmocka_unit_test(test_tls_bulk),
        cmocka_unit_test(test_who_speaks_no_tls_is_reset),
        cmocka_unit_test(test_silent_tls_client_is_reset_in_time),
        cmocka_unit_test(test_certificate_is_renewed),
        cmocka_unit_test(test_bad_certificate_changes_nothing),
        cmocka_unit_test(test_start_needs_a_good_certificate),
        cmocka_unit_test(test_hold_loses_no_byte),
        cmocka_unit_test(test_cut_is_a_reset),
        cmocka_unit_test(test_parked_after_the_greeting),
        cmocka_unit_test(test_passes_through_untouched),
    };

    return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
