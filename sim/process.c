#include "sim/process.h"

#include "base/alloc.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>

/* 2026-01-01T00:00:00Z */
static const int64_t epoch_wall_us = 1767225600LL * 1000 * 1000;

enum { FDS_MAX = 64, FD_FIRST = 1000 };

struct loop {
    char name[64];
    struct process_config config;
    bool frozen, dead, ending;
    struct list held;
    int64_t wall_shift_us;
    uint64_t outputs, kill_at;
};

struct timer {
    struct happening h;
};

struct loop_fd {
    struct happening h;
    int fd;
};

struct loop_signal {
    int signo;
};

/* A descriptor that becomes readable: who watches it. */
static struct {
    struct loop *process;
    struct loop_fd *watch;
    bool used, rung;
} fds[FDS_MAX];

static struct loop *current;
static struct loop *dying; /* died in the callback that runs */

/* ---- life ---- */

struct loop *process_new(const struct process_config *config)
{
    struct loop *p = xcalloc(1, sizeof *p);

    p->config = *config;
    (void)str_copy(p->name, sizeof p->name, config->name);
    list_init(&p->held);
    return p;
}

void process_free(struct loop *p)
{
    if (!p)
        return;
    assert(list_empty(&p->held));
    if (current == p)
        current = NULL;
    if (dying == p)
        dying = NULL;
    free(p);
}

static void end_process(struct loop *p)
{
    if (p->ending)
        return;
    p->ending = true;
    if (p->config.on_end)
        p->config.on_end(p->config.arg);
}

void process_kill(struct loop *p)
{
    if (p->dead)
        return;
    p->dead = true;
    if (current == p)
        dying = p;
    else
        end_process(p);
}

void process_run(struct loop *p, void (*fn)(void *arg), void *arg)
{
    struct loop *before = current;

    current = p;
    fn(arg);
    current = before;
    if (dying && dying != current) {
        p = dying;
        dying = NULL;
        end_process(p);
    }
}

bool process_may_run(struct loop *p, struct happening *h)
{
    if (p->dead)
        return false;
    if (p->frozen)
        list_add_tail(&p->held, &h->held);
    return !p->frozen;
}

void process_freeze(struct loop *p, bool frozen)
{
    p->frozen = frozen;
    if (frozen)
        return;
    while (!list_empty(&p->held))
        happening_at(CONTAINER_OF(p->held.next, struct happening, held), clock_now_us());
}

bool process_alive(const struct loop *p)
{
    return !p->dead;
}

bool process_frozen(const struct loop *p)
{
    return p->frozen;
}

const char *process_name(const struct loop *p)
{
    return p->name;
}

struct host *process_host(const struct loop *p)
{
    return p->config.host;
}

void process_shift_wall(struct loop *p, int64_t by_us)
{
    p->wall_shift_us += by_us;
}

void process_kill_at_output(struct loop *p, uint64_t n)
{
    p->kill_at = n ? p->outputs + n : 0;
}

uint64_t process_outputs(const struct loop *p)
{
    return p->outputs;
}

struct loop *process_current(void)
{
    return current;
}

bool process_says(struct loop *p)
{
    if (!p->dead && ++p->outputs == p->kill_at)
        process_kill(p);
    return !p->dead;
}

/* ---- io/loop.h ---- */

void loop_free(struct loop *loop)
{
    process_free(loop);
}

void loop_stop(struct loop *loop)
{
    process_kill(loop);
}

int64_t loop_now_us(struct loop *loop)
{
    (void)loop;
    return clock_now_us();
}

int64_t process_wall_us(void)
{
    return epoch_wall_us + clock_now_us();
}

int64_t loop_wall_us(struct loop *loop)
{
    return process_wall_us() + loop->wall_shift_us;
}

struct timer *timer_new(struct loop *loop, timer_fn *fn, void *arg)
{
    struct timer *timer = xcalloc(1, sizeof *timer);

    happening_init(&timer->h, loop, fn, arg);
    return timer;
}

void timer_start(struct timer *timer, int64_t after_us)
{
    happening_after(&timer->h, after_us);
}

void timer_stop(struct timer *timer)
{
    happening_cancel(&timer->h);
}

bool timer_active(const struct timer *timer)
{
    return happening_planned(&timer->h);
}

void timer_free(struct timer *timer)
{
    if (!timer)
        return;
    happening_cancel(&timer->h);
    free(timer);
}

/* ---- descriptors ---- */

int process_fd_new(struct loop *p)
{
    for (int i = 0; i < FDS_MAX; i++) {
        if (fds[i].used)
            continue;
        fds[i].used = true;
        fds[i].rung = false;
        fds[i].process = p;
        fds[i].watch = NULL;
        return FD_FIRST + i;
    }
    abort(); /* no process has so many */
}

void process_fd_ring(int fd)
{
    fds[fd - FD_FIRST].rung = true;
    if (fds[fd - FD_FIRST].watch)
        happening_after(&fds[fd - FD_FIRST].watch->h, 0);
}

void process_fd_free(int fd)
{
    fds[fd - FD_FIRST].used = false;
}

struct loop_fd *loop_fd_new(struct loop *loop, int fd, timer_fn *on_readable, void *arg)
{
    struct loop_fd *watch = xcalloc(1, sizeof *watch);

    happening_init(&watch->h, loop, on_readable, arg);
    watch->fd = fd;
    fds[fd - FD_FIRST].watch = watch;
    if (fds[fd - FD_FIRST].rung)
        happening_after(&watch->h, 0);
    return watch;
}

void loop_fd_free(struct loop_fd *watch)
{
    if (!watch)
        return;
    happening_cancel(&watch->h);
    fds[watch->fd - FD_FIRST].watch = NULL;
    free(watch);
}

/* Signals do not exist here: a process is stopped by its owner. */
struct loop_signal *loop_signal_new(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
    struct loop_signal *signal = xcalloc(1, sizeof *signal);

    (void)loop;
    (void)fn;
    (void)arg;
    signal->signo = signo;
    return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
    free(signal);
}
