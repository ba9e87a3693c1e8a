/* One client's way: forwarded, parked, refused, timed out, and what a failing upstream does. */
#include "rig.h"

#include "base/str.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_forwards_and_counts(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_wait_counter(&r, &r.counters.bytes_down, 7);
    assert_int_equal(r.counters.bytes_up, 5);
    assert_int_equal(r.counters.sessions_active, 1);
    assert_int_equal(r.counters.sessions_total, 1);
    assert_int_equal(r.counters.accepted_total, 1);
    assert_int_equal(r.counters.connect_time.count, 1);
    assert_int_equal(r.counters.parked, 0);
    close(client);
    rig_expect_end(upstream);
    close(upstream);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    assert_int_equal(r.counters.upstream_errors, 0);
    rig_stop(&r);
}

static void expect_option(int fd, int option, int wanted)
{
    int got = 0;
    socklen_t size = sizeof got;

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, option, &got, &size), 0);
    assert_int_equal(got, wanted);
}

static void test_sets_socket_options(void **state)
{
    struct rig r;
    int client, upstream;
    unsigned found = 0;

    (void)state;
    rig_init(&r);
    r.config.user_timeout_ms = 12345;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    for (int fd = 0; fd < 256; fd++) {
        int timeout = 0, nodelay = 0, keep = 0, listening = 0;
        socklen_t size = sizeof timeout;

        if (getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &size) || timeout != 12345)
            continue;
        size = sizeof nodelay;
        (void)getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size);
        (void)getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &keep, &size);
        (void)getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
        assert_true(nodelay && keep);
        expect_option(fd, TCP_KEEPIDLE, 30);
        expect_option(fd, TCP_KEEPINTVL, 10);
        expect_option(fd, TCP_KEEPCNT, 3);
        found += !listening;
    }
    assert_int_equal(found, 2); /* the client's side, by inheritance, and the upstream's */
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_parked_then_routed(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    client = rig_client(&r);
    rig_send(client, "early");
    rig_wait_counter(&r, &r.counters.parked, 1);
    rig_forward(&r, 1, false);
    upstream = rig_accept(r.upstream[0]);
    rig_expect(upstream, "early");
    rig_wait_counter(&r, &r.counters.parked, 0);
    assert_int_equal(r.counters.parked_time.count, 1);
    assert_true(r.counters.parked_time.sum_seconds > 0);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_parked_too_long(void **state)
{
    struct rig r;
    int client;
    int64_t began_us;

    (void)state;
    rig_init(&r);
    r.config.hold_timeout_ms = 60;
    rig_start(&r);
    began_us = rig_now_us();
    client = rig_client(&r);
    rig_expect_reset(client);
    assert_true(rig_now_us() - began_us >= 59000);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_HOLD_TIMEOUT], 1);
    assert_int_equal(r.counters.parked, 0);
    close(client);
    rig_stop(&r);
}

static void test_parked_client_goes_away(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_reset(rig_client(&r));
    rig_wait_counter(&r, &r.counters.parked_time.count, 1);
    assert_int_equal(r.counters.parked, 0);
    rig_stop(&r);
}

static void test_refuses_at_once(void **state)
{
    struct rig r;
    int client;

    (void)state;
    rig_init(&r);
    r.config.hold_timeout_ms = 0;
    rig_start(&r);
    client = rig_client(&r);
    rig_expect_reset(client);
    close(client);
    rig_set(&r, 1, GATEWAY_REFUSE);
    client = rig_client(&r);
    rig_expect_reset(client);
    close(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_NO_ROUTE], 1);
    assert_int_equal(r.counters.refused[GATEWAY_REFUSED_HOLD_TIMEOUT], 1);
    rig_stop(&r);
}

static void test_takes_the_next_upstream(void **state)
{
    struct rig r;
    struct gateway_route route;
    struct gateway_report report;
    int closed = rig_closed_port();
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    route = rig_route(&r, 1, 3);
    route.upstream[0].port = rig_port_of(closed);
    (void)str_copy(route.upstream[1].host, sizeof route.upstream[1].host, "not an address");
    gateway_set_route(r.g, &route);
    client = rig_client(&r);
    rig_send(client, "hi");
    upstream = rig_accept(r.upstream[2]);
    rig_expect(upstream, "hi");
    report = rig_report(&r, GATEWAY_UPSTREAM_FAILED);
    assert_int_equal(report.upstream, 0);
    assert_int_equal(report.why.kind, FAIL_REFUSED);
    assert_true(report.deserted);
    assert_int_equal(report.generation, 1);
    report = rig_report(&r, GATEWAY_UPSTREAM_FAILED);
    assert_int_equal(report.upstream, 1);
    assert_int_equal(report.why.kind, FAIL_UNREACHABLE);
    assert_false(report.deserted);
    rig_wait_counter(&r, &r.counters.upstream_errors, 2);
    close(client);
    close(upstream);
    close(closed);
    rig_stop(&r);
}

static void test_turned_down_waits_for_the_next_route(void **state)
{
    struct rig r;
    struct gateway_route route;
    int closed = rig_closed_port();
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    route = rig_route(&r, 1, 1);
    route.upstream[0].port = rig_port_of(closed);
    gateway_set_route(r.g, &route);
    (void)rig_report(&r, GATEWAY_IN_FORCE);
    client = rig_client(&r);
    rig_send(client, "patience");
    assert_int_equal(rig_report(&r, GATEWAY_UPSTREAM_FAILED).why.kind, FAIL_REFUSED);
    rig_wait_counter(&r, &r.counters.parked, 1);
    rig_set(&r, 2, GATEWAY_PARK);
    rig_forward(&r, 3, false);
    upstream = rig_accept(r.upstream[0]);
    rig_expect(upstream, "patience");
    gateway_read_counters(r.g, &r.counters);
    assert_int_equal(r.counters.cut[GATEWAY_CUT_ROUTE], 0);
    close(client);
    close(upstream);
    close(closed);
    rig_stop(&r);
}

