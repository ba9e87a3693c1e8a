/* The poke against a listener on loopback that counts the bytes of each connection. */
#include "io/loop.h"
#include "io/poke.h"

#include "base/alloc.h"
#include "base/list.h"

#include "../cmocka_test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { PATIENCE_US = 5 * 1000 * 1000, COUNT = 6, HALF = 3, MOMENTS_MAX = 64 };

struct peer {
    struct list node;
    uv_tcp_t tcp;
    struct test *test;
    unsigned bytes;
};

struct test {
    struct loop *loop;
    struct timer *patience;
    bool expired;
    uv_tcp_t listener;
    bool listening;
    unsigned port;
    struct list peers;
    unsigned accepted, open;
    unsigned bytes;             /* on all connections */
    int64_t at_us[MOMENTS_MAX]; /* when each of them came */
    struct poke *poke;
};

static void on_impatient(void *arg)
{
    ((struct test *)arg)->expired = true;
}

#define WAIT(t, condition)                                                                         \
    do {                                                                                           \
        timer_start((t)->patience, PATIENCE_US);                                                   \
        while (!(condition)) {                                                                     \
            assert_false((t)->expired);                                                            \
            uv_run(loop_uv((t)->loop), UV_RUN_ONCE);                                               \
        }                                                                                          \
        timer_stop((t)->patience);                                                                 \
    } while (0)

static void on_peer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_peer(struct peer *peer)
{
    peer->test->open--;
    list_remove(&peer->node);
    uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    static char bytes[256];

    (void)handle;
    (void)suggested;
    *out = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *input)
{
    struct peer *peer = stream->data;
    struct test *t = peer->test;

    if (n < 0) {
        close_peer(peer);
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        assert_int_equal(input->base[i], 0);
        assert_true(t->bytes < MOMENTS_MAX);
        t->at_us[t->bytes++] = loop_now_us(t->loop);
    }
    peer->bytes += (unsigned)n;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct test *t = listener->data;
    struct peer *peer = xcalloc(1, sizeof *peer);

    assert_int_equal(status, 0);
    peer->test = t;
    assert_int_equal(uv_tcp_init(listener->loop, &peer->tcp), 0);
    peer->tcp.data = peer;
    list_init(&peer->node);
    list_add_tail(&t->peers, &peer->node);
    t->accepted++;
    t->open++;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&peer->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_read), 0);
}

static void start_listening(struct test *t)
{
    struct sockaddr_in address;
    int size = sizeof address;

    assert_int_equal(uv_ip4_addr("127.0.0.1", (int)t->port, &address), 0);
    assert_int_equal(uv_tcp_init(loop_uv(t->loop), &t->listener), 0);
    t->listener.data = t;
    assert_int_equal(uv_tcp_bind(&t->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&t->listener, 16, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&t->listener, (struct sockaddr *)&address, &size), 0);
    t->port = ntohs(address.sin_port);
    t->listening = true;
}

static void stop_listening(struct test *t)
{
    if (!t->listening)
        return;
    t->listening = false;
    uv_close((uv_handle_t *)&t->listener, NULL);
    LIST_FOR_EACH (it, &t->peers)
        close_peer(CONTAINER_OF(it, struct peer, node));
}

static int setup(void **state)
{
    struct test *t = xcalloc(1, sizeof *t);

    t->loop = loop_new();
    t->patience = timer_new(t->loop, on_impatient, t);
    list_init(&t->peers);
    start_listening(t);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct test *t = *state;

    poke_free(t->poke);
    stop_listening(t);
    timer_free(t->patience);
    loop_free(t->loop);
    free(t);
    return 0;
}

static void start(struct test *t)
{
    t->poke = poke_new(t->loop, "127.0.0.1", t->port, COUNT);
    WAIT(t, poke_connected(t->poke) == COUNT && t->open == COUNT);
}

/* Three bytes on each connection, the first half of them at once, at their times. */
static void test_fire(void **state)
{
    static const int64_t steps_us[] = {300, 1000, 3000, 8000, 25000, 80000};
    struct test *t = *state;
    struct timer *wake = timer_new(t->loop, on_impatient, &(struct test){0});
    int64_t fired_us;

    start(t);
    fired_us = loop_now_us(t->loop);
    poke_fire(t->poke);
    WAIT(t, t->bytes == 3 * COUNT);
    for (unsigned i = 0; i < 3 * COUNT; i++) {
        assert_true(t->at_us[i] - fired_us >= steps_us[i / HALF]);
        assert_true(t->at_us[i] - fired_us < steps_us[i / HALF] + 500000);
    }
    LIST_FOR_EACH (it, &t->peers)
        assert_int_equal(CONTAINER_OF(it, struct peer, node)->bytes, 3);
    poke_fire(t->poke); /* used up: not one byte more in the time of all steps */
    fired_us = loop_now_us(t->loop);
    timer_start(wake, steps_us[5] + 5000);
    WAIT(t, loop_now_us(t->loop) - fired_us > steps_us[5] + 5000);
    timer_free(wake);
    assert_int_equal(t->bytes, 3 * COUNT);
}

