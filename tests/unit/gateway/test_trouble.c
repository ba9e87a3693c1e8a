/* Clients and upstreams that behave badly, each with real sockets: nothing is left of them, and
 * others are served meanwhile. */
#include "rig.h"
#include "tls_rig.h"

#include "base/str.h"
#include "gateway/pipes.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
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

/* Nothing is left of who came since. */
static void wait_for_sockets(unsigned before)
{
    int64_t until_us = rig_now_us() + RIG_LIMIT_MS * 1000;
    unsigned now;

    /* Looked at once a round: a client that is not accepted yet may come in between. */
    while ((now = rig_open_sockets()) > before && rig_now_us() < until_us)
        (void)poll(NULL, 0, 1);
    assert_int_equal(now, before);
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
    before = rig_open_sockets();
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
    wait_for_sockets(before);
    rig_stop(&r);
}

/* What a session is doing when its client resets. */
enum moment {
    AT_ONCE,
    IN_HEADER,    /* of the PROXY protocol */
    IN_HANDSHAKE, /* of TLS */
    PARKED,
    PARKED_HALF_CLOSED,
    CONNECTING,
    SILENT,
    TALKING,
    JAMMED,
    HALF_CLOSED, /* by the upstream */
    ENDED,       /* by the client */
    HELD,
    MOMENTS
};

/* Half a greeting: the record that it announces is longer. */
static const char half_greeting[] = "\x16\x03\x01\x02\x01\x01\x01\x01";

static void reach(struct rig *r, enum moment moment, int *client, int *upstream)
{
    switch (moment) {
    case AT_ONCE:
    case CONNECTING:
        *client = rig_client(r);
        break;
    case IN_HEADER:
    case IN_HANDSHAKE:
        *client = rig_client(r);
        rig_send(*client, moment == IN_HEADER ? "PROXY TCP4 192.0" : half_greeting);
        rig_wait_counter(r, &r->counters.accepted_total, 1);
        break;
    case PARKED:
    case PARKED_HALF_CLOSED:
        *client = rig_client(r);
        rig_send(*client, "question");
        if (moment == PARKED_HALF_CLOSED)
            assert_int_equal(shutdown(*client, SHUT_WR), 0);
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
    case ENDED:
        rig_session(r, client, upstream);
        assert_int_equal(shutdown(moment == ENDED ? *client : *upstream, SHUT_WR), 0);
        rig_expect_end(moment == ENDED ? *upstream : *client);
        break;
    case MOMENTS:
        break;
    }
}

/* A gateway in which clients come as far as this. */
static void start_for(struct rig *r, enum moment moment, struct certificate *c, int deaf)
{
    struct gateway_route route;

    rig_init(r);
    if (moment == IN_HEADER)
        assert_true(networks_parse(&r->config.proxy_from, str_of("127.0.0.0/8")));
    if (moment == IN_HANDSHAKE) {
        (void)str_copy(r->config.tls_cert_path, sizeof r->config.tls_cert_path, c->cert_path);
        (void)str_copy(r->config.tls_key_path, sizeof r->config.tls_key_path, c->key_path);
    }
    rig_start(r);
    if (moment == PARKED || moment == PARKED_HALF_CLOSED) {
        rig_set(r, 1, GATEWAY_PARK);
        return;
    }
    route = rig_route(r, 1, 1);
    if (moment == CONNECTING)
        route.upstream[0].port = rig_port_of(deaf);
    gateway_set_route(r->g, &route);
    (void)rig_report(r, GATEWAY_IN_FORCE);
}

