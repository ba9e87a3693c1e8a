#include "gateway/session.h"

#include "base/alloc.h"
#include "gateway/relay.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static void try_upstreams(struct session *s, unsigned first);

/* ---- state ---- */

static struct list *list_of(struct session *s, enum session_state state)
{
    switch (state) {
    case SESSION_PARKED:
        return &s->worker->parked;
    case SESSION_CONNECTING:
        return &s->worker->connecting;
    case SESSION_FLOWING:
        return &s->worker->flowing;
    case SESSION_ENDED:
        break;
    }
    return &s->worker->ended;
}

/* The only place that changes the state: lists, gauges and times go with it. */
static void enter(struct session *s, enum session_state state)
{
    struct worker *w = s->worker;
    struct tally *t = &w->tally;
    enum session_state old = s->state;

    if (old == SESSION_PARKED && state != SESSION_PARKED) {
        tally_take(&t->parked, 1);
        tally_observe(&t->parked_time, w->now_us - s->since_us);
    }
    if (old == SESSION_FLOWING)
        tally_take(&t->sessions_active, 1);
    if (state == SESSION_PARKED && old != SESSION_PARKED)
        tally_add(&t->parked, 1);
    if (state == SESSION_FLOWING) {
        tally_add(&t->sessions_active, 1);
        tally_add(&t->sessions_total, 1);
        tally_observe(&t->connect_time, w->now_us - s->since_us);
    }
    list_remove(&s->node);
    list_add_tail(list_of(s, state), &s->node);
    s->state = state;
    if (old != SESSION_PARKED || state != SESSION_PARKED)
        s->since_us = w->now_us;
}