static void test_turned_down_too_long(void **state)
{
    struct rig r;
    struct gateway_route route;
    int closed = rig_closed_port();
    int client;

    (void)state;
    rig_init(&r);
    r.config.hold_timeout_ms = 50;
    rig_start(&r);
    route = rig_route(&r, 1, 1);
    route.upstream[0].port = rig_port_of(closed);
    gateway_set_route(r.g, &route);
    client = rig_client(&r);
    rig_expect_reset(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_UPSTREAM], 1);
    assert_int_equal(r.counters.sessions_total, 0);
    close(client);
    close(closed);
    rig_stop(&r);
}

static void test_turned_down_again_and_again(void **state)
{
    struct rig r;
    struct gateway_route route;
    int closed = rig_closed_port();
    int64_t began_us = rig_now_us();
    int client;

    (void)state;
    rig_init(&r);
    r.config.hold_timeout_ms = 1000; /* in all, not each time */
    rig_start(&r);
    client = rig_client(&r);
    route = rig_route(&r, 1, 1);
    route.upstream[0].port = rig_port_of(closed);
    for (uint64_t n = 1; rig_now_us() - began_us < 800000; n++) {
        route.generation = n;
        gateway_set_route(r.g, &route);
        rig_wait_counter(&r, &r.counters.upstream_errors, n);
        rig_wait_counter(&r, &r.counters.parked, 1);
        rig_drop_reports(&r);
    }
    rig_expect_reset(client);
    assert_true(rig_now_us() - began_us < 1700000);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_UPSTREAM], 1);
    close(client);
    close(closed);
    rig_stop(&r);
}

static void test_connect_times_out(void **state)
{
    struct rig r;
    struct gateway_route route;
    int deaf = rig_listen(0); /* room for one; further SYNs are dropped */
    int fill = rig_connect(rig_port_of(deaf));
    struct gateway_report report;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.connect_timeout_ms = 50;
    rig_start(&r);
    route = rig_route(&r, 1, 2);
    route.upstream[0].port = rig_port_of(deaf);
    route.upstream[1].port = rig_port_of(r.upstream[0]);
    gateway_set_route(r.g, &route);
    client = rig_client(&r);
    report = rig_report(&r, GATEWAY_UPSTREAM_FAILED);
    assert_int_equal(report.why.kind, FAIL_TIMEOUT);
    assert_int_equal(report.upstream, 0);
    upstream = rig_accept(r.upstream[0]);
    rig_send(client, "x");
    rig_expect(upstream, "x");
    close(client);
    close(upstream);
    close(fill);
    close(deaf);
    rig_stop(&r);
}

static void test_session_times_out_without_an_answer(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.session_timeout_ms = 300;
    rig_start(&r);
    rig_forward(&r, 1, false);
    client = rig_client(&r);
    upstream = rig_accept(r.upstream[0]);
    rig_send(client, "anybody?");
    rig_expect_reset(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_TIMEOUT], 1);
    close(client);
    close(upstream);
    /* Parking counts. */
    rig_set(&r, 2, GATEWAY_PARK);
    client = rig_client(&r);
    rig_expect_reset(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_TIMEOUT], 2);
    close(client);
    rig_stop(&r);
}

static void test_answered_session_outlives_the_session_timeout(void **state)
{
    struct rig r;
    int client, upstream;
    int64_t until_us;

    (void)state;
    rig_init(&r);
    r.config.session_timeout_ms = 400;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    until_us = rig_now_us() + 500000;
    while (rig_now_us() < until_us)
        rig_expect_silence(client);
    rig_send(client, "still here");
    rig_expect(upstream, "still here");
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_idle_session_is_cut(void **state)
{
    enum { IDLE_MS = 500 };
    struct rig r;
    int client, upstream;
    int64_t began_us, last_us = 0;

    (void)state;
    rig_init(&r);
    r.config.idle_timeout_ms = IDLE_MS;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    began_us = rig_now_us();
    while (last_us < began_us + IDLE_MS * 1200) { /* bytes keep it alive past its time */
        rig_expect_silence(client);
        last_us = rig_now_us();
        rig_send(upstream, "tick");
        rig_expect(client, "tick");
    }
    rig_expect_reset(client);
    assert_true(rig_now_us() - last_us >= (IDLE_MS - 5) * 1000);
    rig_expect_reset(upstream);
    rig_wait_counter(&r, &r.counters.cut[GATEWAY_CUT_IDLE], 1);
    close(client);
    close(upstream);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forwards_and_counts),
        cmocka_unit_test(test_sets_socket_options),
        cmocka_unit_test(test_parked_then_routed),
        cmocka_unit_test(test_parked_too_long),
        cmocka_unit_test(test_parked_client_goes_away),
        cmocka_unit_test(test_refuses_at_once),
        cmocka_unit_test(test_takes_the_next_upstream),
        cmocka_unit_test(test_turned_down_waits_for_the_next_route),
        cmocka_unit_test(test_turned_down_too_long),
        cmocka_unit_test(test_turned_down_again_and_again),
        cmocka_unit_test(test_connect_times_out),
        cmocka_unit_test(test_session_times_out_without_an_answer),
        cmocka_unit_test(test_answered_session_outlives_the_session_timeout),
        cmocka_unit_test(test_idle_session_is_cut),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
