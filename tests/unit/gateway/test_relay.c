/* A session that has its upstream, through a whole gateway: bytes both ways, and both ends. */
#include "rig.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Late readers begin when both writers stand still: nothing more fits in on the way. */
static void wait_for_a_jam(struct rig *r, uint64_t bytes)
{
    uint64_t before;

    do {
        before = r->counters.bytes_up + r->counters.bytes_down;
        (void)poll(NULL, 0, 100);
        gateway_read_counters(r->g, &r->counters);
    } while (r->counters.bytes_up + r->counters.bytes_down != before || !before);
    assert_true(r->counters.bytes_up < bytes && r->counters.bytes_down < bytes);
}

struct load {
    size_t written, read; /* bytes of one call */
    uint64_t bytes;
    size_t buffer_size;
    bool late_readers;
};

static void relay_both_ways(const struct load *load)
{
    struct rig r;
    struct rig_stream stream[4];
    int client, upstream, window = 256 * 1024;

    rig_init(&r);
    r.config.buffer_size = load->buffer_size;
    rig_start(&r);
    rig_forward(&r, 1, false);
    (void)setsockopt(r.upstream[0], SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    rig_session(&r, &client, &upstream);
    (void)setsockopt(client, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    for (unsigned i = 0; i < 4; i++)
        stream[i] = (struct rig_stream){.fd = i == 0 || i == 3 ? client : upstream,
                                        .id = i % 2,
                                        .bytes = load->bytes,
                                        .chunk = i < 2 ? load->written : load->read,
                                        .then_end = true};
    rig_stream_write(&stream[0]);
    rig_stream_write(&stream[1]);
    if (load->late_readers)
        wait_for_a_jam(&r, load->bytes);
    rig_stream_check(&stream[2]);
    rig_stream_check(&stream[3]);
    for (int i = 0; i < 4; i++)
        rig_stream_join(&stream[i]);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    assert_int_equal(r.counters.bytes_up, load->bytes + 5);
    assert_int_equal(r.counters.bytes_down, load->bytes + 7);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_relays_bulk(void **state)
{
    (void)state;
    relay_both_ways(&(struct load){64 * 1024, 64 * 1024, 16 * 1024 * 1024, 64 * 1024, false});
}

static void test_relays_to_late_readers(void **state)
{
    (void)state;
    relay_both_ways(&(struct load){64 * 1024, 9999, 24 * 1024 * 1024, 64 * 1024, true});
}

static void test_relays_to_tiny_reads(void **state)
{
    (void)state;
    relay_both_ways(&(struct load){64 * 1024, 13, 600 * 1024, 64 * 1024, false});
}

static void test_relays_tiny_writes(void **state)
{
    (void)state;
    relay_both_ways(&(struct load){17, 4096, 200 * 1024, 1024, false});
}

static void test_relays_through_a_tiny_buffer(void **state)
{
    (void)state;
    relay_both_ways(&(struct load){5000, 5000, 100 * 1024, 1, false});
}

static void half_close(bool client_first)
{
    struct rig r;
    int client, upstream, first, second;

    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    first = client_first ? client : upstream;
    second = client_first ? upstream : client;
    rig_send(first, "that is all");
    assert_int_equal(shutdown(first, SHUT_WR), 0);
    rig_expect(second, "that is all");
    rig_expect_end(second);
    rig_send(second, "I have more");
    rig_expect(first, "I have more");
    rig_wait_counter(&r, &r.counters.sessions_active, 1);
    assert_int_equal(shutdown(second, SHUT_WR), 0);
    rig_expect_end(first);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    close(client);
    close(upstream);
    rig_stop(&r);
}

static void test_half_close_both_directions(void **state)
{
    (void)state;
    half_close(true);
    half_close(false);
}

static void test_upstream_reset_is_passed_on_and_reported(void **state)
{
    struct rig r;
    struct gateway_report report;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 4, false);
    rig_session(&r, &client, &upstream);
    rig_reset(upstream);
    report = rig_report(&r, GATEWAY_UPSTREAM_FAILED);
    assert_int_equal(report.generation, 4);
    assert_int_equal(report.why.kind, FAIL_REFUSED);
    assert_false(report.deserted); /* it was there */
    rig_expect_reset(client);
    rig_wait_counter(&r, &r.counters.upstream_errors, 1);
    close(client);
    rig_stop(&r);
}

static void test_client_reset_is_passed_on_and_not_reported(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_reset(client);
    rig_expect_reset(upstream);
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    rig_drop_reports(&r);
    assert_int_equal(r.seen[GATEWAY_UPSTREAM_FAILED], 0);
    close(upstream);
    rig_stop(&r);
}

static void test_storm_of_resets_is_reported_seldom(void **state)
{
    enum { N = 60 };
    struct rig r;
    int client[N], upstream[N];
    int64_t began_us;

    (void)state;
    rig_init(&r);
    r.config.workers = 4;
    rig_start(&r);
    rig_forward(&r, 1, false);
    for (int i = 0; i < N; i++)
        rig_session(&r, &client[i], &upstream[i]);
    began_us = rig_now_us();
    for (int i = 0; i < N; i++)
        rig_reset(upstream[i]);
    rig_wait_counter(&r, &r.counters.upstream_errors, N);
    rig_drop_reports(&r);
    assert_true(r.seen[GATEWAY_UPSTREAM_FAILED] >= 1);
    assert_true(r.seen[GATEWAY_UPSTREAM_FAILED] <= 1 + (rig_now_us() - began_us) / 10000);
    for (int i = 0; i < N; i++)
        close(client[i]);
    rig_stop(&r);
}

/* The upstream answers, closes, and its kernel resets what the client sends after that: the answer
 * must arrive whole, and this is no failure of the upstream. */
static void test_goodbye_then_reset_delivers_the_answer(void **state)
{
    struct rig r;
    int client, upstream;

    (void)state;
    rig_init(&r);
    rig_start(&r);
    rig_forward(&r, 1, false);
    rig_session(&r, &client, &upstream);
    rig_send(upstream, "last words");
    close(upstream);
    rig_expect(client, "last words");
    rig_expect_end(client);
    rig_send(client, "too late");
    rig_wait_counter(&r, &r.counters.sessions_active, 0);
    rig_drop_reports(&r);
    assert_int_equal(r.seen[GATEWAY_UPSTREAM_FAILED], 0);
    close(client);
    rig_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relays_bulk),
        cmocka_unit_test(test_relays_to_late_readers),
        cmocka_unit_test(test_relays_to_tiny_reads),
        cmocka_unit_test(test_relays_tiny_writes),
        cmocka_unit_test(test_relays_through_a_tiny_buffer),
        cmocka_unit_test(test_half_close_both_directions),
        cmocka_unit_test(test_upstream_reset_is_passed_on_and_reported),
        cmocka_unit_test(test_client_reset_is_passed_on_and_not_reported),
        cmocka_unit_test(test_storm_of_resets_is_reported_seldom),
        cmocka_unit_test(test_goodbye_then_reset_delivers_the_answer),
    };

    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