static void close_peer(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

void session_end(struct session *s, enum session_farewell farewell)
{
    struct worker *w = s->worker;

    assert(s->state != SESSION_ENDED);
    enter(s, SESSION_ENDED);
    list_remove(&s->busy);
    deadlines_clear(&w->deadlines, &s->deadline);
    pump_done(&s->up);
    pump_done(&s->down);
    if (farewell == SESSION_RESETS) {
        sock_reset(s->client.fd);
        if (s->upstream.fd >= 0)
            sock_reset(s->upstream.fd);
    }
    atomic_fetch_sub_explicit(w->admitted, 1, memory_order_relaxed);
}

void session_cut(struct session *s, enum gateway_cut why)
{
    tally_add(&s->worker->tally.cut[why], 1);
    session_end(s, SESSION_RESETS);
}

void session_refuse(struct session *s, enum gateway_refusal why)
{
    tally_add(&s->worker->tally.refused[why], 1);
    session_end(s, SESSION_RESETS);
}

void session_bury(struct worker *w, size_t most)
{
    struct list *node;

    while (most-- && (node = list_pop(&w->ended))) {
        struct session *s = CONTAINER_OF(node, struct session, node);

        close_peer(&s->client); /* this takes it out of epoll, too */
        close_peer(&s->upstream);
        free(s);
    }
}

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* 0 ms: no limit. */
static int64_t limit(int64_t since_us, int64_t within_ms)
{
    return within_ms > 0 ? since_us + within_ms * 1000 : INT64_MAX;
}

/* The next moment at which the session's time may be over. Bytes do not move the deadline, they
 * are looked at when it passes: so traffic costs the heap nothing. */
static int64_t time_out(const struct session *s)
{
    const struct gateway_config *c = s->worker->config;
    int64_t whole = s->answered ? INT64_MAX : limit(s->accepted_us, c->session_timeout_ms);

    switch (s->state) {
    case SESSION_PARKED:
        return earlier(whole, limit(s->parked_us, c->hold_timeout_ms));
    case SESSION_CONNECTING:
        return earlier(whole, limit(s->since_us, c->connect_timeout_ms));
    case SESSION_FLOWING:
        return earlier(whole, limit(s->moved_us, c->idle_timeout_ms));
    case SESSION_ENDED:
        break;
    }
    return INT64_MAX;
}

static void set_deadline(struct session *s)
{
    int64_t at_us = time_out(s);

    if (at_us == INT64_MAX)
        deadlines_clear(&s->worker->deadlines, &s->deadline);
    else
        deadlines_set(&s->worker->deadlines, &s->deadline, at_us);
}

/* ---- parking and connecting ---- */

static void park(struct session *s)
{
    const struct worker *w = s->worker;

    if (!w->config->hold_timeout_ms) {
        session_refuse(s, s->turned_down ? GATEWAY_REFUSED_UPSTREAM : GATEWAY_REFUSED_HOLD_TIMEOUT);
        return;
    }
    enter(s, SESSION_PARKED);
    if (!s->parked_us)
        s->parked_us = w->now_us;
    set_deadline(s);
}

void session_tell_failure(const struct session *s, const char *doing, int err)
{
    const struct gateway_route *r = &s->worker->route.given;
    unsigned i = s->upstream_index;
    char text[96];

    (void)str_format(text, sizeof text, "%s %s port %u", doing, r->upstream[i].host,
                     r->upstream[i].port);
    worker_tell_failure(s->worker, i, fail_errno(text, err));
}

static void turn_down(struct session *s, int err)
{
    close_peer(&s->upstream);
    session_tell_failure(s, "connect to", err);
}

/* 0, or the positive errno with which the connect failed at once. */
static int begin_connect(struct session *s)
{
    struct worker *w = s->worker;
    int fd = sock_connect(&w->route.address[s->upstream_index], w->config->user_timeout_ms);
    int err;

    if (fd < 0)
        return -fd;
    s->upstream.fd = fd;
    s->upstream.readable = s->upstream.writable = s->upstream.ending = false;
    err = -worker_watch(w, fd, &s->upstream.source);
    if (err)
        close_peer(&s->upstream);
    return err;
}

/* In the order of the route. A client that nobody takes waits for the next route: the main has
 * just died, and control knows it by now. */
static void try_upstreams(struct session *s, unsigned first)
{
    struct worker *w = s->worker;

    for (unsigned i = first; i < w->route.given.upstreams; i++) {
        int err;

        s->upstream_index = i;
        err = begin_connect(s);
        if (!err) {
            enter(s, SESSION_CONNECTING);
            set_deadline(s);
            return;
        }
        if (sock_error_is_ours(err)) {
            worker_pause_accepting(w);
            session_refuse(s, GATEWAY_REFUSED_UPSTREAM);
            return;
        }
        turn_down(s, err);
    }
    s->turned_down = true;
    park(s);
}

void session_connect(struct session *s)
{
    s->turned_down = false;
    try_upstreams(s, 0);
}

static void on_connect_decided(struct session *s)
{
    int err = sock_error(s->upstream.fd);

    if (err) {
        turn_down(s, err);
        try_upstreams(s, s->upstream_index + 1);
        return;
    }
    enter(s, SESSION_FLOWING);
    s->upstream.writable = true;
    s->moved_us = s->worker->now_us;
    set_deadline(s);
    relay_run(s);
}

/* ---- events ---- */

static void note_events(struct peer *p, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        p->readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        p->writable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        p->ending = true;
}

static void on_client_events(struct source *source, uint32_t events)
{
    struct session *s = CONTAINER_OF(source, struct session, client.source);

    note_events(&s->client, events);
    switch (s->state) {
    case SESSION_PARKED:
    case SESSION_CONNECTING:
        if (events & (EPOLLERR | EPOLLHUP))
            session_end(s, SESSION_RESETS);
        break;
    case SESSION_FLOWING:
        if (events & EPOLLERR)
            session_end(s, SESSION_RESETS);
        else
            relay_run(s);
        break;
    case SESSION_ENDED:
        break;
    }
}

static void on_upstream_events(struct source *source, uint32_t events)
{
    struct session *s = CONTAINER_OF(source, struct session, upstream.source);

    switch (s->state) {
    case SESSION_CONNECTING:
        note_events(&s->upstream, events);
        if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
            on_connect_decided(s);
        break;
    case SESSION_FLOWING:
        note_events(&s->upstream, events);
        relay_run(s);
        /* What it had sent before went to the client, as far as that takes it now. A held session
         * or a slow client does not keep the news from control. */
        if (events & EPOLLERR && s->state == SESSION_FLOWING) {
            int err = sock_error(s->upstream.fd);

            relay_upstream_failed(s, err ? err : ECONNRESET);
        }
        break;
    case SESSION_PARKED:
    case SESSION_ENDED:
        break;
    }
}

static void on_deadline_passed(struct deadline *d)
{
    struct session *s = CONTAINER_OF(d, struct session, deadline);
    const struct gateway_config *c = s->worker->config;
    int64_t now_us = s->worker->now_us;

    if (time_out(s) > now_us) {
        set_deadline(s);
        return;
    }
    if (!s->answered && limit(s->accepted_us, c->session_timeout_ms) <= now_us) {
        session_refuse(s, GATEWAY_REFUSED_TIMEOUT);
    } else if (s->state == SESSION_PARKED) {
        session_refuse(s, s->turned_down ? GATEWAY_REFUSED_UPSTREAM : GATEWAY_REFUSED_HOLD_TIMEOUT);
    } else if (s->state == SESSION_CONNECTING) {
        turn_down(s, ETIMEDOUT);
        try_upstreams(s, s->upstream_index + 1);
    } else {
        session_cut(s, GATEWAY_CUT_IDLE);
    }
}

/* ---- accept ---- */

static struct session *new_session(struct worker *w, int fd)
{
    struct session *s = xcalloc(1, sizeof *s);

    *s = (struct session){
        .worker = w,
        .state = SESSION_CONNECTING, /* or parked: it is in no list and no gauge yet */
        .client = {.source.on_events = on_client_events, .fd = fd, .writable = true},
        .upstream = {.source.on_events = on_upstream_events, .fd = -1},
        .deadline.on_passed = on_deadline_passed,
        .accepted_us = w->now_us,
        .since_us = w->now_us,
    };
    list_init(&s->node);
    list_init(&s->busy);
    pump_init(&s->up, &s->client, &s->upstream);
    pump_init(&s->down, &s->upstream, &s->client);
    return s;
}

void session_accept(struct worker *w, int fd)
{
    struct session *s = new_session(w, fd);
    const struct gateway_route *r = &w->route.given;

    if (worker_watch(w, fd, &s->client.source)) {
        session_refuse(s, GATEWAY_REFUSED_LIMIT);
        return;
    }
    switch (r->kind) {
    case GATEWAY_FORWARD:
        if (r->hold)
            park(s);
        else
            session_connect(s);
        break;
    case GATEWAY_PARK:
        park(s);
        break;
    case GATEWAY_REFUSE:
        session_refuse(s, GATEWAY_REFUSED_NO_ROUTE);
        break;
    }
}
