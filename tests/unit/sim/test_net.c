/* The virtual network: what two processes on two hosts see of each other. */
#include "base/buf.h"
#include "sim/clock.h"
#include "sim/net.h"
#include "sim/process.h"

#include "tests/unit/cmocka_test.h"

enum { PORT = 7, LATENCY_US = 100, SECOND = 1000000 };

struct side {
    struct host *host;
    struct loop *process;
    struct tcp *tcp;
    struct tcp_listener *listener;
    struct buf got;
    bool connected, closed, ended;
    enum fail_kind why;
};

static struct side client, server;

static void on_connected(void *arg)
{
    ((struct side *)arg)->connected = true;
}

static void on_data(void *arg, struct str bytes)
{
    buf_add_str(&((struct side *)arg)->got, bytes);
}

static void on_closed(void *arg, const struct fail *why)
{
    struct side *s = arg;

    s->closed = true;
    s->why = why->kind;
}

static const struct tcp_events events = {on_connected, on_data, on_closed};

static void on_ready(void *arg)
{
    struct side *s = arg;

    s->tcp = tcp_accept(s->listener, &events, s);
}

/* As a process that dies: all that it has goes. */
static void on_end(void *arg)
{
    struct side *s = arg;

    s->ended = true;
    tcp_free(s->tcp);
    tcp_listener_free(s->listener);
    s->tcp = NULL;
    s->listener = NULL;
    process_free(s->process);
}

static void make_side(struct side *s, const char *name, const char *ip)
{
    struct process_config config = {.name = name, .on_end = on_end, .arg = s};

    *s = (struct side){.host = host_new(name, ip)};
    buf_init(&s->got, 1000);
    config.host = s->host;
    s->process = process_new(&config);
}

static int setup(void **state)
{
    struct net_config network = {.seed = 1, .latency_us = LATENCY_US};
    struct fail why;

    (void)state;
    clock_reset();
    net_reset(&network);
    make_side(&client, "client", "10.0.0.1");
    make_side(&server, "server", "10.0.0.2");
    server.listener = tcp_listen(server.process, "10.0.0.2", PORT, on_ready, &server, &why);
    assert_non_null(server.listener);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (!client.ended)
        process_kill(client.process);
    if (!server.ended)
        process_kill(server.process);
    buf_done(&client.got);
    buf_done(&server.got);
    net_done();
    return 0;
}

static void run(int64_t us)
{
    int64_t until_us = clock_now_us() + us;

    while (clock_step(until_us))
        continue;
}

static void connect_client(void)
{
    client.tcp = tcp_connect(client.process, "10.0.0.2", PORT, &events, &client);
}

static void say(struct side *s, const char *text)
{
    tcp_write(s->tcp, str_of(text));
}

static void test_bytes_and_an_orderly_end(void **state)
{
    (void)state;
    connect_client();
    run(10 * LATENCY_US);
    assert_true(client.connected);
    say(&client, "one ");
    say(&client, "two");
    say(&server, "three");
    assert_int_equal(server.got.n, 0); /* on its way */
    run(10 * LATENCY_US);
    assert_true(str_eq(buf_str(&server.got), "one two"));
    assert_true(str_eq(buf_str(&client.got), "three"));
    tcp_finish(client.tcp);
    client.tcp = NULL;
    run(10 * LATENCY_US);
    assert_true(server.closed);
    assert_int_equal(server.why, FAIL_NONE);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    tcp_listener_free(server.listener);
    server.listener = NULL;
    connect_client();
    run(10 * LATENCY_US);
    assert_true(client.closed);
    assert_int_equal(client.why, FAIL_REFUSED);
}

static void test_no_such_host(void **state)
{
    (void)state;
    client.tcp = tcp_connect(client.process, "10.9.9.9", PORT, &events, &client);
    run(10 * LATENCY_US);
    assert_true(client.closed);
    assert_int_equal(client.why, FAIL_UNREACHABLE);
}

static void test_a_blocked_path_delays_and_keeps(void **state)
{
    (void)state;
    connect_client();
    run(10 * LATENCY_US);
    path_block(client.host, server.host, true);
    say(&client, "late");
    say(&server, "in time"); /* the other way is open */
    run(SECOND);
    assert_int_equal(server.got.n, 0);
    assert_true(str_eq(buf_str(&client.got), "in time"));
    path_block(client.host, server.host, false);
    run(SECOND);
    assert_true(str_eq(buf_str(&server.got), "late"));
}

static void test_a_frozen_process_takes_connections_and_says_nothing(void **state)
{
    (void)state;
    process_freeze(server.process, true);
    connect_client();
    run(10 * LATENCY_US);
    assert_true(client.connected);
    say(&client, "hello");
    run(SECOND);
    assert_int_equal(server.got.n, 0);
    process_freeze(server.process, false);
    run(10 * LATENCY_US);
    assert_true(str_eq(buf_str(&server.got), "hello"));
}

static void test_the_death_of_a_process_is_heard(void **state)
{
    (void)state;
    connect_client();
    run(10 * LATENCY_US);
    process_kill(server.process);
    run(10 * LATENCY_US);
    assert_true(client.closed);
}

static void test_the_death_of_a_machine_is_not(void **state)
{
    (void)state;
    connect_client();
    run(10 * LATENCY_US);
    host_set_down(server.host, true);
    process_kill(server.process);
    run(SECOND);
    assert_false(client.closed);
    run(60LL * SECOND); /* keep-alive */
    assert_true(client.closed);
    assert_int_equal(client.why, FAIL_TIMEOUT);
}

static void say_three(void *arg)
{
    say(arg, "a");
    say(arg, "b");
    say(arg, "c");
    assert_false(client.ended); /* not before it returns */
}

static void test_a_process_dies_at_its_third_word(void **state)
{
    (void)state;
    connect_client();
    run(10 * LATENCY_US);
    process_kill_at_output(client.process, 3);
    process_run(client.process, say_three, &client);
    assert_true(client.ended);
    run(10 * LATENCY_US);
    assert_true(str_eq(buf_str(&server.got), "ab"));
    assert_true(server.closed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_and_an_orderly_end),
        TEST(test_nobody_listens),
        TEST(test_no_such_host),
        TEST(test_a_blocked_path_delays_and_keeps),
        TEST(test_a_frozen_process_takes_connections_and_says_nothing),
        TEST(test_the_death_of_a_process_is_heard),
        TEST(test_the_death_of_a_machine_is_not),
        TEST(test_a_process_dies_at_its_third_word),
    };

    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
