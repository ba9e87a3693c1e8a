/* Clients and upstreams that behave badly, each with real sockets: nothing is left of them, and
 * others are served meanwhile. */
#include "rig.h"

#include "gateway/pipes.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Another client is served while the trouble lasts. */
static void expect_service(struct rig *r)
{
    int client, upstream;

    rig_session(r, &client, &upstream);
    close(client);
    rig_expect_end(upstream);
    close(upstream);
}

/* Nothing moves any more, on the way to a reader that does not read. */
static void wait_for_a_jam(struct rig *r)
{
    uint64_t before;

    do {
        before = r->counters.bytes_up + r->counters.bytes_down;
        (void)poll(NULL, 0, 100);
        gateway_read_counters(r->g, &r->counters);
    } while (r->counters.bytes_up + r->counters.bytes_down != before || !before);
}

static void wait_for_fds(unsigned before)
{
    int64_t until_us = rig_now_us() + RIG_LIMIT_MS * 1000;
    unsigned now;

    /* Looked at once a round: a client that is not accepted yet may come in between. */
    while ((now = rig_open_fds()) > before && rig_now_us() < until_us)
        (void)poll(NULL, 0, 1);
    assert_true(now <= before);
}

/* Sends until the socket has been full for a moment. */
static void flood(int fd)
{
    static uint8_t zeros[64 * 1024];
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    while (poll(&p, 1, 200) == 1 && !(p.revents & (POLLERR | POLLHUP)))
        if (send(fd, zeros, sizeof zeros, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
            return;
}

static void test_one_byte_at_a_time(void **state)
{
    struct rig r;
    struct rig_stream stream[2];
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    stream[0] =
        (struct rig_stream){.fd = client, .id = 1, .bytes = 20000, .chunk = 1, .then_end = true};
    stream[1] =
        (struct rig_stream){.fd = upstream, .id = 1, .bytes = 20000, .chunk = 1, .then_end = true};
    rig_stream_write(&stream[0]);
    rig_stream_check(&stream[1]);
    rig_stream_join(&stream[0]);
    rig_stream_join(&stream[1]);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_clients_that_never_read(void **state)
{
    enum { N = 5 };
    struct rig r;
    int client[N], upstream[N];
    unsigned before;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    expect_service(&r);
    before = rig_open_fds();
    for (int i = 0; i < N; i++) {
        rig_session(&r, &client[i], &upstream[i]);
        flood(upstream[i]);
    }
    wait_for_a_jam(&r);
    expect_service(&r);
    for (int i = 0; i < N; i++) {
        rig_reset(client[i]);
        close(upstream[i]);
    }
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    wait_for_fds(before + 2 * 2 * 4); /* two workers keep a few pipes */
    rig_stop(&r);
}

/* What a session is doing when its client resets. */
enum moment { AT_ONCE, PARKED, CONNECTING, SILENT, TALKING, JAMMED, HALF_CLOSED, HELD, MOMENTS };

static void reach(struct rig *r, enum moment moment, int *client, int *upstream)
{
    switch (moment) {
    case AT_ONCE:
    case CONNECTING:
        *client = rig_client(r);
        break;
    case PARKED:
        *client = rig_client(r);
        rig_wait_counter(r, &r->counters.parked, 1);
        break;
    case SILENT:
        *client = rig_client(r);
        *upstream = rig_accept(r->upstream[0]);
        break;
    case TALKING:
    case HELD:
        rig_session(r, client, upstream);
        rig_send(*client, "question");
        break;
    case JAMMED:
        rig_session(r, client, upstream);
        flood(*upstream);
        flood(*client);
        break;
    case HALF_CLOSED:
        rig_session(r, client, upstream);
        assert_int_equal(shutdown(*upstream, SHUT_WR), 0);
        rig_expect_end(*client);
        break;
    case MOMENTS:
        break;
    }
}

static void test_client_resets_at_every_moment(void **state)
{
    (void)state;
    for (enum moment moment = 0; moment < MOMENTS; moment++) {
        struct rig r;
        int client = -1, upstream = -1, deaf = -1, fill = -1;
        unsigned before;

        rig_init(&r);
        rig_start(&r);
        if (moment == PARKED) {
            rig_set(&r, 1, GATEWAY_PARK);
        } else if (moment == CONNECTING) {
            struct gateway_route route = rig_route(&r, 1, 1);

            deaf = rig_listen(0); /* room for one; further SYNs are dropped */
            fill = rig_connect(rig_port_of(deaf));
            route.upstream[0].port = rig_port_of(deaf);
            gateway_set_route(r.g, &route);
            (void)rig_report(&r, GATEWAY_IN_FORCE);
        } else {
            rig_forward(&r, 1, false);
        }
        before = rig_open_fds();
        reach(&r, moment, &client, &upstream);
        if (moment == HELD)
            rig_forward(&r, 1, true);
        rig_reset(client);
        rig_wait_counter(&r, &r.counters.sessions_active, 0);
        rig_wait_counter(&r, &r.counters.parked, 0);
        if (upstream >= 0)
            close(upstream);
        if (moment == AT_ONCE) /* it may have come as far as the upstream */
            wait_for_fds(before);
        else
            wait_for_fds(before + 2 * 4);
        rig_drop_reports(&r);
        assert_int_equal(r.seen[GATEWAY_UPSTREAM_FAILED], 0);
        if (deaf >= 0) {
            close(deaf);
            close(fill);
        }
        rig_stop(&r);
    }
}

static void test_upstream_resets_in_the_middle_of_bulk(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    flood(client); /* spliced by now, and jammed */
    wait_for_a_jam(&r);
    rig_reset(upstream);
    (void)rig_report(&r, GATEWAY_UPSTREAM_FAILED);
    rig_expect_reset(client);
    close(client);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    expect_service(&r);
    rig_stop(&r);
}

/* An upstream that takes no byte any more, as one that vanished: what was sent stays unacknowledged
 * or unread, and TCP_USER_TIMEOUT ends it. */
static void test_upstream_vanishes(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    r.config.user_timeout_ms = 300;
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    flood(client);
    assert_int_equal(rig_report(&r, GATEWAY_UPSTREAM_FAILED).why.kind, FAIL_TIMEOUT);
    rig_expect_reset(client);
    close(client);
    close(upstream);
    rig_stop(&r);
}

/* More jammed streams than a worker may have pipes: the others are copied, and every byte of all
 * of them is right in the end. */
static void test_more_streams_than_pipes(void **state)
{
    enum { N = PIPES_MAX + 8, BYTES = 5 * 1000 * 1000 };
    struct rig r;
    struct rig_stream writer[N], reader[N];
    int client[N], upstream[N];
    unsigned before;

    (void)state;
    rig_init(&r);
    r.config.workers = 1;
    rig_start(&r);
    rig_forward(&r, 1, false);
    before = rig_open_fds();
    for (int i = 0; i < N; i++) {
        rig_session(&r, &client[i], &upstream[i]);
        writer[i] = (struct rig_stream){
            .fd = upstream[i], .id = (uint64_t)i, .bytes = BYTES, .chunk = 65536, .then_end = true};
        reader[i] = writer[i];
        reader[i].fd = client[i];
        rig_stream_write(&writer[i]);
    }
    wait_for_a_jam(&r);
    /* 4: both ends, both sides. How many have come as far as a pipe is a matter of time. */
    assert_in_range(rig_open_fds(), before + 4 * N + 2, before + 4 * N + 2 * PIPES_MAX);
    for (int i = 0; i < N; i++)
        rig_stream_check(&reader[i]);
    for (int i = 0; i < N; i++) {
        rig_stream_join(&writer[i]);
        rig_stream_join(&reader[i]);
        close(client[i]);
        close(upstream[i]);
    }
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    rig_stop(&r);
}

/* Streams at full speed in both workers; the route changes; all are cut, soon. */
static void test_route_changes_under_full_load(void **state)
{
    enum { N = 8 };
    struct rig r;
    struct rig_stream writer[N], reader[N];
    int client[N], upstream[N];
    int64_t began_us;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    for (int i = 0; i < N; i++) {
        rig_session(&r, &client[i], &upstream[i]);
        writer[i] = (struct rig_stream){.fd = upstream[i], .bytes = UINT64_MAX, .chunk = 65536};
        reader[i] = writer[i];
        reader[i].fd = client[i];
        rig_stream_write(&writer[i]);
        rig_stream_check(&reader[i]);
    }
    do {
        (void)poll(NULL, 0, 10);
        gateway_read_counters(r.g, &r.counters);
    } while (r.counters.bytes_down < 20 * 1000 * 1000);
    began_us = rig_now_us();
    gateway_set_route(r.g, &(struct gateway_route){.generation = 2, .kind = GATEWAY_PARK});
    assert_int_equal(rig_report(&r, GATEWAY_IN_FORCE).cut, N);
    assert_true(rig_now_us() - began_us < 2000000);
    for (int i = 0; i < N; i++) {
        void *cut;

        /* Both ends saw the reset, and no wrong byte before it. */
        assert_int_equal(pthread_join(writer[i].thread, &cut), 0);
        assert_non_null(cut);
        assert_int_equal(pthread_join(reader[i].thread, &cut), 0);
        assert_non_null(cut);
        close(client[i]);
        close(upstream[i]);
    }
    rig_forward(&r, 3, false);
    expect_service(&r);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_byte_at_a_time),
        cmocka_unit_test(test_clients_that_never_read),
        cmocka_unit_test(test_client_resets_at_every_moment),
        cmocka_unit_test(test_upstream_resets_in_the_middle_of_bulk),
        cmocka_unit_test(test_upstream_vanishes),
        cmocka_unit_test(test_more_streams_than_pipes),
        cmocka_unit_test(test_route_changes_under_full_load),
    };

    return cmocka_run_group_tests_name("trouble", tests, NULL, NULL);
}
