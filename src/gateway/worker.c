#include "gateway/worker.h"

#include "base/alloc.h"
#include "gateway/follow.h"
#include "gateway/relay.h"
#include "gateway/tls.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 256, ACCEPTS_PER_TURN = 64, ACCEPT_PAUSE_MS = 50 };

/* Sessions that are closed in a turn: a millisecond's worth. When more events wait than the turn
 * could take, it is few: after a cut the news of its own resets stand in front of the next client.
 */
enum { BURIALS_PER_TURN = 128, BURIALS_PER_FULL_TURN = 16 };

static int64_t clock_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int watch(struct worker *w, int op, int fd, uint32_t events, struct source *source)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    return epoll_ctl(w->epoll, op, fd, &event) < 0 ? -errno : 0;
}

int worker_watch(struct worker *w, int fd, struct source *source)
{
    return watch(w, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | (uint32_t)EPOLLET, source);
}

/* ---- reports ---- */

void worker_tell(struct worker *w, uint64_t change, struct gateway_report report)
{
    struct notice *n = xcalloc(1, sizeof *n);

    *n = (struct notice){.change = change, .at_us = w->now_us, .report = report};
    mailbox_post(w->reports, &n->node);
}

void worker_tell_failure(struct worker *w, unsigned upstream, const char *doing, int err)
{
    uint64_t generation = w->route.given.generation;

    if (failure_gate_pass(&w->failures, generation, upstream, w->now_us))
        worker_tell(w, 0,
                    (struct gateway_report){.kind = GATEWAY_UPSTREAM_FAILED,
                                            .generation = generation,
                                            .upstream = upstream,
                                            .deserted = err == ECONNREFUSED,
                                            .why = fail_errno(doing, err)});
}

/* ---- accepting ---- */

static void set_accepting(struct worker *w, bool accepting)
{
    if (w->accepting == accepting || w->listener < 0)
        return;
    w->accepting = accepting;
    (void)watch(w, EPOLL_CTL_MOD, w->listener, accepting ? EPOLLIN : 0, &w->listener_source);
}

static void on_accept_again(struct deadline *d)
{
    set_accepting(CONTAINER_OF(d, struct worker, accept_again), true);
}

void worker_pause_accepting(struct worker *w, int err)
{
    set_accepting(w, false);
    worker_tell(w, 0,
                (struct gateway_report){.kind = GATEWAY_EXHAUSTED,
                                        .generation = w->route.given.generation,
                                        .why = fail_errno("accept", err)});
    deadlines_set(&w->deadlines, &w->accept_again, w->now_us + ACCEPT_PAUSE_MS * 1000);
}

static void take_client(struct worker *w, int fd, const struct sockaddr *from)
{
    struct origin origin;

    tally_add(&w->tally.accepted_total, 1);
    (void)!origin_of_sockaddr(&origin, from);
    if (shared_enter(&w->shared->admitted, w->config->max_connections)) {
        session_accept(w, fd, &origin);
        return;
    }
    sock_reset(fd);
    close(fd);
    tally_add(&w->tally.refused[GATEWAY_REFUSED_LIMIT], 1);
}

static void on_listener_events(struct source *source, uint32_t events)
{
    struct worker *w = CONTAINER_OF(source, struct worker, listener_source);

    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && w->accepting; i++) {
        struct sock_address from = {.size = sizeof from.v6};
        int fd = accept4(w->listener, &from.any, &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            take_client(w, fd, &from.any);
        else if (errno == EAGAIN)
            return;
        else if (sock_error_is_ours(errno))
            worker_pause_accepting(w, errno);
        /* Other errors are those of a connection that was over before it was taken. */
    }
}

/* ---- orders ---- */

static void refuse_all(struct list *sessions)
{
    while (!list_empty(sessions))
        session_refuse(CONTAINER_OF(sessions->next, struct session, node),
                       GATEWAY_REFUSED_STOPPING);
}

static void renew_tls(struct worker *w, struct ssl_ctx_st *tls)
{
    tls_context_free(w->tls); /* sessions keep theirs */
    w->tls = tls;
}

static void stop(struct worker *w)
{
    close(w->listener);
    w->listener = -1;
    w->accepting = false;
    (void)follow_cut(w, GATEWAY_CUT_STOPPING);
    refuse_all(&w->parked);
    refuse_all(&w->arriving);
    w->stopping = true;
}

static void on_mail_events(struct source *source, uint32_t events)
{
    struct worker *w = CONTAINER_OF(source, struct worker, mail_source);
    struct list *node;

    (void)events;
    mailbox_hush(&w->mail);
    while ((node = mailbox_take(&w->mail))) {
        struct order *o = CONTAINER_OF(node, struct order, node);

        switch (o->kind) {
        case ORDER_FOLLOW:
            follow_route(w, o->change, &o->route);
            break;
        case ORDER_RENEW_TLS:
            renew_tls(w, o->tls);
            break;
        case ORDER_STOP:
            stop(w);
            break;
        }
        free(o);
    }
}

/* ---- time ---- */

/* The timer fires at the earliest deadline, or before it: it is set only when a deadline comes
 * sooner than what it stands at. So a wait for events, of which there are many for each deadline,
 * need not set one up in the kernel. */
