/* Accepting: the limit over all workers, descriptors that run out, and stopping. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 25, THREADS = 8, LIMIT = 60 };

struct crowd {
    const struct rig *rig;
    int client[CLIENTS];
};

static void *connect_crowd(void *arg)
{
    struct crowd *c = arg;

    for (int i = 0; i < CLIENTS; i++)
        c->client[i] = rig_client(c->rig);
    return NULL;
}

static void test_limit_is_exact(void **state)
{
    struct rig r;
    struct crowd crowd[THREADS];
    pthread_t thread[THREADS];
    unsigned refused = 0;
    int one_more;

    (void)state;
    rig_init(&r);
    r.config.workers = 4;
    r.config.max_connections = LIMIT;
    rig_start(&r);
    for (int i = 0; i < THREADS; i++) {
        crowd[i].rig = &r;
        assert_int_equal(pthread_create(&thread[i], NULL, connect_crowd, &crowd[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    rig_wait_counter(&r, &r.counters.accepted_total, CLIENTS * THREADS);
    rig_wait_counter(&r, &r.counters.parked, LIMIT);
    /* Accepted is counted before refused. */
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_LIMIT], CLIENTS * THREADS - LIMIT);
    for (int i = 0; i < THREADS; i++) {
        for (int k = 0; k < CLIENTS; k++) {
            char byte;

            refused += recv(crowd[i].client[k], &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
            rig_reset(crowd[i].client[k]);
        }
    }
    assert_int_equal(refused, CLIENTS * THREADS - LIMIT);
    rig_wait_counter(&r, &r.counters.parked, 0);
    one_more = rig_client(&r);
    rig_wait_counter(&r, &r.counters.parked, 1);
    close(one_more);
    rig_stop(&r);
}

static void test_stop_with_live_sessions_leaks_nothing(void **state)
{
    enum { N = 10 };
    struct rig r;
    int client[N], upstream[N], parked;
    unsigned before;

    (void)state;
    for (int round = 0; round < 2; round++) {
        rig_init(&r);
        before = rig_open_fds();
        rig_start(&r);
        rig_forward(&r, 1, false);
        for (int i = 0; i < N; i++)
            rig_session(&r, &client[i], &upstream[i]);
        rig_forward(&r, 1, true);
        parked = rig_client(&r);
        rig_wait_counter(&r, &r.counters.parked, 1);
        gateway_stop(r.g);
        r.g = NULL;
        rig_expect_reset(parked);
        close(parked);
        for (int i = 0; i < N; i++) {
            rig_expect_reset(client[i]);
            rig_expect_reset(upstream[i]);
            close(client[i]);
            close(upstream[i]);
        }
        assert_int_equal(rig_open_fds(), before);
        rig_stop(&r);
    }
}

static void test_sessions_leak_no_descriptor(void **state)
{
    struct rig r;
    int client, upstream;
    unsigned before;
    int64_t until_us;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    before = rig_open_fds();
    for (int i = 0; i < 100; i++) {
        rig_session(&r, &client, &upstream);
        if (i % 2) {
            rig_reset(client);
            close(upstream);
        } else {
            close(upstream);
            rig_expect_end(client);
            close(client);
        }
    }
    until_us = rig_now_us() + RIG_LIMIT_MS * 1000;
    while (rig_open_fds() > before && rig_now_us() < until_us)
        (void)poll(NULL, 0, 1);
    assert_int_equal(rig_open_fds(), before);
    rig_stop(&r);
}

/* A byte into the pipe for each report that there is no room. */
static void tell_exhausted(struct rig *r, int out)
{
    for (;;) {
        struct pollfd p = {.fd = gateway_fd(r->g), .events = POLLIN};
        struct gateway_report report;

        while (gateway_next_report(r->g, &report))
            if (report.kind == GATEWAY_EXHAUSTED && write(out, "e", 1) != 1)
                _exit(1);
        (void)poll(&p, 1, -1);
    }
}

/* A child process with few descriptors serves; tells its port through the pipe. */
static void serve_with_few_descriptors(struct rig *r, rlim_t descriptors, int out)
{
    struct rlimit few = {.rlim_cur = descriptors, .rlim_max = descriptors};
    struct gateway_route route;
    unsigned port;

    (void)setrlimit(RLIMIT_NOFILE, &few);
    r->g = gateway_start(&r->config, &(struct fail){0});
    if (!r->g)
        _exit(1);
    route = rig_route(r, 1, 1);
    gateway_set_route(r->g, &route);
    port = gateway_port(r->g);
    if (write(out, &port, sizeof port) != sizeof port)
        _exit(1);
    tell_exhausted(r, out);
}

/* A client gets its session, maybe behind those that are dead already. */
static void expect_service(struct rig *r, unsigned port)
{
    int client = rig_connect(port);

    rig_send(client, "works again");
    for (bool found = false; !found;) {
        int fd = rig_accept(r->upstream[0]);
        char byte;

        found = recv(fd, &byte, 1, MSG_PEEK) == 1;
        if (found)
            rig_expect(fd, "works again");
        close(fd);
    }
    close(client);
}

static void recover_from_too_many(rlim_t descriptors)
{
    enum { N = 100 };
    struct rig r;
    int client[N], upstream[N], pipes[2];
    unsigned port, served = 0;
    char said[8];
    pid_t child;
    struct pollfd p;

    rig_init(&r);
    r.config.workers = 1;
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        serve_with_few_descriptors(&r, descriptors, pipes[1]);
    assert_int_equal(read(pipes[0], &port, sizeof port), sizeof port);
    for (int i = 0; i < N; i++)
        client[i] = rig_connect(port);
    /* Some get through, and then no more for a while: there are no descriptors. */
    p = (struct pollfd){.fd = r.upstream[0], .events = POLLIN};
    while (poll(&p, 1, 200) == 1)
        upstream[served++] = rig_accept(r.upstream[0]);
    assert_in_range(served, 5, 40);
    for (int i = 0; i < N; i++)
        rig_reset(client[i]);
    for (unsigned i = 0; i < served; i++)
        close(upstream[i]);
    for (int i = 0; i < 3; i++)
        expect_service(&r, port);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(pipes[1]);
    assert_int_equal(read(pipes[0], said, sizeof said), 1); /* once, however often it happened */
    close(pipes[0]);
    rig_stop(&r);
}

/* A session needs two descriptors: the last one is missing at accept once, and at connect once. */
static void test_recovers_from_too_many_descriptors(void **state)
{
    (void)state;
    recover_from_too_many(64);
    recover_from_too_many(65);
}

/* The limit in the design is 50 ms for 9,000 sessions, measured by bench/; this only sees that it
 * is done in one go, whatever the machine and the sanitizer. */
static void test_cuts_many_at_once(void **state)
{
    enum { N = 300 };
    struct rig r;
    int client[N], upstream[N];
    int64_t began_us;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    for (int i = 0; i < N; i++)
        rig_session(&r, &client[i], &upstream[i]);
    began_us = rig_now_us();
    gateway_set_route(r.g, &(struct gateway_route){.generation = 2, .kind = GATEWAY_PARK});
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, N);
    assert_true(rig_now_us() - began_us < 1000000);
    for (int i = 0; i < N; i++) {
        rig_expect_reset(client[i]);
        close(client[i]);
        close(upstream[i]);
    }
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_is_exact),
        cmocka_unit_test(test_stop_with_live_sessions_leaks_nothing),
        cmocka_unit_test(test_sessions_leak_no_descriptor),
        cmocka_unit_test(test_recovers_from_too_many_descriptors),
        cmocka_unit_test(test_cuts_many_at_once),
    };

    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
