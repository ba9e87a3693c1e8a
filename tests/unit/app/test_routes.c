/* Routes: what the gateways are told, and what of their reports is believed. The gateways are real;
 * what they are told is looked at on the way (--wrap), and their reports may be the test's. */
#include "app/routes.h"

#include "app/link.h"

#include "desk.h"

void __real_gateway_set_route(struct gateway *g, const struct gateway_route *route);
void __wrap_gateway_set_route(struct gateway *g, const struct gateway_route *route);
bool __real_gateway_next_report(struct gateway *g, struct gateway_report *out);
bool __wrap_gateway_next_report(struct gateway *g, struct gateway_report *out);
void __wrap_link_hurry(struct link *l);

static struct loop *loop;
static struct controller c;
static struct plan plan;
static struct gateway_route writes, reads; /* the last ones told */
static unsigned told;                      /* how often */

/* Reports of the write gateway, when they are the test's. */
static bool scripted;
static struct gateway_report script[8];
static unsigned script_n, script_at;

void __wrap_gateway_set_route(struct gateway *g, const struct gateway_route *route)
{
    if (g == routes_write_gateway(c.routes))
        writes = *route;
    else
        reads = *route;
    told++;
    __real_gateway_set_route(g, route);
}

bool __wrap_gateway_next_report(struct gateway *g, struct gateway_report *out)
{
    if (!scripted || g != routes_write_gateway(c.routes))
        return __real_gateway_next_report(g, out);
    if (script_at == script_n)
        return false;
    *out = script[script_at++];
    return true;
}

static unsigned hurried;

void __wrap_link_hurry(struct link *l)
{
    assert_ptr_equal(l, c.links[0]);
    hurried++;
}

static void pod_is(int pod, const char *ip, const char *run)
{
    (void)str_copy(c.view.pods[pod].ip, sizeof c.view.pods[pod].ip, ip);
    (void)str_copy(c.view.pods[pod].run, sizeof c.view.pods[pod].run, run);
}

static void start(bool with_readers)
{
    struct fail why;

    c.config.read_gateway = with_readers;
    c.config.bolt_port = 7000;
    c.routes = routes_new(&c, &why);
    assert_non_null(c.routes);
    memset(&plan, 0, sizeof plan);
    plan.gate.state = GATE_CUT;
    pod_is(0, "127.0.0.2", "run-a");
    pod_is(1, "127.0.0.3", "run-b");
    pod_is(2, "127.0.0.4", "run-c");
}

static int setup(void **state)
{
    (void)state;
    loop = desk_setup(&c, NULL, NULL);
    scripted = false;
    script_n = script_at = told = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    link_free(c.links[0]);
    desk_teardown(&c, NULL);
    return 0;
}

static void gate(enum gate_state state, int pod)
{
    plan.gate.state = state;
    plan.gate.pod = pod;
    routes_follow(c.routes, &plan);
}

static bool settled(void)
{
    routes_follow(c.routes, &plan);
    return c.view.gate_settled;
}

static bool drained(void)
{
    routes_follow(c.routes, &plan);
    return c.view.gate_drained;
}

