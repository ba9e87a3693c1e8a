/* One direction of a session: byte for byte, with back-pressure and half-close. */
#include "gateway/pump.h"
#include "rig.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SCRATCH = 8 * 1024 };

/* A pump between two socket pairs: the test holds the outer ends, with blocking reads. */
struct pipeline {
    int source, sink;
    struct peer from, to;
    struct pump pump;
    uint8_t memory[SCRATCH];
    struct pump_tools tools;
};

static void pipeline_init(struct pipeline *l)
{
    int a[2], b[2], small = 4096;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b), 0);
    (void)setsockopt(b[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    l->source = a[0];
    l->sink = b[1];
    l->from = (struct peer){.fd = a[1], .readable = true, .writable = true};
    l->to = (struct peer){.fd = b[0], .readable = true, .writable = true};
    l->tools = (struct pump_tools){.scratch = l->memory, .size = sizeof l->memory};
    pump_init(&l->pump, &l->from, &l->to);
}

static void pipeline_done(struct pipeline *l)
{
    pump_done(&l->pump, &l->tools);
    pipes_done(&l->tools.pipes);
    close(l->source);
    close(l->sink);
    close(l->from.fd);
    close(l->to.fd);
}

static struct pump_result run(struct pipeline *l, bool may_read)
{
    return pump_run(&l->pump, &l->tools, may_read);
}

static void test_small_message_owns_no_memory(void **state)
{
    struct pipeline l;

    (void)state;
    pipeline_init(&l);
    rig_send(l.source, "ping");
    assert_int_equal(run(&l, true).moved, 4);
    rig_expect(l.sink, "ping");
    assert_null(l.pump.rest);
    assert_false(l.from.readable); /* a short read has emptied the socket */
    assert_int_equal(run(&l, true).moved, 0);
    pipeline_done(&l);
}

static void test_without_permission_nothing_is_read(void **state)
{
    struct pipeline l;

    (void)state;
    pipeline_init(&l);
    rig_send(l.source, "ping");
    assert_int_equal(run(&l, false).moved, 0);
    assert_true(l.from.readable);
    assert_int_equal(run(&l, true).moved, 4);
    pipeline_done(&l);
}

static size_t fill(int fd, uint64_t stream, size_t at, size_t end)
{
    for (;;) {
        uint8_t chunk[8000];
        size_t n = end - at < sizeof chunk ? end - at : sizeof chunk;
        ssize_t sent;

        for (size_t i = 0; i < n; i++)
            chunk[i] = rig_byte(stream, at + i);
        sent = n ? send(fd, chunk, n, MSG_NOSIGNAL) : 0;
        if (sent <= 0)
            return at;
        at += (size_t)sent;
    }
}

static size_t drain(int fd, uint64_t stream, size_t at, size_t most)
{
    uint8_t chunk[4096];
    ssize_t got;

    while (most &&
           (got = recv(fd, chunk, most < sizeof chunk ? most : sizeof chunk, MSG_DONTWAIT)) > 0) {
        for (ssize_t i = 0; i < got; i++)
            assert_true(chunk[i] == rig_byte(stream, at + (size_t)i));
        at += (size_t)got;
        most -= (size_t)got;
    }
    return at;
}

/* The sink takes little at a time; what waits is bounded, comes in order, and is freed. */
static void test_back_pressure(void **state)
{
    enum { BYTES = 300000 };
    struct pipeline l;
    size_t sent = 0, received = 0, most = 0;

    (void)state;
    pipeline_init(&l);
    while (received < BYTES) {
        struct pump_result result;

        sent = fill(l.source, 7, sent, BYTES);
        l.from.readable = l.to.writable = true; /* as the edges would say */
        result = run(&l, true);
        assert_true(result.outcome == PUMP_WAITS || result.outcome == PUMP_HAS_MORE);
        if (l.pump.rest) {
            assert_false(l.to.writable);
            assert_true(l.pump.rest_end <= SCRATCH);
            most = l.pump.rest_end - l.pump.rest_at > most ? l.pump.rest_end - l.pump.rest_at
                                                           : most;
        }
        received = drain(l.sink, 7, received, 1 + received % 5000);
    }
    assert_true(most > 0);
    l.to.writable = true;
    (void)run(&l, true);
    assert_null(l.pump.rest);
    pipeline_done(&l);
}

static void test_rest_is_sent_during_a_hold(void **state)
{
    struct pipeline l;
    size_t sent, received = 0, before;

    (void)state;
    pipeline_init(&l);
    sent = fill(l.source, 1, 0, 64 * 1024);
    (void)run(&l, true);
    assert_non_null(l.pump.rest);
    before = l.pump.rest_end - l.pump.rest_at;
    received = drain(l.sink, 1, received, SIZE_MAX);
    l.to.writable = true;
    while (l.pump.rest) {
        (void)run(&l, false);
        received = drain(l.sink, 1, received, SIZE_MAX);
        l.to.writable = true;
    }
    assert_true(before > 0 && received < sent);
    pipeline_done(&l);
}

static void test_end_is_passed_on_after_the_last_byte(void **state)
{
    struct pipeline l;
    char byte;

    (void)state;
    pipeline_init(&l);
    rig_send(l.source, "bye");
    assert_int_equal(shutdown(l.source, SHUT_WR), 0);
    l.from.ending = true; /* told with the data, so no other edge will come */
    assert_int_equal(run(&l, true).moved, 3);
    assert_true(l.pump.closed);
    rig_expect(l.sink, "bye");
    assert_int_equal(recv(l.sink, &byte, 1, 0), 0);
    assert_int_equal(send(l.sink, "x", 1, MSG_NOSIGNAL), 1); /* the other way is open */
    assert_int_equal(run(&l, true).outcome, PUMP_WAITS);
    pipeline_done(&l);
}

static void test_tells_which_side_failed(void **state)
{
    struct pipeline l;
    struct pump_result result;

    (void)state;
    pipeline_init(&l);
    rig_send(l.source, "lost");
    close(l.sink);
    l.sink = -1;
    result = run(&l, true);
    assert_int_equal(result.outcome, PUMP_TO_FAILED);
    assert_int_equal(result.err, EPIPE);
    pipeline_done(&l);

    pipeline_init(&l);
    rig_send(l.from.fd, "unread at close makes a reset");
    close(l.source);
    l.source = -1;
    result = run(&l, true);
    assert_int_equal(result.outcome, PUMP_FROM_FAILED);
    assert_int_equal(result.err, ECONNRESET);
    pipeline_done(&l);
}

static void test_abandoned_is_closed(void **state)
{
    struct pipeline l;

    (void)state;
    pipeline_init(&l);
    (void)fill(l.source, 1, 0, 64 * 1024);
    (void)run(&l, true);
    assert_non_null(l.pump.rest);
    pump_abandon(&l.pump, &l.tools);
    assert_null(l.pump.rest);
    assert_true(l.pump.closed);
    assert_int_equal(run(&l, true).moved, 0);
    pipeline_done(&l);
}

static void big_buffers(struct pipeline *l)
{
    int big = 1 << 20; /* the kernel gives 416 KiB of it */

    (void)setsockopt(l->source, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
    (void)setsockopt(l->to.fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
}

/* No pipe can be had: the bytes are copied. */
static void without_pipes(struct pipeline *l)
{
    l->tools.pipes.again_us = INT64_MAX;
}

static void test_share_of_a_turn(void **state)
{
    struct pipeline l;
    size_t moved;

    (void)state;
    pipeline_init(&l);
    without_pipes(&l);
    big_buffers(&l);
    assert_int_equal(fill(l.source, 3, 0, 300 * 1024), 300 * 1024);
    assert_int_equal(run(&l, true).outcome, PUMP_HAS_MORE);
    assert_true(l.from.readable); /* no edge will come for what is there already */
    moved = drain(l.sink, 3, 0, SIZE_MAX);
    assert_int_equal(moved, 256 * 1024);
    assert_int_equal(l.tools.pipes.n_made, 0);
    pipeline_done(&l);
}

/* Everything that is in the source, through a sink that is emptied whenever it is full. */
static void move_all(struct pipeline *l, uint64_t stream, size_t bytes)
{
    size_t sent = 0, received = 0;

    while (received < bytes) {
        struct pump_result result;

        sent = fill(l->source, stream, sent, bytes);
        l->from.readable = l->to.writable = true;
        result = run(l, true);
        assert_true(result.outcome == PUMP_WAITS || result.outcome == PUMP_HAS_MORE);
        received = drain(l->sink, stream, received, SIZE_MAX);
    }
}

static void test_full_buffers_change_to_splice_and_small_ones_back(void **state)
{
    struct pipeline l;

    (void)state;
    pipeline_init(&l);
    big_buffers(&l);
    assert_false(l.pump.splicing);
    move_all(&l, 5, 4000 * 1000);
    assert_true(l.pump.splicing);
    assert_true(l.tools.pipes.n_made > 0);
    assert_int_equal(l.tools.pipes.n_free, l.tools.pipes.n_made); /* none is kept by the pump */
    for (int i = 0; i < 4; i++) {
        assert_true(l.pump.splicing);
        rig_send(l.source, "calm");
        l.from.readable = true;
        assert_int_equal(run(&l, true).moved, 4);
        rig_expect(l.sink, "calm");
    }
    assert_false(l.pump.splicing);
    pipeline_done(&l);
}

/* The sink is full while the pipe holds bytes: they wait there, in order, and nothing is read. */
static void test_full_sink_keeps_the_pipe(void **state)
{
    enum { BYTES = 1000 * 1000 };
    struct pipeline l;
    size_t sent, received;

    (void)state;
    pipeline_init(&l);
    l.pump.splicing = true;
    sent = fill(l.source, 6, 0, BYTES);
    assert_int_equal(run(&l, true).outcome, PUMP_WAITS);
    assert_true(l.pump.piped > 0);
    assert_false(l.to.writable);
    assert_int_equal(l.tools.pipes.n_free, 0);
    assert_int_equal(run(&l, true).moved, 0);
    received = drain(l.sink, 6, 0, SIZE_MAX);
    while (received < sent) {
        l.to.writable = true;
        (void)run(&l, false); /* also in a hold what was read is sent */
        received = drain(l.sink, 6, received, SIZE_MAX);
        if (!l.pump.piped)
            (void)run(&l, true);
    }
    assert_int_equal(l.pump.piped, 0);
    assert_int_equal(l.tools.pipes.n_free, l.tools.pipes.n_made);
    pipeline_done(&l);
}

/* A session that ends with bytes in its pipe does not leave them to the next one. */
static void test_abandoned_pipe_is_not_used_again(void **state)
{
    struct pipeline l;

    (void)state;
    pipeline_init(&l);
    l.pump.splicing = true;
    (void)fill(l.source, 6, 0, 100 * 1000);
    assert_int_equal(run(&l, true).outcome, PUMP_WAITS);
    assert_true(l.pump.piped > 0);
    pump_abandon(&l.pump, &l.tools);
    assert_int_equal(l.tools.pipes.n_made, 0);
    pipeline_done(&l);
}

/* Pipes run out in the middle of a stream, and come back. */
static void test_without_pipes_bytes_are_copied(void **state)
{
    struct pipeline l;

    (void)state;
    pipeline_init(&l);
    big_buffers(&l);
    without_pipes(&l);
    move_all(&l, 8, 4000 * 1000);
    assert_int_equal(l.tools.pipes.n_made, 0);
    l.tools.pipes.again_us = 0;
    move_all(&l, 9, 4000 * 1000);
    assert_true(l.tools.pipes.n_made > 0);
    pipeline_done(&l);
}

static void test_end_comes_through_the_pipe(void **state)
{
    struct pipeline l;

    (void)state;
    pipeline_init(&l);
    l.pump.splicing = true;
    rig_send(l.source, "last");
    assert_int_equal(shutdown(l.source, SHUT_WR), 0);
    assert_int_equal(run(&l, true).moved, 4);
    assert_true(l.pump.closed);
    rig_expect(l.sink, "last");
    rig_expect_end(l.sink);
    pipeline_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_message_owns_no_memory),
        cmocka_unit_test(test_without_permission_nothing_is_read),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_rest_is_sent_during_a_hold),
        cmocka_unit_test(test_end_is_passed_on_after_the_last_byte),
        cmocka_unit_test(test_tells_which_side_failed),
        cmocka_unit_test(test_abandoned_is_closed),
        cmocka_unit_test(test_share_of_a_turn),
        cmocka_unit_test(test_full_buffers_change_to_splice_and_small_ones_back),
        cmocka_unit_test(test_full_sink_keeps_the_pipe),
        cmocka_unit_test(test_abandoned_pipe_is_not_used_again),
        cmocka_unit_test(test_without_pipes_bytes_are_copied),
        cmocka_unit_test(test_end_comes_through_the_pipe),
    };

    return cmocka_run_group_tests_name("pump", tests, NULL, NULL);
}
