/* Routes: generations that cut, clients that stay parked, and the two stages of a hold. */
#include "rig.h"

#include <poll.h>
#include <unistd.h>

static void test_newer_generation_cuts_all(void **state)
{
    enum { N = 20 };
    struct rig r;
    struct gateway_route route;
    int client[N], upstream[N];

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    for (int i = 0; i < N; i++)
        rig_session(&r, &client[i], &upstream[i]);
    route = (struct gateway_route){.generation = 2, .kind = GATEWAY_PARK};
    gateway_set_route(r.g, &route);
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, N);
    gateway_read_counters(r.g, &r.counters);
    assert_int_equal(r.counters.sessions_active, 0);
    assert_int_equal(r.counters.cut[GATEWAY_CUT_ROUTE], N);
    for (int i = 0; i < N; i++) {
        rig_expect_reset(client[i]);
        rig_expect_reset(upstream[i]);
        close(client[i]);
        close(upstream[i]);
    }
    rig_forward(&r, 3, false);
    rig_session(&r, &client[0], &upstream[0]);
    close(client[0]);
    close(upstream[0]);
    rig_stop(&r);
}

static void test_same_generation_keeps_sessions(void **state)
{
    struct rig r;
    struct gateway_route route;
    int client, upstream, other;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    route = rig_route(&r, 1, 2);
    route.upstream[0] = route.upstream[1];
    route.upstreams = 1;
    gateway_set_route(r.g, &route);
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, 0);
    rig_send(client, "on and on");
    rig_expect(upstream, "on and on");
    close(client);
    close(upstream);
    client = rig_client(&r);
    other = rig_accept(r.upstream[1]);
    close(client);
    close(other);
    rig_stop(&r);
}

static void test_route_change_while_connecting(void **state)
{
    struct rig r;
    struct gateway_route route;
    int deaf = rig_listen(0);
    int fill = rig_connect(rig_port_of(deaf));
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    route = rig_route(&r, 1, 1);
    route.upstream[0].port = rig_port_of(deaf);
    gateway_set_route(r.g, &route);
    (void)rig_report(&r, GATEWAY_IN_FORCE);
    client = rig_client(&r);
    rig_wait_counter(&r, &r.counters.accepted_total, 1);
    route = rig_route(&r, 2, 1);
    gateway_set_route(r.g, &route);
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, 1);
    rig_expect_reset(client);
    close(client);
    rig_session(&r, &client, &upstream);
    rig_drop_reports(&r);
    assert_int_equal(r.seen[GATEWAY_UPSTREAM_FAILED], 0);
    close(client);
    close(upstream);
    close(fill);
    close(deaf);
    rig_stop(&r);
}

static void test_parked_stay_across_generations(void **state)
{
    struct rig r;
    int client[3], upstream[3];

    (void)state;
    rig_init(&r);
    rig_start(&r);
    for (int i = 0; i < 3; i++) {
        client[i] = rig_client(&r);
        rig_send(client[i], "same");
    }
    rig_wait_counter(&r, &r.counters.parked, 3);
    rig_set(&r, 1, GATEWAY_PARK);
    rig_set(&r, 2, GATEWAY_REFUSE);
    rig_forward(&r, 3, true);
    rig_wait_counter(&r, &r.counters.parked, 3);
    rig_forward(&r, 4, false);
    for (int i = 0; i < 3; i++) {
        upstream[i] = rig_accept(r.upstream[0]);
        rig_expect(upstream[i], "same");
    }
    rig_wait_counter(&r, &r.counters.parked_time.count, 3);
    for (int i = 0; i < 3; i++) {
        close(client[i]);
        close(upstream[i]);
    }
    rig_stop(&r);
}

static void test_park_timer_goes_on_across_generations(void **state)
{
    struct rig r;
    int client;
    int64_t began_us = rig_now_us();

    (void)state;
    rig_init(&r);
    r.config.hold_timeout_ms = 1000;
    rig_start(&r);
    client = rig_client(&r);
    rig_wait_counter(&r, &r.counters.parked, 1);
    for (uint64_t generation = 1; rig_now_us() - began_us < 800000; generation++)
        rig_set(&r, generation, GATEWAY_PARK);
    rig_expect_reset(client);
    assert_true(rig_now_us() - began_us < 1700000);
    close(client);
    rig_stop(&r);
}