static void test_client_resets_at_every_moment(void **state)
{
    int deaf = rig_listen(0); /* room for one; further SYNs are dropped */
    int fill = rig_connect(rig_port_of(deaf));
    struct certificate c;

    (void)state;
    certificate_init(&c, "one");
    for (enum moment moment = 0; moment < MOMENTS; moment++) {
        struct rig r;
        int client = -1, upstream = -1;
        unsigned before;

        start_for(&r, moment, &c, deaf);
        before = rig_open_sockets();
        reach(&r, moment, &client, &upstream);
        if (moment == HELD)
            rig_forward(&r, 1, true);
        rig_reset(client);
        rig_wait_counter(&r, &r.counters.accepted_total, 1);
        rig_wait_counter(&r, &r.counters.sessions_active, 0);
        rig_wait_counter(&r, &r.counters.parked, 0);
        if (upstream >= 0)
            close(upstream);
        wait_for_sockets(before);
        rig_drop_reports(&r);
        assert_int_equal(r.seen[GATEWAY_UPSTREAM_FAILED], 0);
        rig_stop(&r);
    }
    certificate_done(&c);
    close(fill);
    close(deaf);
}

/* The descriptors run out, so that a client stays in the kernel's queue; there it resets. */
static void test_client_resets_before_accept(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), lowest;
    struct rlimit before, none;
    unsigned sockets;
    struct rig r;

    (void)state;
    rig_init(&r);
    r.config.workers = 1;
    rig_start(&r);
    rig_forward(&r, 1, false);
    at.sin_port = htons((uint16_t)gateway_port(r.g));
    sockets = rig_open_sockets() - 1; /* without fd */
    lowest = dup(fd);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    (void)rig_report(&r, GATEWAY_EXHAUSTED);
    rig_reset(fd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    rig_wait_counter(&r, &r.counters.accepted_total, 1);
    wait_for_sockets(sockets);
    assert_int_equal(r.counters.sessions_active, 0);
    rig_stop(&r);
}

/* ---- clients that end first, or say nothing ---- */

/* The whole question and its end came while there was nobody to ask. */
static void test_half_close_while_parked(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_set(&r, 1, GATEWAY_PARK);
    client = rig_client(&r);
    rig_send(client, "question");
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    rig_wait_counter(&r, &r.counters.parked, 1);
    rig_forward(&r, 2, false);
    upstream = rig_accept(r.upstream[0]);
    rig_expect(upstream, "question");
    rig_expect_end(upstream);
    rig_send(upstream, "answer");
    close(upstream);
    rig_expect(client, "answer");
    rig_expect_end(client);
    close(client);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    rig_stop(&r);
}

/* The end waits as the bytes do. */
static void test_half_close_while_held(void **state)
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
    rig_send(client, "question");
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    rig_expect_silence(upstream);
    rig_forward(&r, 1, false);
    rig_expect(upstream, "question");
    rig_expect_end(upstream);
    rig_send(upstream, "answer");
    close(upstream);
    rig_expect(client, "answer");
    rig_expect_end(client);
    close(client);
    rig_stop(&r);
}

static void test_clients_that_say_nothing(void **state)
{
    enum { N = 20 };
    struct rig r;
    int client[N], upstream[N];
    unsigned before;

    (void)state;
    rig_init(&r);
    r.config.session_timeout_ms = 1000;
    rig_start(&r);
    rig_forward(&r, 1, false);
    before = rig_open_sockets();
    for (int i = 0; i < N; i++)
        client[i] = rig_client(&r);
    for (int i = 0; i < N; i++)
        upstream[i] = rig_accept(r.upstream[0]);
    expect_service(&r);
    for (int i = 0; i < N; i++) {
        rig_expect_reset(client[i]);
        rig_expect_reset(upstream[i]);
        close(client[i]);
        close(upstream[i]);
    }
    rig_wait_counter(&r, &r.counters.refused[GATEWAY_REFUSED_TIMEOUT], N);
    wait_for_sockets(before);
    rig_stop(&r);
}

/* ---- upstreams ---- */

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
        cmocka_unit_test(test_client_resets_before_accept),
        cmocka_unit_test(test_half_close_while_parked),
        cmocka_unit_test(test_half_close_while_held),
        cmocka_unit_test(test_clients_that_say_nothing),
        cmocka_unit_test(test_upstream_resets_in_the_middle_of_bulk),
        cmocka_unit_test(test_upstream_vanishes),
        cmocka_unit_test(test_more_streams_than_pipes),
        cmocka_unit_test(test_route_changes_under_full_load),
    };

    return cmocka_run_group_tests_name("trouble", tests, NULL, NULL);
}
