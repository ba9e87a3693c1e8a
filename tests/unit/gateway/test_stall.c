/* A worker that stood still cuts its sessions before it passes another byte, and lets nobody to an
 * upstream before it is told a route again. The clock is the
 * test's (--wrap=clock_gettime): it jumps as if the process had been stopped for so long. What the
 * timer is set to follows it (--wrap=timerfd_settime). */
#include "rig.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_MS = 60 * 1000, CHUNK = 4096 };

int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *was);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *was);
ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);

static atomic_llong ahead_ms; /* of the real clock */
static atomic_int jump_in;    /* the clock jumps after so many reads of a worker; 0: not */

static void jump(int64_t by_ms)
{
    atomic_fetch_add(&ahead_ms, by_ms);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    int64_t by_ms = atomic_load(&ahead_ms);
    int status = __real_clock_gettime(id, t);

    t->tv_sec += by_ms / 1000;
    return status;
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *was)
{
    struct itimerspec real = *at;

    real.it_value.tv_sec -= atomic_load(&ahead_ms) / 1000;
    return __real_timerfd_settime(fd, flags, &real, was);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
    ssize_t got = __real_recv(fd, bytes, size, flags);

    if (size == CHUNK && atomic_load(&jump_in) && atomic_fetch_sub(&jump_in, 1) == 1)
        jump(LIMIT_MS + 1000);
    return got;
}

static void start(struct rig *r, unsigned workers, int64_t limit_ms)
{
    rig_init(r);
    r->config.workers = workers;
    r->config.stall_limit_ms = limit_ms;
    r->config.session_timeout_ms = r->config.hold_timeout_ms = 3600 * 1000;
    rig_start(r);
    rig_forward(r, 1, false);
}

static void expect_cut(struct rig *r, uint64_t sessions)
{
    rig_wait_counter(r, &r->counters.cut[GATEWAY_CUT_STALLED], sessions);
    rig_wait_counter(r, &r->counters.sessions_active, 0);
}

/* One byte is enough, of either side, and takes all sessions of the worker with it. */
static void cut_before_the_byte_passes(bool from_upstream)
{
    enum { N = 5 };
    struct rig r;
    int client[N], upstream[N];

    start(&r, 1, LIMIT_MS);
    for (int i = 0; i < N; i++)
        rig_session(&r, &client[i], &upstream[i]);
    jump(LIMIT_MS + 1000);
    rig_send(from_upstream ? upstream[0] : client[0], "of old times");
    for (int i = 0; i < N; i++) {
        rig_expect_reset(client[i]); /* and no byte before it */
        rig_expect_reset(upstream[i]);
        close(client[i]);
        close(upstream[i]);
    }
    expect_cut(&r, N);
    assert_int_equal(r.counters.bytes_up, N * 5);   /* hello */
    assert_int_equal(r.counters.bytes_down, N * 7); /* welcome */
    rig_stop(&r);
}

static void test_cut_before_an_answer_passes(void **state)
{
    (void)state;
    cut_before_the_byte_passes(true);
}

static void test_cut_before_a_request_passes(void **state)
{
    (void)state;
    cut_before_the_byte_passes(false);
}

static void test_every_worker_looks_for_itself(void **state)
{
    enum { N = 16 };
    struct rig r;
    int client[N], upstream[N];

    (void)state;
    start(&r, 4, LIMIT_MS);
    for (int i = 0; i < N; i++)
        rig_session(&r, &client[i], &upstream[i]);
    jump(LIMIT_MS + 1000);
    for (int i = 0; i < N; i++)
        (void)send(upstream[i], "x", 1, MSG_NOSIGNAL); /* or it is cut already */
    for (int i = 0; i < N; i++) {
        rig_expect_reset(client[i]);
        close(client[i]);
        close(upstream[i]);
    }
    expect_cut(&r, N);
    rig_stop(&r);
}

static void expect_still_there(int client, int upstream)
{
    rig_send(upstream, "still me");
    rig_expect(client, "still me");
    rig_send(client, "and me");
    rig_expect(upstream, "and me");
}