static void test_hold_has_two_stages(void **state)
{
    struct rig r;
    struct gateway_report report;
    int client, upstream, late, late_upstream;

    (void)state;
    rig_init(&r);
    r.config.hold_drain_ms = 600;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_forward(&r, 1, true);
    /* First: nothing from clients, answers flow, new clients wait. */
    rig_send(client, "held back");
    rig_send(upstream, "an answer");
    rig_expect(client, "an answer");
    late = rig_client(&r);
    rig_send(late, "me too");
    rig_wait_counter(&r, &r.counters.parked, 1);
    rig_expect_silence(upstream);
    /* Second: nothing from upstreams either. */
    report = rig_report(&r, GATEWAY_DRAINED);
    assert_int_equal(report.generation, 1);
    rig_send(upstream, "a secret");
    rig_expect_silence(client);
    rig_expect_silence(upstream);
    /* The same generation goes on, and not a byte is lost. */
    rig_forward(&r, 1, false);
    rig_expect(client, "a secret");
    rig_expect(upstream, "held back");
    late_upstream = rig_accept(r.upstream[0]);
    rig_expect(late_upstream, "me too");
    gateway_read_counters(r.g, &r.counters);
    for (int i = 0; i < GATEWAY_CUT_COUNT; i++)
        assert_int_equal(r.counters.cut[i], 0);
    rig_drop_reports(&r);
    assert_int_equal(r.seen[GATEWAY_DRAINED], 1);
    close(client);
    close(upstream);
    close(late);
    close(late_upstream);
    rig_stop(&r);
}

static void test_idle_gateway_drains_at_once(void **state)
{
    struct rig r;
    int64_t began_us;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.hold_drain_ms = 60000;
    rig_start(&r);
    rig_forward(&r, 1, false);
    began_us = rig_now_us();
    rig_forward(&r, 1, true);
    (void)rig_report(&r, GATEWAY_DRAINED);
    assert_true(rig_now_us() - began_us < 17000000);
    rig_forward(&r, 1, false);
    /* And as soon as the last session has ended. */
    rig_session(&r, &client, &upstream);
    rig_forward(&r, 1, true);
    rig_reset(client);
    (void)rig_report(&r, GATEWAY_DRAINED);
    close(upstream);
    rig_stop(&r);
}

static void test_hold_twice_reports_twice(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_forward(&r, 1, true);
    (void)rig_report(&r, GATEWAY_DRAINED);
    rig_forward(&r, 1, true);
    (void)rig_report(&r, GATEWAY_DRAINED);
    rig_send(client, "go");
    rig_forward(&r, 1, false);
    rig_expect(upstream, "go");
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_hold_ends_with_a_cut(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.hold_timeout_ms = 60;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_forward(&r, 1, true);
    rig_expect_reset(client);
    rig_expect_reset(upstream);
    rig_wait_counter(&r, &r.counters.cut[GATEWAY_CUT_HOLD_TIMEOUT], 1);
    close(client);
    close(upstream);
    client = rig_client(&r); /* held longer than it may be, but this client has its own time */
    rig_expect_reset(client);
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_HOLD_TIMEOUT], 1);
    close(client);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_hold_without_patience_cuts_at_once(void **state)
{
    struct rig r;
    struct gateway_route route;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.hold_timeout_ms = 0;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    route = rig_route(&r, 1, 1);
    route.hold = true;
    gateway_set_route(r.g, &route);
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, 1);
    (void)rig_report(&r, GATEWAY_DRAINED);
    rig_expect_reset(client);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_newer_generation_ends_a_hold(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_forward(&r, 1, true);
    (void)rig_report(&r, GATEWAY_DRAINED);
    rig_forward(&r, 2, false);
    rig_expect_reset(client);
    close(client);
    close(upstream);
    rig_session(&r, &client, &upstream);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_reset_during_a_hold_is_reported(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_forward(&r, 1, true);
    (void)rig_report(&r, GATEWAY_DRAINED);
    rig_send(upstream, "a secret");
    rig_reset(upstream);
    assert_int_equal(rig_report(&r, GATEWAY_UPSTREAM_FAILED).why.kind, FAIL_REFUSED);
    rig_expect_reset(client); /* and the secret was kept */
    close(client);
    rig_stop(&r);
}

static void test_first_byte_once_per_generation(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    for (uint64_t generation = 3; generation < 6; generation++) {
        rig_forward(&r, generation, false);
        for (int i = 0; i < 8; i++) { /* over both workers */
            rig_session(&r, &client, &upstream);
            close(client);
            close(upstream);
        }
        assert_int_equal(rig_report(&r, GATEWAY_FIRST_BYTE).generation, generation);
        rig_wait_counter(&r, &r.counters.sessions_active, 0);
    }
    rig_drop_reports(&r);
    assert_int_equal(r.seen[GATEWAY_FIRST_BYTE], 3);
    rig_stop(&r);
}

/* A session that goes on after a hold has answered before; and none of another worker's is told. */
static void test_first_byte_after_a_hold(void **state)
{
    enum { N = 8 };
    int client[N], upstream[N];
    struct rig r;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 3, false);
    for (int i = 0; i < N; i++) { /* over both workers */
        rig_session(&r, &client[i], &upstream[i]);
        rig_send(upstream[i], "before");
        rig_expect(client[i], "before");
    }
    for (int round = 0; round < 2; round++) {
        rig_forward(&r, 3, true);
        (void)rig_report(&r, GATEWAY_DRAINED);
        rig_drop_reports(&r);
        rig_forward(&r, 3, false);
        assert_int_equal(r.seen[GATEWAY_FIRST_BYTE], 1 + round); /* nobody has answered yet */
        for (int i = 0; i < N; i++) {
            rig_send(upstream[i], "after");
            rig_expect(client[i], "after");
        }
        assert_int_equal(rig_report(&r, GATEWAY_FIRST_BYTE).generation, 3);
    }
    rig_forward(&r, 3, true); /* what was told before comes before this */
    rig_drop_reports(&r);
    assert_int_equal(r.seen[GATEWAY_FIRST_BYTE], 3);
    for (int i = 0; i < N; i++) {
        close(client[i]);
        close(upstream[i]);
    }
    rig_stop(&r);
}

