#include "../cmocka_test.h"
#include "base/attrs.h"
#include "io/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* What happened, in order: one letter an event. */
static char trace[64];
static struct loop *loop;

static void trace_add(char c)
{
    size_t n = strlen(trace);

    assert_true(n + 1 < sizeof(trace));
    trace[n] = c;
    trace[n + 1] = 0;
}

static int setup(void **state)
{
    (void)state;
    trace[0] = 0;
    loop = loop_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void on_a(void *arg)
{
    (void)arg;
    trace_add('a');
}

static void on_b(void *arg)
{
    (void)arg;
    trace_add('b');
}

static void on_c(void *arg)
{
    (void)arg;
    trace_add('c');
}

static void on_end(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void run_for(int64_t us)
{
    struct timer *end = timer_new(loop, on_end, NULL);

    timer_start(end, us);
    loop_run(loop);
    timer_free(end);
}

static void test_order(void **state)
{
    struct timer *a = timer_new(loop, on_a, NULL), *b = timer_new(loop, on_b, NULL),
                 *c = timer_new(loop, on_c, NULL);

    (void)state;
    timer_start(c, 900);
    timer_start(b, 600);
    timer_start(a, 300);
    run_for(1000);
    assert_string_equal(trace, "abc");
    assert_false(timer_active(a));

    timer_start(a, 0);
    timer_start(b, 0);
    timer_start(c, 0);
    timer_start(a, 0); /* moves behind */
    run_for(100);
    assert_string_equal(trace, "abcbca");
    timer_free(a);
    timer_free(b);
    timer_free(c);
}

static void test_stop_and_restart(void **state)
{
    struct timer *a = timer_new(loop, on_a, NULL), *b = timer_new(loop, on_b, NULL);

    (void)state;
    timer_start(a, 100);
    assert_true(timer_active(a));
    timer_stop(a);
    timer_stop(a);
    assert_false(timer_active(a));
    timer_start(b, 1000000);
    timer_start(b, 200); /* sooner */
    timer_start(a, 300);
    timer_start(a, 1000000000); /* later */
    run_for(3000);
    assert_string_equal(trace, "b");
    timer_free(a);
    timer_start(b, INT64_MAX); /* does not overflow */
    run_for(1000);
    assert_true(timer_active(b));
    timer_free(b);
    timer_free(NULL);
    assert_string_equal(trace, "b");
}

/* A timer of 300 us fires at about 300 us: never early, and the best of many is not far off. */
static void test_precision(void **state)
{
    int64_t best_us = INT64_MAX;
    struct timer *a = timer_new(loop, on_end, NULL);

    (void)state;
    for (int i = 0; i < 200; i++) {
        int64_t started_us = loop_now_us(loop), took_us;

        timer_start(a, 300);
        loop_run(loop);
        took_us = loop_now_us(loop) - started_us;
        assert_true(took_us >= 300);
        if (took_us < best_us)
            best_us = took_us;
    }
    assert_true(best_us < 600);
    timer_free(a);
}

struct again {
    struct timer *timer;
    int count;
};

static void on_again(void *arg)
{
    struct again *again = arg;

    if (++again->count < 5)
        timer_start(again->timer, 0);
    else
        loop_stop(loop);
}

/* 0 is the next turn: descriptors get their chance between two calls. */
static int event_fd;

static void on_again_fd(void *arg)
{
    struct again *again = arg;
    uint64_t v;

    assert_int_equal(read(event_fd, &v, sizeof(v)), sizeof(v));
    assert_true(again->count < 5);
    trace_add('f');
}

static void test_zero_is_next_turn(void **state)
{
    struct again again = {.timer = timer_new(loop, on_again, &again)};
    struct loop_fd *watch;
    uint64_t one = 1;

    (void)state;
    event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watch = loop_fd_new(loop, event_fd, on_again_fd, &again);
    assert_int_equal(write(event_fd, &one, sizeof(one)), sizeof(one));
    timer_start(again.timer, 0);
    loop_run(loop);
    assert_int_equal(again.count, 5);
    assert_string_equal(trace, "f");
    loop_fd_free(watch);
    close(event_fd);
    timer_free(again.timer);
}

static struct timer *victim;

static void on_free_victim(void *arg)
{
    timer_free(victim);
    timer_free(arg);
    trace_add('x');
}

static struct timer *self;

static void on_free_both(void *arg)
{
    (void)arg;
    on_free_victim(self);
}

/* A callback may free its own timer, and one that is due in the same turn. */
static void test_free_in_callback(void **state)
{
    (void)state;
    self = timer_new(loop, on_free_both, NULL);
    victim = timer_new(loop, on_a, NULL);
    timer_start(self, 0);
    timer_start(victim, 0);
    run_for(1000);
    assert_string_equal(trace, "x");
}

static void on_stop_victim(void *arg)
{
    (void)arg;
    timer_stop(victim);
    trace_add('s');
}

static void test_stop_of_due(void **state)
{
    struct timer *stopper = timer_new(loop, on_stop_victim, NULL);

    (void)state;
    victim = timer_new(loop, on_a, NULL);
    timer_start(stopper, 0);
    timer_start(victim, 0);
    run_for(1000);
    assert_string_equal(trace, "s");
    timer_free(stopper);
    timer_free(victim);
}

static struct loop_fd *readable;
static int pair[2];

static void on_readable(void *arg)
{
    char c;

    (void)arg;
    if (read(pair[0], &c, 1) == 1) {
        trace_add(c);
        if (c == 'y')
            loop_stop(loop);
        return;
    }
    trace_add('0');
    loop_fd_free(readable); /* in its own callback */
    loop_stop(loop);
}

static void test_fd(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    readable = loop_fd_new(loop, pair[0], on_readable, NULL);
    run_for(500);
    assert_string_equal(trace, "");
    assert_int_equal(write(pair[1], "xy", 2), 2);
    loop_run(loop);
    assert_string_equal(trace, "xy");
    close(pair[1]);
    loop_run(loop);
    assert_string_equal(trace, "xy0");
    close(pair[0]);
    loop_fd_free(NULL);
}

static void on_signal(void *arg, int signo)
{
    assert_ptr_equal(arg, loop);
    assert_int_equal(signo, SIGUSR1);
    trace_add('u');
    loop_stop(loop);
}

static void test_signal(void **state)
{
    struct loop_signal *signal = loop_signal_new(loop, SIGUSR1, on_signal, loop);

    (void)state;
    assert_int_equal(raise(SIGUSR1), 0);
    loop_run(loop);
    assert_string_equal(trace, "u");
    loop_signal_free(signal);
    loop_signal_free(NULL);
}

static void test_no_sigpipe(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    assert_int_equal(write(fds[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(fds[1]);
}

static void test_clocks(void **state)
{
    int64_t before_us = loop_now_us(loop);

    (void)state;
    run_for(2000);
    assert_true(loop_now_us(loop) - before_us >= 2000);
    assert_true(loop_wall_us(loop) > INT64_C(1600000000000000)); /* after 2020 */
}

static void test_stop_before_run(void **state)
{
    (void)state;
    loop_stop(loop); /* ends the next run at once */
    loop_run(loop);
    loop_stop(loop); /* and does not keep loop_free from closing what is left */
    loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_and_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_precision, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zero_is_next_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_in_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_of_due, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fd, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_sigpipe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_before_run, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
