#include "io/loop.h"

#include "base/alloc.h"
#include "base/list.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

/* libuv's own timers count whole milliseconds; ours must fire after 300 us too. So all timers
 * hang on one timerfd, which the kernel serves from its high-resolution timers. There are some
 * dozens of them at most, and most are started with a deadline later than all the others: a
 * sorted list, searched from its end, beats a heap. */
struct loop {
    uv_loop_t uv;
    uv_poll_t clock;     /* watches clock_fd */
    uv_prepare_t rearm;  /* runs before each wait */
    struct list waiting; /* by deadline */
    struct list due;     /* taken from `waiting` by this turn, not called yet */
    int64_t armed_us;    /* deadline that clock_fd is set to; INT64_MAX: none */
    int clock_fd;
};

struct timer {
    struct list node;
    struct loop *loop;
    timer_fn *fn;
    void *arg;
    int64_t deadline_us;
};

struct loop_fd {
    uv_poll_t poll;
    timer_fn *fn;
    void *arg;
};

struct loop_signal {
    uv_signal_t signal;
    loop_signal_fn *fn;
    void *arg;
};

static int64_t clock_read(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* A libuv call that fails only when memory or descriptors are out, or when we misuse it. */
static void must(int rc)
{
    assert(rc == 0);
    (void)rc;
}

/* Sets the timerfd to the first deadline, once a turn, however many timers were moved. A deadline
 * that went away stays set: the turn that it causes finds nothing due. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    const struct timer *first;
    struct itimerspec when = {0};

    if (list_empty(&loop->waiting))
        return;
    first = CONTAINER_OF(loop->waiting.next, struct timer, node);
    if (first->deadline_us >= loop->armed_us)
        return;
    loop->armed_us = first->deadline_us;
    when.it_value.tv_sec = (time_t)(first->deadline_us / 1000000);
    when.it_value.tv_nsec = (long)(first->deadline_us % 1000000) * 1000;
    must(timerfd_settime(loop->clock_fd, TFD_TIMER_ABSTIME, &when, NULL));
}

/* Timers that a callback starts, even with 0, wait for the next turn: they go into `waiting`, which
 * is not looked at again here. Those that it stops leave `due` and are not called. */
static void on_clock(uv_poll_t *poll, int status, int events)
{
    struct loop *loop = poll->data;
    int64_t now_us = loop_now_us(loop);
    uint64_t expirations;
    struct list *node;

    (void)status;
    (void)events;
    if (read(loop->clock_fd, &expirations, sizeof(expirations)) < 0)
        return; /* set again since it was found readable */
    loop->armed_us = INT64_MAX;
    LIST_FOR_EACH (it, &loop->waiting) {
        if (CONTAINER_OF(it, struct timer, node)->deadline_us > now_us)
            break;
        list_remove(it);
        list_add_tail(&loop->due, it);
    }
    while ((node = list_pop(&loop->due))) {
        const struct timer *timer = CONTAINER_OF(node, struct timer, node);

        timer->fn(timer->arg); /* may free the timer */
    }
}

struct loop *loop_new(void)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));

    signal(SIGPIPE, SIG_IGN);
    list_init(&loop->waiting);
    list_init(&loop->due);
    loop->armed_us = INT64_MAX;
    loop->clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    assert(loop->clock_fd >= 0);
    must(uv_loop_init(&loop->uv));
    must(uv_poll_init(&loop->uv, &loop->clock, loop->clock_fd));
    must(uv_prepare_init(&loop->uv, &loop->rearm));
    loop->clock.data = loop;
    loop->rearm.data = loop;
    must(uv_poll_start(&loop->clock, UV_READABLE, on_clock));
    must(uv_prepare_start(&loop->rearm, on_prepare));
    return loop;
}

static void handle_check(uv_handle_t *handle, void *arg)
{
    (void)arg;
    assert(uv_is_closing(handle));
    (void)handle;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    assert(list_empty(&loop->waiting) && list_empty(&loop->due));
    uv_close((uv_handle_t *)&loop->clock, NULL);
    uv_close((uv_handle_t *)&loop->rearm, NULL);
    uv_walk(&loop->uv, handle_check, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
        continue; /* closes what its owners have given up; a stop that is pending ends one run */
    must(uv_loop_close(&loop->uv));
    close(loop->clock_fd);
    free(loop);
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

int64_t loop_now_us(struct loop *loop)
{
    (void)loop;
    return clock_read(CLOCK_MONOTONIC);
}

int64_t loop_wall_us(struct loop *loop)
{
    (void)loop;
    return clock_read(CLOCK_REALTIME);
}

struct uv_loop_s *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

struct timer *timer_new(struct loop *loop, timer_fn *fn, void *arg)
{
    struct timer *timer = xcalloc(1, sizeof(*timer));

    list_init(&timer->node);
    timer->loop = loop;
    timer->fn = fn;
    timer->arg = arg;
    return timer;
}

void timer_start(struct timer *timer, int64_t after_us)
{
    struct list *before = &timer->loop->waiting;
    int64_t now_us = loop_now_us(timer->loop);

    list_remove(&timer->node);
    timer->deadline_us = now_us;
    if (after_us > 0 && __builtin_add_overflow(now_us, after_us, &timer->deadline_us))
        timer->deadline_us = INT64_MAX - 1;
    /* Behind all that are not later: equal deadlines fire in the order in which they were set. */
    while (before->prev != &timer->loop->waiting &&
           CONTAINER_OF(before->prev, struct timer, node)->deadline_us > timer->deadline_us)
        before = before->prev;
    list_add_tail(before, &timer->node);
}

void timer_stop(struct timer *timer)
{
    list_remove(&timer->node);
}

bool timer_active(const struct timer *timer)
{
    return !list_empty(&timer->node);
}

void timer_free(struct timer *timer)
{
    if (!timer)
        return;
    list_remove(&timer->node);
    free(timer);
}

/* An error on the descriptor is told as readable: reading it says which. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct loop_fd *watch = poll->data;

    (void)status;
    (void)events;
    watch->fn(watch->arg);
}

static void on_handle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

struct loop_fd *loop_fd_new(struct loop *loop, int fd, timer_fn *on_readable, void *arg)
{
    struct loop_fd *watch = xcalloc(1, sizeof(*watch));

    watch->fn = on_readable;
    watch->arg = arg;
    must(uv_poll_init(&loop->uv, &watch->poll, fd));
    watch->poll.data = watch;
    must(uv_poll_start(&watch->poll, UV_READABLE, on_poll));
    return watch;
}

void loop_fd_free(struct loop_fd *watch)
{
    if (watch)
        uv_close((uv_handle_t *)&watch->poll, on_handle_closed);
}

static void on_signal(uv_signal_t *handle, int signo)
{
    const struct loop_signal *signal = handle->data;

    signal->fn(signal->arg, signo);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
    struct loop_signal *signal = xcalloc(1, sizeof(*signal));

    signal->fn = fn;
    signal->arg = arg;
    must(uv_signal_init(&loop->uv, &signal->signal));
    signal->signal.data = signal;
    must(uv_signal_start(&signal->signal, on_signal, signo));
    return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (signal)
        uv_close((uv_handle_t *)&signal->signal, on_handle_closed);
}