static void test_a_shorter_pause_cuts_nobody(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    start(&r, 1, LIMIT_MS);
    rig_session(&r, &client, &upstream);
    for (int i = 0; i < 3; i++) { /* each is looked at by itself */
        jump(LIMIT_MS * 3 / 4);
        expect_still_there(client, upstream);
    }
    gateway_read_counters(r.g, &r.counters);
    assert_int_equal(r.counters.cut[GATEWAY_CUT_STALLED], 0);
    assert_int_equal(r.counters.sessions_active, 1);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_without_a_limit_nobody_is_cut(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    start(&r, 1, 0);
    rig_session(&r, &client, &upstream);
    jump(100 * LIMIT_MS);
    expect_still_there(client, upstream);
    gateway_read_counters(r.g, &r.counters);
    assert_int_equal(r.counters.cut[GATEWAY_CUT_STALLED], 0);
    close(client);
    close(upstream);
    rig_stop(&r);
}

/* Who waits for a route has heard nothing of the old main. */
static void test_parked_clients_stay(void **state)
{
    struct rig r;
    int client, upstream, parked;

    (void)state;
    start(&r, 1, LIMIT_MS);
    rig_session(&r, &client, &upstream);
    rig_forward(&r, 1, true);
    parked = rig_client(&r);
    rig_send(parked, "patience");
    rig_wait_counter(&r, &r.counters.parked, 1);
    jump(LIMIT_MS + 1000);
    rig_send(client, "x");
    rig_expect_reset(client);
    expect_cut(&r, 1);
    assert_int_equal(r.counters.parked, 1);
    close(client);
    close(upstream);
    rig_forward(&r, 1, false);
    upstream = rig_accept(r.upstream[0]);
    rig_expect(upstream, "patience");
    close(parked);
    close(upstream);
    rig_stop(&r);
}

/* The main may have moved meanwhile: who comes now waits until control, which may have stood still
 * as well, has been told and says where to. */
static void test_who_comes_waits_for_a_route(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    start(&r, 1, LIMIT_MS);
    jump(LIMIT_MS + 1000);
    client = rig_client(&r);
    rig_send(client, "patience");
    (void)rig_report(&r, GATEWAY_STALLED);
    rig_wait_counter(&r, &r.counters.parked, 1);
    rig_forward(&r, 1, false); /* the same route */
    upstream = rig_accept(r.upstream[0]);
    rig_expect(upstream, "patience");
    close(client);
    close(upstream);
    rig_stop(&r);
}

/* A route that was under way to the worker while it stood still is none. */
static void test_a_route_from_before_is_outdated(void **state)
{
    struct rig r;
    int client, upstream, before, served;

    (void)state;
    start(&r, 1, LIMIT_MS);
    rig_session(&r, &before, &served); /* so that the worker is done with its first route */
    jump(LIMIT_MS + 1000);
    rig_forward(&r, 1, false); /* the worker wakes for it */
    assert_int_equal(r.seen[GATEWAY_STALLED], 1);
    client = rig_client(&r);
    rig_wait_counter(&r, &r.counters.parked, 1);
    rig_forward(&r, 1, false);
    upstream = rig_accept(r.upstream[0]);
    close(before);
    close(served);
    close(client);
    close(upstream);
    rig_stop(&r);
}

/* A client whose upstream has not taken the connection yet would be the old main's, too. */
static void test_who_is_connecting_is_cut(void **state)
{
    struct rig r;
    struct gateway_route route;
    int deaf = rig_listen(0); /* room for one; further SYNs are dropped */
    int fill = rig_connect(rig_port_of(deaf));
    int client;

    (void)state;
    start(&r, 1, LIMIT_MS);
    route = rig_route(&r, 2, 1);
    route.upstream[0].port = rig_port_of(deaf);
    gateway_set_route(r.g, &route);
    (void)rig_report(&r, GATEWAY_IN_FORCE);
    client = rig_client(&r);
    rig_wait_counter(&r, &r.counters.accepted_total, 1);
    jump(LIMIT_MS + 1000);
    rig_send(client, "x");
    rig_expect_reset(client);
    expect_cut(&r, 1);
    close(client);
    close(fill);
    close(deaf);
    rig_stop(&r);
}

/* The process is stopped between two reads of one turn: what was read before goes on, the rest
 * does not. */
static void test_stopped_in_the_middle_of_a_turn(void **state)
{
    static uint8_t answer[16 * CHUNK];
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.workers = 1;
    r.config.buffer_size = CHUNK;
    r.config.stall_limit_ms = LIMIT_MS;
    r.config.session_timeout_ms = r.config.hold_timeout_ms = 3600 * 1000;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_forward(&r, 1, true);
    (void)rig_report(&r, GATEWAY_DRAINED);
    assert_int_equal(send(upstream, answer, sizeof answer, MSG_NOSIGNAL), sizeof answer);
    atomic_store(&jump_in, 2);
    rig_forward(&r, 1, false); /* now all of it is there to be read in one turn */
    rig_wait_counter(&r, &r.counters.bytes_down, 7 + 2 * CHUNK);
    rig_send(client, "x"); /* the next one: the kernel's clock did not jump with ours */
    expect_cut(&r, 1);
    assert_int_equal(r.counters.bytes_down, 7 + 2 * CHUNK);
    close(client);
    close(upstream);
    rig_stop(&r);
}

/* A worker that has nothing to do is no worker that stood still: it wakes in time. Real time. */
static void test_idle_is_not_stalled(void **state)
{
    enum { SHORT_MS = 2000 };
    struct rig r;
    int64_t until_us = rig_now_us() + (SHORT_MS + SHORT_MS / 4) * 1000;
    int client, upstream;

    (void)state;
    start(&r, 1, SHORT_MS);
    rig_session(&r, &client, &upstream);
    while (rig_now_us() < until_us)
        rig_expect_silence(client);
    expect_still_there(client, upstream);
    close(client);
    close(upstream);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_before_an_answer_passes),
        cmocka_unit_test(test_cut_before_a_request_passes),
        cmocka_unit_test(test_every_worker_looks_for_itself),
        cmocka_unit_test(test_a_shorter_pause_cuts_nobody),
        cmocka_unit_test(test_without_a_limit_nobody_is_cut),
        cmocka_unit_test(test_parked_clients_stay),
        cmocka_unit_test(test_who_comes_waits_for_a_route),
        cmocka_unit_test(test_a_route_from_before_is_outdated),
        cmocka_unit_test(test_who_is_connecting_is_cut),
        cmocka_unit_test(test_stopped_in_the_middle_of_a_turn),
        cmocka_unit_test(test_idle_is_not_stalled),
    };

    return cmocka_run_group_tests_name("stall", tests, NULL, NULL);
}