static void test_generation_grows_with_the_process(void **state)
{
    uint64_t first;
    unsigned before;

    (void)state;
    start(false);
    gate(GATE_CUT, -1);
    assert_int_equal(writes.kind, GATEWAY_PARK);
    assert_int_equal(writes.upstreams, 0);
    assert_false(c.view.gate_settled);
    WAIT_UNTIL(loop, settled());
    assert_int_equal(c.view.gate_in_force, GATE_CUT);

    gate(GATE_OPEN, 0);
    first = writes.generation;
    assert_int_equal(writes.kind, GATEWAY_FORWARD);
    assert_false(writes.hold);
    assert_int_equal(writes.upstreams, 1);
    assert_string_equal(writes.upstream[0].host, "127.0.0.2");
    assert_int_equal(writes.upstream[0].port, 7000);
    assert_int_equal(c.view.gate_in_force, GATE_OPEN);

    before = told;
    gate(GATE_OPEN, 0); /* nothing new: nothing is told */
    assert_int_equal(told, before);
    gate(GATE_HOLD, 0);
    assert_true(writes.hold);
    assert_int_equal(writes.generation, first); /* sessions stay */
    gate(GATE_OPEN, 0);
    assert_int_equal(writes.generation, first);

    pod_is(0, "127.0.0.2", "run-d"); /* restarted in place */
    gate(GATE_OPEN, 0);
    assert_int_equal(writes.generation, first + 1);
    pod_is(0, "127.0.0.5", "run-d");
    gate(GATE_OPEN, 0);
    assert_int_equal(writes.generation, first + 2);
    gate(GATE_HOLD, 1);
    assert_int_equal(writes.generation, first + 3);
    WAIT_UNTIL(loop, settled());
}

static void test_cut_begins_a_generation_once(void **state)
{
    uint64_t first;

    (void)state;
    start(false);
    gate(GATE_OPEN, 0);
    first = writes.generation;
    gate(GATE_CUT, -1);
    assert_int_equal(writes.generation, first + 1); /* which is what cuts */
    gate(GATE_CUT, -1);
    assert_int_equal(writes.generation, first + 1);
    gate(GATE_OPEN, 0);
    assert_true(writes.generation > first);
    first = writes.generation;
    gate(GATE_HOLD, 0);
    gate(GATE_CUT, -1);
    assert_true(writes.generation > first);
}

static void test_hold_settles_and_then_drains(void **state)
{
    (void)state;
    start(false);
    gate(GATE_OPEN, 0);
    WAIT_UNTIL(loop, settled());
    assert_false(drained());
    gate(GATE_HOLD, 0);
    assert_false(c.view.gate_settled);
    assert_false(c.view.gate_drained);
    WAIT_UNTIL(loop, settled());
    WAIT_UNTIL(loop, drained());
    gate(GATE_OPEN, 0);
    assert_false(c.view.gate_drained);
}

static void report(enum gateway_report_kind kind, bool hold)
{
    script[script_n++] =
        (struct gateway_report){.kind = kind, .generation = writes.generation, .hold = hold};
}

static void take_reports(void)
{
    WAIT_UNTIL(loop, script_at == script_n);
}

/* Hold, open, hold: that the first hold was in force says nothing of the second. */
static void test_reports_of_overtaken_routes_do_not_count(void **state)
{
    (void)state;
    start(false);
    gate(GATE_OPEN, 0);
    WAIT_UNTIL(loop, settled());
    scripted = true;
    gate(GATE_HOLD, 0);
    gate(GATE_OPEN, 0);
    gate(GATE_HOLD, 0);
    report(GATEWAY_IN_FORCE, true);
    report(GATEWAY_DRAINED, true);
    take_reports();
    assert_false(settled());
    assert_false(drained());
    report(GATEWAY_IN_FORCE, false);
    take_reports();
    assert_false(settled());
    report(GATEWAY_IN_FORCE, true);
    take_reports();
    assert_true(settled());
    assert_false(drained());
    report(GATEWAY_DRAINED, true);
    take_reports();
    assert_true(drained());
}