static void test_every_route_is_reported(void **state)
{
    enum { N = 500 };
    struct rig r;
    struct gateway_route route;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.workers = 4;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    route = rig_route(&r, 1, 1);
    for (int i = 0; i < N; i++) {
        route.hold = !route.hold;
        gateway_set_route(r.g, &route);
    }
    for (int i = 0; i < N; i++)
        assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).hold, i % 2 == 0);
    rig_send(client, "alive");
    rig_expect(upstream, "alive");
    rig_drop_reports(&r);
    assert_int_equal(r.seen[GATEWAY_IN_FORCE], N + 1);
    close(client);
    close(upstream);
    rig_stop(&r);
}

/* ---- a hold loses no byte ---- */

static void test_holds_lose_no_byte(void **state)
{
    enum { BYTES = 8 * 1024 * 1024 };
    struct rig r;
    int client, upstream;
    struct rig_stream stream[4];

    (void)state;
    rig_init(&r);
    r.config.hold_drain_ms = 2;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    stream[0] = (struct rig_stream){.fd = client, .id = 1, .bytes = BYTES, .chunk = 4096};
    stream[1] = (struct rig_stream){.fd = upstream, .id = 2, .bytes = BYTES, .chunk = 4096};
    stream[2] = (struct rig_stream){.fd = upstream, .id = 1, .bytes = BYTES, .chunk = 4096};
    stream[3] = (struct rig_stream){.fd = client, .id = 2, .bytes = BYTES, .chunk = 4096};
    rig_stream_write(&stream[0]);
    rig_stream_write(&stream[1]);
    rig_stream_check(&stream[2]);
    rig_stream_check(&stream[3]);
    for (int i = 0; i < 25; i++) {
        rig_forward(&r, 1, true);
        if (i % 3)
            (void)rig_report(&r, GATEWAY_DRAINED);
        rig_forward(&r, 1, false);
        (void)poll(NULL, 0, i % 4);
    }
    for (int i = 0; i < 4; i++)
        rig_stream_join(&stream[i]);
    rig_wait_counter(&r, &r.counters.bytes_up, BYTES + 5);
    assert_int_equal(r.counters.bytes_down, BYTES + 7);
    close(client);
    close(upstream);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newer_generation_cuts_all),
        cmocka_unit_test(test_same_generation_keeps_sessions),
        cmocka_unit_test(test_route_change_while_connecting),
        cmocka_unit_test(test_parked_stay_across_generations),
        cmocka_unit_test(test_park_timer_goes_on_across_generations),
        cmocka_unit_test(test_hold_has_two_stages),
        cmocka_unit_test(test_idle_gateway_drains_at_once),
        cmocka_unit_test(test_hold_twice_reports_twice),
        cmocka_unit_test(test_hold_ends_with_a_cut),
        cmocka_unit_test(test_hold_without_patience_cuts_at_once),
        cmocka_unit_test(test_newer_generation_ends_a_hold),
        cmocka_unit_test(test_reset_during_a_hold_is_reported),
        cmocka_unit_test(test_first_byte_once_per_generation),
        cmocka_unit_test(test_first_byte_after_a_hold),
        cmocka_unit_test(test_every_route_is_reported),
        cmocka_unit_test(test_holds_lose_no_byte),
    };

    return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