/* The answer came early: no bytes any more. */
static void test_stop(void **state)
{
    struct test *t = *state;
    struct timer *wake = timer_new(t->loop, on_impatient, &(struct test){0});
    int64_t stopped_us;

    start(t);
    poke_fire(t->poke);
    poke_stop(t->poke);
    stopped_us = loop_now_us(t->loop);
    timer_start(wake, 90000);
    WAIT(t, loop_now_us(t->loop) - stopped_us >= 90000); /* the last step is at 80 ms */
    timer_free(wake);
    assert_int_equal(t->bytes, 0);
    assert_int_equal(t->accepted, COUNT);
}

/* Used connections are replaced, so that the next promotion may be poked as well. */
static void test_fresh_connections_after_stop(void **state)
{
    struct test *t = *state;

    start(t);
    poke_fire(t->poke);
    WAIT(t, t->bytes == 3 * COUNT);
    poke_stop(t->poke);
    WAIT(t, t->accepted == 2 * COUNT && t->open == COUNT && poke_connected(t->poke) == COUNT);
    t->bytes = 0;
    poke_fire(t->poke);
    WAIT(t, t->bytes == 3 * COUNT);
    poke_stop(t->poke);
    poke_stop(t->poke);
}

static void test_reconnects(void **state)
{
    struct test *t = *state;

    start(t);
    stop_listening(t);
    WAIT(t, poke_connected(t->poke) == 0);
    start_listening(t);
    WAIT(t, poke_connected(t->poke) == COUNT); /* by itself */
}

static void test_connect_does_not_wait(void **state)
{
    struct test *t = *state;
    int64_t asked_us;

    stop_listening(t);
    t->poke = poke_new(t->loop, "127.0.0.1", t->port, COUNT);
    uv_run(loop_uv(t->loop), UV_RUN_ONCE);
    assert_int_equal(poke_connected(t->poke), 0);
    poke_fire(t->poke); /* nobody there: nothing happens */
    start_listening(t);
    asked_us = loop_now_us(t->loop);
    poke_connect(t->poke);
    WAIT(t, poke_connected(t->poke) == COUNT);
    assert_true(loop_now_us(t->loop) - asked_us < 90000); /* its own turn comes after 100 ms */
    poke_stop(t->poke);
}

/* Attempts whose first packet was lost would wait a second for the next one. */
static void test_connect_restarts_attempts(void **state)
{
    struct test *t = *state;
    struct sockaddr_in address;
    int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    int64_t asked_us;

    stop_listening(t);
    assert_int_equal(uv_ip4_addr("127.0.0.1", (int)t->port, &address), 0);
    assert_int_equal(setsockopt(deaf, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    uv_run(loop_uv(t->loop), UV_RUN_NOWAIT); /* closes the listener */
    assert_int_equal(bind(deaf, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(deaf, 0), 0); /* one fits in; the others' packets are dropped */
    t->poke = poke_new(t->loop, "127.0.0.1", t->port, COUNT);
    WAIT(t, poke_connected(t->poke) > 0);
    assert_true(poke_connected(t->poke) < COUNT);
    close(deaf);
    start_listening(t);
    asked_us = loop_now_us(t->loop);
    poke_connect(t->poke);
    WAIT(t, poke_connected(t->poke) >= COUNT - 1);
    assert_true(loop_now_us(t->loop) - asked_us < 800000);
}

static void test_no_address_and_no_connections(void **state)
{
    struct test *t = *state;

    t->poke = poke_new(t->loop, "nonsense", t->port, 1);
    poke_connect(t->poke);
    assert_int_equal(poke_connected(t->poke), 0);
    poke_free(t->poke);
    t->poke = poke_new(t->loop, "127.0.0.1", t->port, 0);
    poke_fire(t->poke);
    poke_free(t->poke);
    t->poke = NULL;
    poke_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fire),
        TEST(test_stop),
        TEST(test_fresh_connections_after_stop),
        TEST(test_reconnects),
        TEST(test_connect_does_not_wait),
        TEST(test_connect_restarts_attempts),
        TEST(test_no_address_and_no_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