/* A client that finds nobody at the main makes its next probe due. */
static void test_failed_upstream_hurries_the_probe(void **state)
{
    (void)state;
    start(false);
    gate(GATE_OPEN, 0);
    WAIT_UNTIL(loop, settled());
    scripted = true;
    hurried = 0;
    gate(GATE_HOLD, 0); /* whose own report, never taken, has the script be read */
    report(GATEWAY_UPSTREAM_FAILED, false); /* of a pod without a link: no harm */
    take_reports();
    c.links[0] = link_new(&c, 0, "127.0.0.1");
    report(GATEWAY_UPSTREAM_FAILED, false);
    script[script_n - 1].upstream = 3; /* not in the route */
    report(GATEWAY_UPSTREAM_FAILED, false);
    script[script_n - 1].generation--; /* of a route that is over */
    take_reports();
    assert_int_equal(hurried, 0);
    report(GATEWAY_UPSTREAM_FAILED, false);
    take_reports();
    assert_int_equal(hurried, 1);
    assert_int_equal(c.view.pods[0].deserted_at, 0);
    report(GATEWAY_UPSTREAM_FAILED, false);
    script[script_n - 1].deserted = true;
    take_reports();
    assert_int_equal(hurried, 2);
    assert_int_not_equal(c.view.pods[0].deserted_at, 0);
}

static void readers(unsigned n, int a, int b, int last)
{
    plan.read = (struct read_route){.n = n, .pods = {a, b, last}};
    routes_follow(c.routes, &plan);
}

/* The gateway cuts the sessions of those who are not in the list: so it must be told whole, and a
 * restarted process must not look like the one before it. */
static void test_readers_are_told_by_process(void **state)
{
    uint64_t first, process;

    (void)state;
    start(true);
    readers(0, 0, 0, 0);
    assert_int_equal(reads.kind, GATEWAY_PARK);
    readers(1, 2, 0, 0);
    first = reads.generation;
    assert_true(reads.exact);
    assert_int_equal(reads.balance, GATEWAY_ORDINAL);
    assert_int_equal(reads.kind, GATEWAY_FORWARD);
    assert_string_equal(reads.upstream[0].host, "127.0.0.4");
    process = reads.upstream[0].process;
    readers(2, 1, 2, 0); /* one more, before it */
    assert_int_equal(reads.upstreams, 2);
    assert_string_equal(reads.upstream[0].host, "127.0.0.3");
    assert_true(reads.upstream[0].process != process);
    assert_string_equal(reads.upstream[1].host, "127.0.0.4");
    assert_true(reads.upstream[1].process == process);
    readers(1, 2, 0, 0);
    assert_int_equal(reads.upstreams, 1);
    assert_true(reads.upstream[0].process == process);
    pod_is(2, "127.0.0.4", "run-x"); /* the same pod, another process */
    readers(1, 2, 0, 0);
    assert_true(reads.upstream[0].process != process);
    readers(0, 0, 0, 0);
    assert_int_equal(reads.kind, GATEWAY_PARK);
    assert_true(reads.exact);
    assert_int_equal(reads.generation, first);
    WAIT_UNTIL(loop, settled()); /* all of them */
}

static void test_without_gateways_all_is_settled(void **state)
{
    struct fail why;

    (void)state;
    c.config.gateway = c.config.read_gateway = false;
    c.routes = routes_new(&c, &why);
    memset(&plan, 0, sizeof plan);
    gate(GATE_HOLD, 0);
    assert_true(c.view.gate_settled && c.view.gate_drained);
    assert_int_equal(c.view.gate_in_force, GATE_HOLD);
    assert_null(routes_write_gateway(c.routes));
    assert_null(routes_read_gateway(c.routes));
    assert_int_equal(told, 0);
}

static void test_taken_port_is_said(void **state)
{
    struct config config;
    struct controller other;
    struct fail why;

    (void)state;
    start(false);
    config = c.config;
    config.gateway_bind.port = gateway_port(routes_write_gateway(c.routes));
    desk_set(&other, loop, &config);
    assert_null(routes_new(&other, &why));
    assert_int_not_equal(why.kind, FAIL_NONE);
    assert_true(why.text[0]);
    desk_clear(&other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(generation_grows_with_the_process), TEST(cut_begins_a_generation_once),
        TEST(hold_settles_and_then_drains),      TEST(reports_of_overtaken_routes_do_not_count),
        TEST(failed_upstream_hurries_the_probe), TEST(readers_are_told_by_process),
        TEST(without_gateways_all_is_settled),   TEST(taken_port_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
