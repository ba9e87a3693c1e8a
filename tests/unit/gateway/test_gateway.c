/* Starting, and the reports as control sees them. */
#include "gateway/messages.h"
#include "rig.h"

#include "base/str.h"

#include <poll.h>
#include <unistd.h>

static void expect_start_fails(struct rig *r, enum fail_kind kind, const char *part)
{
    struct fail why = {0};
    unsigned before = rig_open_fds();

    assert_null(gateway_start(&r->config, &why));
    assert_int_equal(why.kind, kind);
    assert_true(str_contains(str_of(why.text), part));
    assert_int_equal(rig_open_fds(), before);
}

static void test_start_says_what_is_wrong(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    r.config.bind_port = rig_port_of(r.upstream[0]);
    expect_start_fails(&r, FAIL_UNREACHABLE, "in use");
    r.config.bind_port = 70000;
    expect_start_fails(&r, FAIL_UNREACHABLE, "70000");
    r.config.bind_port = 0;
    (void)str_copy(r.config.bind_host, sizeof r.config.bind_host, "localhost");
    expect_start_fails(&r, FAIL_UNREACHABLE, "localhost");
    rig_stop(&r);
}

/* SO_REUSEPORT must not let a second gateway take half of the first one's clients. */
static void test_port_is_not_shared(void **state)
{
    struct rig r, second;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    assert_true(gateway_port(r.g) > 0);
    second = r;
    second.config.bind_port = gateway_port(r.g);
    expect_start_fails(&second, FAIL_UNREACHABLE, "in use");
    rig_stop(&r);
}

static void test_starts_again_on_the_same_port(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    r.config.bind_port = gateway_port(r.g);
    close(upstream); /* our side closes first: TIME_WAIT is ours */
    rig_expect_end(client);
    close(client);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    gateway_stop(r.g);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_ipv6(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r);
    (void)str_copy(r.config.bind_host, sizeof r.config.bind_host, "::");
    rig_start(&r);
    {
        int client = rig_client(&r), upstream;

        rig_forward(&r, 1, false);
        upstream = rig_accept(r.upstream[0]);
        rig_send(client, "v4 through v6");
        rig_expect(upstream, "v4 through v6");
        close(client);
        close(upstream);
    }
    rig_stop(&r);
}

static bool readable(const struct rig *r)
{
    struct pollfd p = {.fd = gateway_fd(r->g), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void test_descriptor_is_readable_while_reports_wait(void **state)
{
    struct rig r;
    struct gateway_report report;
    struct gateway_route route;
    struct pollfd p;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    assert_false(readable(&r));
    assert_false(gateway_next_report(r.g, &report));
    route = rig_route(&r, 1, 1);
    route.hold = true;
    gateway_set_route(r.g, &route);
    p = (struct pollfd){.fd = gateway_fd(r.g), .events = POLLIN};
    assert_int_equal(poll(&p, 1, RIG_LIMIT_MS), 1);
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, 0);
    while (r.seen[GATEWAY_DRAINED] == 0) { /* the second report was not forgotten */
        assert_int_equal(poll(&p, 1, RIG_LIMIT_MS), 1);
        if (gateway_next_report(r.g, &report))
            r.seen[report.kind]++;
    }
    assert_false(gateway_next_report(r.g, &report));
    assert_false(readable(&r));
    rig_stop(&r);
}

static void test_failures_are_reported_once_in_10_ms(void **state)
{
    struct failure_gate gate = {0};

    (void)state;
    assert_true(failure_gate_pass(&gate, 1, 0, 1000000));
    assert_false(failure_gate_pass(&gate, 1, 0, 1009999));
    assert_false(failure_gate_pass(&gate, 1, 0, 999000)); /* another worker's clock of this turn */
    assert_true(failure_gate_pass(&gate, 1, 1, 1000001));
    assert_true(failure_gate_pass(&gate, 1, 0, 1010000));
    assert_true(failure_gate_pass(&gate, 2, 0, 1010001));
    assert_false(failure_gate_pass(&gate, 2, 0, 1010002));
}

static void test_stop_takes_null_and_unread_reports(void **state)
{
    struct rig r;

    (void)state;
    gateway_stop(NULL);
    rig_init(&r);
    rig_start(&r);
    for (uint64_t i = 1; i < 50; i++) {
        struct gateway_route route = rig_route(&r, i, 1);

        gateway_set_route(r.g, &route);
    }
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_says_what_is_wrong),
        cmocka_unit_test(test_port_is_not_shared),
        cmocka_unit_test(test_starts_again_on_the_same_port),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_descriptor_is_readable_while_reports_wait),
        cmocka_unit_test(test_failures_are_reported_once_in_10_ms),
        cmocka_unit_test(test_stop_takes_null_and_unread_reports),
    };

    return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