static void set_timer(struct worker *w)
{
    int64_t next_us = deadlines_next_us(&w->deadlines);
    struct itimerspec at = {.it_value = {next_us / 1000000, next_us % 1000000 * 1000}};

    if (next_us >= w->timer_us)
        return;
    (void)timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &at, NULL);
    w->timer_us = next_us;
}

static void on_timer_events(struct source *source, uint32_t events)
{
    struct worker *w = CONTAINER_OF(source, struct worker, timer_source);
    uint64_t times;

    (void)events;
    (void)!read(w->timer, &times, sizeof times);
    w->timer_us = INT64_MAX;
}

/* A process that was stopped, or got no time, has missed what control would have told it: the
 * sessions' upstream may be no main any more, and what it has still said must not reach a client.
 * When it happens in the middle of a turn, the pumps read nothing for the rest of it. */
static void check_stall(struct worker *w, int64_t last_us)
{
    int64_t limit_us = w->config->stall_limit_ms * 1000;

    if (!limit_us)
        return;
    if (w->now_us - last_us > limit_us)
        follow_stall(w);
    deadlines_set(&w->deadlines, &w->pulse, w->now_us + limit_us / 4);
    w->tools.read_until_us = w->now_us + limit_us;
}

static void on_pulse(struct deadline *d)
{
    (void)d; /* that there is a turn is all it is for */
}

/* ---- the loop ---- */

static void run_busy(struct worker *w)
{
    struct list now, *node;

    list_init(&now);
    while ((node = list_pop(&w->busy)))
        list_add_tail(&now, node);
    while ((node = list_pop(&now)))
        relay_run(CONTAINER_OF(node, struct session, busy));
}

static void turn(struct worker *w)
{
    struct epoll_event events[EVENTS_PER_TURN];
    bool idle = list_empty(&w->busy) && list_empty(&w->ended);
    struct deadline *due;
    int64_t last_us = w->now_us;
    int n;

    set_timer(w);
    n = epoll_wait(w->epoll, events, EVENTS_PER_TURN, idle ? -1 : 0);
    assert(n >= 0 || errno == EINTR);
    w->now_us = w->tools.now_us = clock_us();
    check_stall(w, last_us);
    for (int i = 0; i < n; i++) {
        struct source *source = events[i].data.ptr;

        source->on_events(source, events[i].events);
    }
    run_busy(w);
    while ((due = deadlines_take(&w->deadlines, w->now_us)))
        due->on_passed(due);
    follow_check_drained(w);
    session_bury(w, n == EVENTS_PER_TURN ? BURIALS_PER_FULL_TURN : BURIALS_PER_TURN);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;

    w->now_us = clock_us();
    check_stall(w, w->now_us);
    while (!w->stopping)
        turn(w);
    session_bury(w, SIZE_MAX);
    return NULL;
}

/* ---- start and stop, on the control thread ---- */

static void destroy(struct worker *w)
{
    if (w->listener >= 0)
        close(w->listener);
    if (w->epoll >= 0)
        close(w->epoll);
    if (w->timer >= 0)
        close(w->timer);
    mailbox_done(&w->mail);
    deadlines_done(&w->deadlines);
    tls_context_free(w->tls);
    pipes_done(&w->tools.pipes);
    free(w->tools.scratch);
    free(w);
}

static int start_thread(struct worker *w)
{
    sigset_t all, before;
    int err;

    /* Signals are for the control thread. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&w->thread, NULL, worker_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!err)
        (void)pthread_setname_np(w->thread, "gateway");
    return -err;
}

struct worker *worker_start(const struct gateway_config *config, struct shared *shared,
                            int listener, struct ssl_ctx_st *tls, struct mailbox *reports, int *err)
{
    struct worker *w = xcalloc(1, sizeof *w);

    w->config = config;
    w->reports = reports;
    w->shared = shared;
    w->tls = tls;
    w->listener = listener;
    w->accepting = true;
    w->listener_source.on_events = on_listener_events;
    w->mail_source.on_events = on_mail_events;
    w->timer_source.on_events = on_timer_events;
    w->timer_us = INT64_MAX;
    w->accept_again.on_passed = on_accept_again;
    w->pulse.on_passed = on_pulse;
    list_init(&w->arriving);
    list_init(&w->parked);
    list_init(&w->connecting);
    list_init(&w->flowing);
    list_init(&w->busy);
    list_init(&w->ended);
    w->tools.scratch = xcalloc(1, config->buffer_size);
    w->tools.size = config->buffer_size;
    follow_init(w);
    *err = mailbox_init(&w->mail);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!*err && w->epoll < 0)
        *err = -errno;
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (!*err && w->timer < 0)
        *err = -errno;
    if (!*err)
        *err = watch(w, EPOLL_CTL_ADD, w->timer, EPOLLIN, &w->timer_source);
    if (!*err)
        *err = watch(w, EPOLL_CTL_ADD, w->mail.fd, EPOLLIN, &w->mail_source);
    if (!*err)
        *err = watch(w, EPOLL_CTL_ADD, listener, EPOLLIN, &w->listener_source);
    if (!*err)
        *err = start_thread(w);
    if (*err) {
        destroy(w);
        return NULL;
    }
    return w;
}

void worker_stop(struct worker *w)
{
    struct order *o = xcalloc(1, sizeof *o);

    o->kind = ORDER_STOP;
    mailbox_post(&w->mail, &o->node);
    pthread_join(w->thread, NULL);
    destroy(w);
}
